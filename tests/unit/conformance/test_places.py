"""Where conformance runs: each program once in a normal run, in its image where a daemon answers."""

import pytest

from tests.conformance.conftest import places


def _marks(*, daemon_answers: bool) -> dict[str, set[str]]:
    """The names of the marks of each place."""
    found: dict[str, set[str]] = {}
    for place in places(daemon_answers=daemon_answers):
        assert isinstance(place, type(pytest.param()))
        found[str(place.values[0])] = {mark.name for mark in place.marks}
    return found


def test_places_when_a_daemon_answers_then_the_host_is_for_the_night() -> None:
    assert _marks(daemon_answers=True) == {"local": {"nightly"}, "docker": {"docker"}}


def test_places_when_no_daemon_answers_then_the_host_is_for_every_run() -> None:
    assert _marks(daemon_answers=False) == {"local": set(), "docker": {"docker"}}
