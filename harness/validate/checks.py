"""What checking an instrument against a known truth gives: values with their bounds, a check per row, JSON of both.

A value is what was read beside the least and the most it may be; a row is within bounds when all of its values are. A
row that this host does not allow to be checked is ``unavailable`` with the reason: never a number, and no failure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from harness import units

Status = Literal["within", "outside", "unavailable"]


class Unavailable(Exception):
    """The row cannot be checked on this host; the message says why. No error: only the runner sees it."""


class NotMeasured(Exception):
    """A worker that should have been read back did not end well: the row is outside its bounds, with this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A part of a row that this host does not allow to be checked, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One reading: ``observed`` against ``low`` to ``high`` (None: no bound on that side), in ``unit``.

    ``what`` says whose and which, ``why`` what the bound allows for where that is more than the specified one.
    """

    what: str
    observed: float
    low: float | None = None
    high: float | None = None
    unit: str
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether it lies within its bounds; one without any is only reported."""
        # Written so that a reading that is no number lies outside.
        return (self.low is None or self.observed >= self.low) and (self.high is None or self.observed <= self.high)

    @property
    def bound(self) -> str:
        """The bounds, for people."""
        if self.low is None and self.high is None:
            return "reported"
        if self.low is None or self.high is None:
            sign, one = ("≤", self.high) if self.low is None else ("≥", self.low)
            assert one is not None
            return f"{sign} {units.quantity(one, self.unit)}"
        if self.low == self.high:
            return f"= {units.quantity(self.low, self.unit)}"
        return f"{units.quantity(self.low, self.unit)} to {units.quantity(self.high, self.unit)}"

    @property
    def text(self) -> str:
        """The reading and its bounds, for people."""
        return f"{self.what}: {units.quantity(self.observed, self.unit)} ({self.bound})"

    @property
    def strain(self) -> float:
        """How much of the room between its bounds a reading takes: above 1 it lies outside, -1 without bounds."""
        if not self.ok:
            return 2.0
        if self.low is None and self.high is None:
            return -1.0
        if self.low is None or self.high is None:
            top, limit = (self.observed, self.high) if self.low is None else (self.low, self.observed)
            return abs(top) / abs(limit) if limit else 1.0
        half = (self.high - self.low) / 2
        return abs(self.observed - self.low - half) / half if half else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row checked. ``status`` is ``outside`` without values where something could not be measured.

    ``reason`` is for that and for ``unavailable``; ``left_out`` are parts of the row that do not exist here, each
    with its reason. ``first`` holds what a first attempt read where the row was repeated (empty: it was not), and
    ``again`` why a second one is fair.
    """

    id: str
    title: str
    status: Status
    values: tuple[Value, ...] = ()
    reason: str = ""
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    first: tuple[Value, ...] = ()
    again: str = ""

    @property
    def ok(self) -> bool:
        """False where something was read outside its bounds or could not be read at all."""
        return self.status != "outside"

    @property
    def worst(self) -> Value | None:
        """The value that is furthest outside its bounds, or nearest to them; None where nothing is vouched for."""
        return None if self.status == "unavailable" else max(self.values, key=lambda one: one.strain, default=None)


def where_allowed(part: Iterable["Value | LeftOut"], what: str) -> Iterator["Value | LeftOut"]:
    """A part of a row; where it is unavailable, it alone is left out."""
    try:
        yield from part
    except Unavailable as error:
        yield LeftOut(reason=f"{what}: {error}")


def judged(row: str, title: str, values: Sequence[Value], left_out: Sequence[str] = (), *, why: str = "") -> Check:
    """The check that values amount to; a row without any that has a bound proves nothing.

    It is then unavailable where ``why`` says so, else outside.
    """
    if not any(one.low is not None or one.high is not None for one in values):
        if why:
            return Check(
                id=row, title=title, status="unavailable", values=tuple(values), reason=why, left_out=tuple(left_out)
            )
        return Check(
            id=row, title=title, status="outside", values=tuple(values), reason="nothing was read that has a bound"
        )
    status: Status = "within" if all(one.ok for one in values) else "outside"
    outside = "; ".join(one.text for one in values if not one.ok)
    return Check(id=row, title=title, status=status, values=tuple(values), reason=outside, left_out=tuple(left_out))


def to_json(check: Check) -> Mapping[str, object]:
    """A check as JSON: ``observed``, ``bound`` (least, most) and ``unit`` are those of its worst value."""
    worst = check.worst
    return {
        "id": check.id,
        "title": check.title,
        "ok": check.ok,
        "status": check.status,
        "observed": None if worst is None else worst.observed,
        "bound": None if worst is None else [worst.low, worst.high],
        "unit": None if worst is None else worst.unit,
        "what": None if worst is None else worst.what,
        "reason": check.reason,
        "left_out": list(check.left_out),
        "seconds": round(check.seconds, 3),
        "again": check.again,
        "values": [_value(one) for one in check.values],
        "first": [_value(one) for one in check.first],
    }


def _value(one: Value) -> Mapping[str, object]:
    return {**asdict(one), "ok": one.ok}
