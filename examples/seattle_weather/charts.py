"""The three figures, as SVG; colours are CSS classes, so that one style sheet serves light and dark."""

from __future__ import annotations

from datetime import date

WIDTH = 960
LEFT, RIGHT = 44, 108
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
#: The kinds of weather in the order of the stack, from the bottom.
KINDS = ["sun", "fog", "drizzle", "rain", "snow"]


class Scale:
    """Maps values to pixels along a line."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.start + share * (self.end - self.start), 1)


def figure(title: str, note: str, height: int, parts: list[str]) -> str:
    """Frame the parts of a figure with a title and a line that says what is shown."""
    return (
        f"<figure><figcaption><h2>{title}</h2><p>{note}</p></figcaption>"
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
        + "".join(parts)
        + "</svg></div></figure>"
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Write words."""
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def grid(scale: Scale, values: list[int], unit: str) -> list[str]:
    """Draw horizontal lines with their values."""
    drawn = []
    for value in values:
        y = scale(value)
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        drawn.append(text(LEFT - 8, y + 4, f"{value}{unit}", "tick", "end"))
    return drawn


def path(points: list[tuple[float, float]]) -> str:
    """Join points."""
    return "M" + "L".join(f"{x},{y}" for x, y in points)


def temperature(days: list[dict], points: list[dict]) -> str:
    """Draw every day as a line from its low to its high, with the smoothed highs over them."""
    if not days:
        return figure("Every day", "There were no days.", 40, [])
    number = [date.fromisoformat(day["date"]).toordinal() for day in days]
    x = Scale(min(number), max(number), LEFT, WIDTH - RIGHT)
    y = Scale(-10, 40, 290, 10)
    parts = grid(y, [-10, 0, 10, 20, 30, 40], "°")
    bars = "".join(f"M{x(at)},{y(day['low'])}V{y(day['high'])}" for at, day in zip(number, days, strict=True))
    parts.append(f'<path class="range" d="{bars}"/>')
    if points:
        line = [(x(date.fromisoformat(point["date"]).toordinal()), y(point["mean"])) for point in points]
        parts.append(f'<path class="high" d="{path(line)}"/>')
        parts.append(text(line[-1][0] + 8, line[-1][1] + 4, "mean high", "high-label"))
    parts.append(text(x(number[-1]) + 8, y(days[-1]["low"]) + 16, "low to high", "range-label"))
    for year in range(date.fromordinal(number[0]).year, date.fromordinal(number[-1]).year + 1):
        at = x(date(year, 1, 1).toordinal())
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="290" y2="296"/>')
        parts.append(text(at + 4, 306, str(year), "tick"))
    first, last = days[0]["date"], days[-1]["date"]
    return figure(
        "Every day", f"Temperature in °C from {first} to {last}; the line is the running mean of the highs.", 314, parts
    )


def climate(months: list[dict]) -> str:
    """Draw the mean year: highs and lows above, rain below."""
    x = Scale(0, 12, LEFT, WIDTH - RIGHT)
    warm = Scale(0, 30, 190, 14)
    wet = Scale(0, max(10.0, *(month["rain"] for month in months)), 330, 226)
    parts = grid(warm, [0, 10, 20, 30], "°")
    highs = [(x(at + 0.5), warm(month["high"])) for at, month in enumerate(months)]
    lows = [(x(at + 0.5), warm(month["low"])) for at, month in enumerate(months)]
    parts.append(f'<path class="band" d="{path(highs + lows[::-1])}Z"/>')
    for line, kind in ((highs, "high"), (lows, "low")):
        parts.append(f'<path class="{kind}" d="{path(line)}"/>')
        parts.append(text(line[-1][0] + 12, line[-1][1] + 4, f"mean {kind}", f"{kind}-label"))
    for at, month in enumerate(months):
        top = wet(month["rain"])
        width = round((x(1) - x(0)) * 0.64, 1)
        parts.append(
            f'<rect class="rain" x="{x(at + 0.18)}" y="{top}" width="{width}" height="{330 - top:.1f}" rx="2"/>'
        )
        parts.append(text(x(at + 0.5), top - 6, f"{month['rain']:.0f}", "value", "middle"))
        parts.append(text(x(at + 0.5), 348, MONTHS[at], "tick", "middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="330" y2="330"/>')
    parts.append(text(WIDTH - RIGHT + 12, 326, "rain, mm", "rain-label"))
    return figure(
        "The mean year", "Mean temperature of each month in °C, and its precipitation in millimetres.", 356, parts
    )


def kinds(counts: list[dict]) -> str:
    """Draw the share of each kind of weather in each month."""
    x = Scale(0, 12, LEFT, WIDTH - RIGHT)
    y = Scale(0, 100, 240, 12)
    parts = grid(y, [0, 25, 50, 75, 100], "%")
    width = round((x(1) - x(0)) * 0.82, 1)
    for at, month in enumerate(counts):
        total = sum(month.values()) or 1
        below = 0.0
        for kind in KINDS:
            share = 100 * month.get(kind, 0) / total
            if share:
                top, bottom = y(below + share), y(below)
                height = max(0.5, bottom - top - 1)
                parts.append(
                    f'<rect class="{kind}" x="{x(at + 0.09)}" y="{top}" width="{width}" height="{height:.1f}">'
                    f"<title>{MONTHS[at]}: {kind} on {share:.0f} % of days</title></rect>"
                )
            below += share
        parts.append(text(x(at + 0.5), 258, MONTHS[at], "tick", "middle"))
    for row, kind in enumerate(reversed(KINDS)):
        top = 40 + row * 24
        parts.append(f'<rect class="{kind}" x="{WIDTH - RIGHT + 14}" y="{top}" width="12" height="12" rx="2"/>')
        parts.append(text(WIDTH - RIGHT + 32, top + 10, kind, "key"))
    return figure(
        "Sun and rain", "Share of the days of each month with each kind of weather, over all years.", 266, parts
    )
