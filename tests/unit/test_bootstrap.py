"""The script that makes ``.venv``: once, silently afterwards, again where it was interrupted or its inputs changed.

Python is a stand-in that writes down what it is asked; the real one is what runs these tests.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "chmod", "cp", "dirname", "flock", "mkdir", "rm", "sha256sum", "sleep", "tail", "touch")
PYTHON = """#!/usr/bin/env bash
# Stands in for Python: -c asks for its version, -m venv makes an environment, -m pip installs.
set -eu
[[ $1 != -c ]] || exit "${PYTHON_UNFIT:-0}"
printf '%s\\n' "$*" >>calls
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *--require-hashes*) [[ ! -e slow ]] || sleep 60; [[ ! -e broken ]] || { echo "hashes differ" >&2; exit 1; } ;;
  *" -e .") touch .venv/bin/memverdict && chmod +x .venv/bin/memverdict ;;
esac
"""
INSTALLED = ["-m venv .venv", "--require-hashes", "-e ."]


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout with the script, and a PATH (``bin``) on which there is little; any user may enter it."""
    with tempfile.TemporaryDirectory(prefix="memverdict-bootstrap-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        for part in ("harness", "bin"):
            (folder / part).mkdir()
        shutil.copy(ROOT / "harness" / "bootstrap", folder / "harness" / "bootstrap")
        (folder / "requirements.lock").write_text("one==1 --hash=sha256:00\n")
        (folder / "pyproject.toml").write_text("[project]\n")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (folder / "bin" / tool).symlink_to(found)
        (folder / "bin" / "env").symlink_to("/usr/bin/env")
        (folder / "bin" / "python3").write_text(PYTHON)
        (folder / "bin" / "python3").chmod(0o755)
        yield folder


def start(checkout: Path, *, user: int | None = None, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(checkout / "harness" / "bootstrap")],
        env={"PATH": str(checkout / "bin"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=user,
        start_new_session=True,
    )


def bootstrap(checkout: Path, *, user: int | None = None, **environment: str) -> tuple[int, str]:
    """Run the script; its exit code and what it printed."""
    process = start(checkout, user=user, **environment)
    output, _ = process.communicate(timeout=30)
    return process.returncode, output


def calls(checkout: Path) -> list[str]:
    """What Python was asked since the last look."""
    log = checkout / "calls"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def assert_installed(checkout: Path) -> None:
    asked = calls(checkout)
    assert len(asked) == len(INSTALLED)
    assert all(part in line for part, line in zip(INSTALLED, asked, strict=True))


def test_bootstrap_when_nothing_is_there_then_says_what_it_takes_and_installs_the_lock(checkout: Path) -> None:
    code, output = bootstrap(checkout)
    assert code == 0, output
    assert "MB" in output
    assert_installed(checkout)


def test_bootstrap_when_called_again_then_silent_and_nothing_is_done(checkout: Path) -> None:
    bootstrap(checkout)
    calls(checkout)
    assert bootstrap(checkout) == (0, "")
    assert calls(checkout) == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_bootstrap_when_an_input_changed_then_installs_into_what_is_there(checkout: Path, name: str) -> None:
    bootstrap(checkout)
    calls(checkout)
    (checkout / ".venv" / "kept").touch()
    (checkout / name).write_text("changed\n")
    assert bootstrap(checkout)[0] == 0
    assert_installed(checkout)
    assert (checkout / ".venv" / "kept").exists()


def test_bootstrap_when_the_checkout_was_moved_then_installs_again(checkout: Path) -> None:
    bootstrap(checkout)
    calls(checkout)
    with tempfile.TemporaryDirectory() as elsewhere:
        moved = Path(shutil.copytree(checkout, Path(elsewhere) / "moved", symlinks=True))
        assert bootstrap(moved)[0] == 0
        assert_installed(moved)


def test_bootstrap_when_it_was_killed_then_the_next_call_starts_over(checkout: Path) -> None:
    (checkout / "slow").touch()
    process = start(checkout)
    deadline = time.monotonic() + 20
    while "--require-hashes" not in ((checkout / "calls").read_text() if (checkout / "calls").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (checkout / ".venv" / "half").touch()
    (checkout / "slow").unlink()
    calls(checkout)
    assert bootstrap(checkout)[0] == 0
    assert_installed(checkout)
    assert not (checkout / ".venv" / "half").exists()


def test_bootstrap_when_an_install_fails_then_shows_why_and_tries_again_next_time(checkout: Path) -> None:
    (checkout / "broken").touch()
    code, output = bootstrap(checkout)
    assert code == 1
    assert "hashes differ" in output
    assert ".build/bootstrap.log" in output
    (checkout / "broken").unlink()
    calls(checkout)
    assert bootstrap(checkout)[0] == 0
    assert_installed(checkout)


def test_bootstrap_when_two_run_at_once_then_only_one_installs(checkout: Path) -> None:
    both = [start(checkout), start(checkout)]
    for process in both:
        process.communicate(timeout=30)
    assert [process.returncode for process in both] == [0, 0]
    assert_installed(checkout)


def test_bootstrap_when_there_is_no_python_and_no_root_then_says_what_to_do(checkout: Path) -> None:
    nobody = 65534 if os.getuid() == 0 else None
    code, output = bootstrap(checkout, user=nobody, PYTHON_UNFIT="1")
    assert code == 1
    assert "venv module" in output
    assert calls(checkout) == []


@pytest.mark.skipif(
    os.getuid() != 0 or not Path("/etc/debian_version").exists(), reason="installs as root on Debian only"
)
@pytest.mark.parametrize("lists", [True, False])
def test_bootstrap_when_root_has_no_python_then_debians_is_installed(checkout: Path, lists: bool) -> None:
    python = checkout / "bin" / "python3"
    python.rename(checkout / "bin" / "offered")
    apt = checkout / "bin" / "apt-get"
    apt.write_text(
        "#!/usr/bin/env bash\n"
        'printf "apt %s\\n" "$*" >>calls\n'
        "[[ $1 != update ]] || { touch lists; exit 0; }\n"
        '[[ -e lists ]] || { echo "no lists"; exit 100; }\n'
        "cp bin/offered bin/python3\n"
    )
    apt.chmod(0o755)
    if lists:
        (checkout / "lists").touch()
    code, output = bootstrap(checkout)
    assert code == 0, output
    assert "python3-venv" in output
    asked = [line.split()[1] for line in calls(checkout) if line.startswith("apt ")]
    assert asked == (["install"] if lists else ["install", "update", "install"])
