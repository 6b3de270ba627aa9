"""Running the rows: once each, twice where the first try proves nothing and a second is fair."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.validate.bench import Bench
from harness.validate.checks import Check, LeftOut, NotMeasured, Unavailable, Value, judged
from harness.validate.truths import Row


def check(row: Row, bench: Bench, clock: Callable[[], float]) -> Check:
    """One row checked, twice where the first try proves nothing and a second is fair. EngineError: the engine fails."""
    began = clock()
    found = _once(row, bench)
    left_out = len(found.left_out) > len(bench.left_out)
    if row.again and (found.status != "within" or left_out):
        second = _once(row, bench)
        found = replace(second, first=found.values, again=row.again)
    return replace(found, seconds=clock() - began)


def _once(row: Row, bench: Bench) -> Check:
    values: list[Value] = []
    left: list[str] = []
    try:
        for one in row.check(bench):
            if isinstance(one, LeftOut):
                left.append(one.reason)
            else:
                values.append(one)
    except NotMeasured as error:
        return Check(
            id=row.id, title=row.title, status="outside", values=tuple(values), reason=f"not measured: {error}"
        )
    except Unavailable as error:
        left.append(str(error))
        if all(one.ok for one in values):
            values = [replace(one, low=None, high=None) for one in values]  # half a row vouches for nothing
    return judged(row.id, row.title, values, [*bench.left_out, *left], why="; ".join(left))


def run(rows: Sequence[Row], bench: Bench, clock: Callable[[], float]) -> Iterator[tuple[Row, float, Check | None]]:
    """Each row twice: with the seconds that are still to be expected before it, then with its check."""
    left = sum(_expected(one, bench) for one in rows)
    for row in rows:
        yield row, left, None
        found = check(row, bench, clock)
        left -= _expected(row, bench)
        yield row, left, found


def _expected(row: Row, bench: Bench) -> float:
    return row.seconds[0 if bench.fast else 1]
