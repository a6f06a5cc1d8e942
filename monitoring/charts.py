"""Charts of a patient's minerals as SVG: the very series that the rules judge, and the limits they judge by.

Colours are left to classes of the style sheet, so that the charts follow dark mode and print, and need no inline style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from math import ceil, floor, isfinite, log10
from zoneinfo import ZoneInfo

import numpy as np

from monitoring.clinical.units import display_value
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.features import Features
from monitoring.rules.types import DAY, Facts, Tuning, from_seconds, to_seconds
from monitoring.rules.wording import PRODUCT_TO_SI

WIDTH, HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 14, 12, 26
MONTHS_SHOWN = 24


@dataclass(frozen=True)
class Point:
    """A reading: its time and number, or, where the number is only bounded, the bounds."""

    at: int
    value: float | None
    low: float
    high: float
    beyond: bool


@dataclass(frozen=True)
class Limit:
    """A horizontal line and whose limit it is."""

    value: float
    label: str


@dataclass(frozen=True)
class Chart:
    """One series of one patient in the units of a screen, with the limits of the rules that judge it."""

    name: str
    title: str
    unit: str
    points: tuple[Point, ...]
    limits: tuple[Limit, ...]

    @property
    def latest(self) -> Point | None:
        """The newest reading."""
        return self.points[-1] if self.points else None


@dataclass(frozen=True)
class _Spec:
    series: str
    title: str
    analyte: str
    limits: tuple[tuple[str, str], ...]


_SPECS = (
    _Spec("phosphate", "Phosphate", "phosphate", (("L01", "limit"), ("L02", "limit"))),
    _Spec("corrected", "Calcium, corrected for albumin", "calcium_corrected", (("L05", "limit"), ("L05", "urgent"))),
    _Spec("caxp", "Calcium × phosphate", "", (("L03", "limit"), ("L04", "limit"))),
    _Spec("pth", "PTH", "pth", ()),
)


def charts_of(facts: Facts, *, as_of: datetime, tuning: Tuning, si: bool) -> tuple[Chart, ...]:
    """The charts of the only patient in `facts`, over the last 24 months before `as_of`.

    Numbers are converted to the units of the screen but not rounded. Raises ValueError for more than one patient.
    """
    if len(facts.patients) != 1:
        raise ValueError("a chart shows one patient")
    seconds = to_seconds(as_of)
    features = Features(facts, seconds, seconds)
    since = seconds - int(MONTHS_SHOWN * 30.5 * DAY)
    charts = []
    for spec in _SPECS:
        series = features.series(spec.series)
        limits = [
            Limit(
                _convert(spec, tuning.values(BY_CODE[code])[name], si),
                f"{code} {_amount(spec, code, name, tuning, si)}",
            )
            for code, name in spec.limits
        ]
        if spec.series == "pth":
            upper = float(facts.patients["pth_upper_limit"][0])
            limits = [Limit(_convert(spec, upper, si), "upper limit of normal")] if isfinite(upper) else []
        alarm = min((limit.value for limit in limits), default=float("inf")) if spec.limits else float("inf")
        points = []
        for at, shown, low, high in zip(series.at, series.shown, series.low, series.high, strict=True):
            if at < since:
                continue
            value = None if np.isnan(shown) or low != high else _convert(spec, float(shown), si)
            points.append(
                Point(
                    at=int(at),
                    value=value,
                    low=_convert(spec, float(low), si),
                    high=_convert(spec, float(high), si),
                    beyond=_convert(spec, float(low), si) > alarm,
                )
            )
        charts.append(Chart(spec.series, spec.title, _unit(spec, si), tuple(points), tuple(limits)))
    return tuple(charts)


def draw_chart(chart: Chart, *, as_of: datetime, zone: ZoneInfo) -> str:
    """The chart as an SVG text whose every word is escaped; without readings, words that say so."""
    end = to_seconds(as_of)
    start = end - int(MONTHS_SHOWN * 30.5 * DAY)
    scale = _Scale.around(chart, start, end)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(_in_words(chart, zone))}">'
    ]
    parts += _grid(scale, zone)
    if not chart.points:
        parts.append(
            f'<text class="empty" x="{(_LEFT + WIDTH - _RIGHT) / 2:.0f}" y="{HEIGHT / 2:.0f}" '
            'text-anchor="middle">No result in the last 24 months</text>'
        )
    parts += _limits(chart, scale)
    parts += _readings(chart, scale, zone)
    parts.append("</svg>")
    return "".join(parts)


def format_number(value: float) -> str:
    """A number for a label: three figures that matter, no needless zeros."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 10 else f"{value:.1f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class _Scale:
    start: int
    end: int
    bottom: float
    top: float
    step: float

    @staticmethod
    def around(chart: Chart, start: int, end: int) -> _Scale:
        values = [limit.value for limit in chart.limits]
        for point in chart.points:
            values += [point.value] if point.value is not None else [b for b in (point.low, point.high) if isfinite(b)]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        room = (high - low) * 0.12 or 1.0
        step = _nice_step((high - low + 2 * room) / 4)
        bottom = max(0.0, floor((low - room) / step) * step)
        return _Scale(start, end, bottom, ceil((high + room) / step) * step, step)

    def x(self, at: int) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (at - self.start) / (self.end - self.start)

    def y(self, value: float) -> float:
        inside = min(max(value, self.bottom), self.top)
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (inside - self.bottom) / (self.top - self.bottom)


def _nice_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)


