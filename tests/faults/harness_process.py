"""A harness to be killed: takes the lock, opens a run and runs one block of the fake worker, as ``run`` does.

Called as ``python -m tests.faults.harness_process ROOT ENGINE VARIANT…``; ENGINE is ``fake``, or ``IMAGE@LABEL`` for
containers. It prints ``stored N`` after each record. A run that is there already is resumed: what has its record is
not run again.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.engines.base import Engine, ImageRef
from harness.engines.fake import FakeEngine
from harness.execute.run import run
from harness.protocol.record import Record
from harness.store import runs
from harness.store.lock import Holder, hold
from tests.fakes import running, values


def engine_of(text: str) -> Engine:
    """The engine that the command line names."""
    if text == "fake":
        return FakeEngine(running.WORKER)
    from harness.engines.docker import DockerEngine, connect

    image, _, label = text.partition("@")
    build = values.invocation().build
    return DockerEngine(connect(), {build: ImageRef(image_id=image, path="/worker")}, root=label)


def main(root: Path, engine: Engine, variants: Sequence[str]) -> None:
    """Do what is left of the block."""
    folder = runs.runs_folder(root)
    name = runs.names(root)[-1] if runs.names(root) else ""
    with hold(folder, Holder(run=name or "new", pid=os.getpid(), since="now", command="test")):
        engine.sweep(lambda run: False)
        done: tuple[Record, ...] = ()
        if name:
            store, done = runs.reopen(root, name)
        else:
            store = running.create(root)
        finished = {record.invocation.slot for record in done}
        block = running.block(*variants)
        left = tuple(one for one in block.invocations if one.slot not in finished)
        for number, _ in enumerate(run(replace(block, invocations=left), running.setting(store, engine)), start=1):
            sys.stdout.write(f"stored {number}\n")
            sys.stdout.flush()
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), engine_of(sys.argv[2]), sys.argv[3:])
