"""What no tracked file may hold: where packages come from, and where this checkout happens to lie."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, or this file would be the first to break its own rule.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("security", "debian", "org"),
        ("snapshot", "debian", "org"), ("archive", "ubuntu", "com"), ("docker", "io/"), ("gcr", "io"), ("ghcr", "io"),
        ("quay", "io"), ("proxy", "golang", "org"), ("sum", "golang", "org"), ("registry", "npmjs", "org"),
        ("repo", "maven", "apache", "org"), ("crates", "io"), ("repo1", "maven", "org"),
    )
)  # fmt: skip
HOMES = re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|root|Users/\w+)/\w+")
LOCK_LINE = re.compile(r"[a-z0-9-]+==[0-9][\w.+!]* \\|    --hash=sha256:[0-9a-f]{64}( \\)?")


def tracked() -> dict[str, str]:
    """Text of every file that git keeps, by name."""
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    texts = {}
    for name in names.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode(errors="replace")
    return texts


def findings(text: str) -> list[str]:
    """Hosts of registries and absolute paths of a machine in a text."""
    return [host for host in REGISTRIES if host in text] + HOMES.findall(text)


def test_tracked_files_when_read_then_none_names_a_registry_or_a_path_of_this_machine() -> None:
    texts = tracked()
    assert "Makefile" in texts
    assert {name: found for name, text in texts.items() if (found := findings(text))} == {}


@pytest.mark.parametrize(
    "text", [f"from https://{REGISTRIES[0]}/simple", f"{REGISTRIES[6]}library/x", "at /work" + "/main/x"]
)
def test_findings_when_a_text_says_where_then_it_is_found(text: str) -> None:
    assert findings(text)


@pytest.mark.parametrize("text", ["docker.io-package is Debian's name: docker.io", "benchmarks/work/x", "/workloads/x"])
def test_findings_when_it_only_looks_alike_then_it_is_not(text: str) -> None:
    assert findings(text) == []


def test_lock_when_read_then_it_is_names_versions_and_hashes_alone() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not LOCK_LINE.fullmatch(line)] == []
    assert len(lines) > 100