def _grid(scale: _Scale, zone: ZoneInfo) -> list[str]:
    parts = []
    count = round((scale.top - scale.bottom) / scale.step)
    for i in range(count + 1):
        value = scale.bottom + i * scale.step
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{format_number(value)}</text>'
        )
    first = from_seconds(scale.start).astimezone(zone)
    month = first.year * 12 + first.month
    while True:
        month += 1
        year, number = divmod(month - 1, 12)
        at = to_seconds(datetime(year, number + 1, 1, tzinfo=UTC))
        if at > scale.end:
            return parts
        if number % 6 == 0 and at > scale.start:
            x = scale.x(at)
            parts.append(
                f'<line class="grid" x1="{x:.1f}" y1="{HEIGHT - _BOTTOM}" x2="{x:.1f}" y2="{HEIGHT - _BOTTOM + 4}"/>'
            )
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
                f"{datetime(year, number + 1, 1, tzinfo=UTC):%b %Y}</text>"
            )


def _limits(chart: Chart, scale: _Scale) -> list[str]:
    parts = []
    for number, limit in enumerate(chart.limits):
        y = scale.y(limit.value)
        kind = "limit strong" if number else "limit"
        parts.append(f'<line class="{kind}" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="limit-label" x="{_LEFT + 4}" y="{y - 4:.1f}">{escape(limit.label)}</text>')
    return parts


def _readings(chart: Chart, scale: _Scale, zone: ZoneInfo) -> list[str]:
    parts = []
    known = [point for point in chart.points if point.value is not None]
    if len(known) > 1:
        path = " ".join(f"{scale.x(p.at):.1f},{scale.y(p.value or 0.0):.1f}" for p in known)
        parts.append(f'<polyline class="line" points="{path}"/>')
    for point in chart.points:
        x = scale.x(point.at)
        said = f"<title>{escape(_say(point, chart.unit, zone))}</title>"
        if point.value is None:
            parts.append(
                f'<line class="range" x1="{x:.1f}" y1="{scale.y(point.low):.1f}" x2="{x:.1f}" '
                f'y2="{scale.y(point.high):.1f}">{said}</line>'
            )
            continue
        y = scale.y(point.value)
        if point.beyond:
            parts.append(f'<path class="point beyond" d="M{x:.1f} {y - 5:.1f}l5 8.5h-10z">{said}</path>')
        else:
            parts.append(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="2.6">{said}</circle>')
    if known and known[-1] is chart.latest:
        last = known[-1]
        x, y = scale.x(last.at), scale.y(last.value or 0.0)
        above = y - 9 if y > _TOP + 14 else y + 18
        parts.append(
            f'<text class="latest" x="{min(x, WIDTH - _RIGHT):.1f}" y="{above:.1f}" text-anchor="end">'
            f"{format_number(last.value or 0.0)}</text>"
        )
    return parts


def _say(point: Point, unit: str, zone: ZoneInfo) -> str:
    day = f"{from_seconds(point.at).astimezone(zone):%-d %b %Y}"
    if point.value is not None:
        return f"{format_number(point.value)} {unit} on {day}"
    low = format_number(point.low)
    high = format_number(point.high) if isfinite(point.high) else "?"
    return f"between {low} and {high} {unit} on {day}: not known exactly"


def _in_words(chart: Chart, zone: ZoneInfo) -> str:
    if chart.latest is None:
        return f"{chart.title}: no result in the last 24 months"
    limits = "; ".join(f"limit {limit.label}" for limit in chart.limits)
    return (
        f"{chart.title}: {len(chart.points)} results in 24 months, the latest {_say(chart.latest, chart.unit, zone)}"
        + (f"; {limits}" if limits else "")
    )


def _convert(spec: _Spec, value: float, si: bool) -> float:
    if not si or not isfinite(value):
        return value
    if spec.series == "caxp":
        return value * float(PRODUCT_TO_SI)
    # By a large multiple, so that the rounding for display does not show in the drawing.
    unit_factor = display_value(spec.analyte, Decimal(10_000), si=True).number / Decimal(10_000)
    return value * float(unit_factor)


def _unit(spec: _Spec, si: bool) -> str:
    if spec.series == "caxp":
        return "mmol²/L²" if si else "mg²/dL²"
    return display_value(spec.analyte, Decimal(1), si=si).unit


def _amount(spec: _Spec, code: str, name: str, tuning: Tuning, si: bool) -> str:
    return f"> {format_number(_convert(spec, tuning.values(BY_CODE[code])[name], si))}"


__all__: Sequence[str] = ("Chart", "Limit", "Point", "charts_of", "draw_chart", "format_number")
