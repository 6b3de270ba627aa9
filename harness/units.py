"""Numbers in base units (ns, bytes, ratios, shares, counts) as text for people.

The one place where scaling and rounding happen: terminal, page and Markdown all show a number through here, so that it
reads the same everywhere. Text shows three significant digits and never an absent number: callers handle None.
"""

import math
from typing import Final

_TIME: Final[tuple[tuple[str, float, float], ...]] = (
    ("ns", 1.0, 1000.0),
    ("µs", 1e3, 1000.0),
    ("ms", 1e6, 1000.0),
    ("s", 1e9, 120.0),
    ("min", 60e9, 120.0),
    ("h", 3600e9, math.inf),
)
_BYTES: Final[tuple[tuple[str, float, float], ...]] = (
    ("B", 1.0, 1024.0),
    ("KiB", 1024.0, 1024.0),
    ("MiB", 1024.0**2, 1024.0),
    ("GiB", 1024.0**3, math.inf),
)
_PLAIN: Final = ("", 1.0, math.inf)
_PERCENT: Final = ("%", 0.01, math.inf)
_TIMES: Final = ("×", 1.0, math.inf)
_GLUED: Final = frozenset({"", "×"})


def significant(value: float, digits: int = 3) -> str:
    """``value`` in ``digits`` significant digits, never in exponent form below 10^15; whole numbers stay whole."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "not a number"
    if value == 0 or (float(value).is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def _scale(value: float, unit: str) -> tuple[str, float, float]:
    """The scale whose number, as rounded, stays below that scale's limit."""
    if unit in ("ns", "bytes"):
        scales = _TIME if unit == "ns" else _BYTES
        return next(scale for scale in scales if abs(round(value / scale[1], 1)) < scale[2])
    return {"x": _TIMES, "1": _PERCENT, "count": _PLAIN}.get(unit, (unit, 1.0, math.inf))


def _number(value: float, scale: tuple[str, float, float]) -> str:
    name, size, _ = scale
    scaled = value / size
    if name == "×":
        # 1.00× and not 1×: a ratio is never exact, and its digits say how far it was resolved.
        return f"{scaled:.2f}" if 0.1 <= abs(scaled) < 9.995 else significant(round(scaled, 6))
    if name in ("", "B"):
        return significant(scaled)
    return significant(scaled) if abs(scaled) >= 1000 or scaled == 0 else _padded(scaled)


def _padded(value: float) -> str:
    """Three significant digits with trailing zeros kept, so that numbers of one column are of one length."""
    exponent = int(f"{value:.2e}".split("e")[1])
    return f"{value:,.{max(0, 2 - exponent)}f}"


def quantity(value: float, unit: str) -> str:
    """``value`` in base ``unit`` (``ns``, ``bytes``, ``x``, ``1`` for shares, ``count``, or another word) as text."""
    scale = _scale(value, unit)
    number = _number(value, scale)
    return f"{number}{scale[0]}" if scale[0] in _GLUED else f"{number} {scale[0]}"


def duration(nanoseconds: float) -> str:
    """A time span: ``31.2 ms``."""
    return quantity(nanoseconds, "ns")


def size(count: float) -> str:
    """Bytes in binary units: ``9.00 MiB``."""
    return quantity(count, "bytes")


def ratio(value: float) -> str:
    """A ratio: ``1.31×``."""
    return quantity(value, "x")


def share(value: float) -> str:
    """A share of 1 as per cent: ``12.5 %``."""
    return quantity(value, "1")


def interval(low: float, high: float, unit: str, *, at: float | None = None) -> str:
    """``[low, high]`` in one scale, that of ``at`` (the point between) or else of ``high``, without the unit."""
    scale = _scale(high if at is None else at, unit)
    return f"[{_number(low, scale)}, {_number(high, scale)}]"


def estimate(point: float, low: float | None, high: float | None, unit: str) -> str:
    """A point with its interval where there is one: ``1.31× [1.20, 1.42]``."""
    text = quantity(point, unit)
    if low is None or high is None:
        return text
    return f"{text} {interval(low, high, unit, at=point)}"


def clock(seconds: float) -> str:
    """A waiting time as ``m:ss`` or ``h:mm:ss``, for progress lines."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 block``, ``7 blocks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
