"""The table of nodes that a live run shows, as lines of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._printable import printable_line

_COLOURS = {
    "waiting": "2",
    "running": "36",
    "backing_off": "33",
    "finished": "32",
    "failed": "31",
    "skipped": "2",
    "cancelled": "33",
}
_BAR_WIDTH = 8
#: Time that rates are taken over, in seconds.
WINDOW = 1.0
#: Letters that a node's name gets before columns are left out.
_NAME = 16
#: Letters that what a node says gets before columns are left out.
_TEXT = 30


class Pace(NamedTuple):
    """What a node did over the last second."""

    #: Ticks that began, a second.
    ticks: float = 0.0
    #: Packets that left, a second: generators send many in one tick.
    out: float = 0.0
    #: Share of the time that ticks ran.
    busy: float = 0.0
    #: Share of the time that they waited for room.
    blocked: float = 0.0


class Rates:
    """The pace of every node, over the last second."""

    _KEYS = ("ticks", "packets_out", "busy_s", "blocked_s")

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, list[float]]]] = deque()

    def update(self, stats: Mapping[str, Mapping[str, Any]], now: float) -> dict[str, Pace]:
        """Take the counters of now and give the pace of every node."""
        counters = {node: [float(row.get(key, 0)) for key in self._KEYS] for node, row in stats.items()}
        self._looks.append((now, counters))
        while now - self._looks[1 % len(self._looks)][0] >= WINDOW:
            self._looks.popleft()
        then, before = self._looks[0]
        elapsed = now - then
        if not elapsed:
            return dict.fromkeys(counters, Pace())
        nothing = [0.0] * len(self._KEYS)
        return {
            node: Pace(*((new - old) / elapsed for new, old in zip(values, before.get(node, nothing), strict=True)))
            for node, values in counters.items()
        }


class _Column(NamedTuple):
    title: str
    width: int
    #: Those with high numbers are left out first where there is little room.
    rank: int
    cell: Callable[[Mapping[str, Any], Pace], str]


_COLUMNS = (
    _Column("state", -11, 0, lambda row, _: str(row["state"])),
    _Column("ticks", 11, 0, lambda row, _: f"{row['ticks']:,}"),
    _Column("ticks/s", 8, 2, lambda _, pace: short(pace.ticks)),
    _Column("out/s", 8, 1, lambda _, pace: short(pace.out)),
    _Column("busy", 5, 0, lambda _, pace: _share(pace.busy)),
    _Column("blocked", 7, 0, lambda _, pace: _share(pace.blocked)),
    _Column("queue", -_BAR_WIDTH, 1, lambda row, _: bar(row["queue_fill"])),
    _Column("waiting", 8, 2, lambda row, _: f"{row['queued']:,}"),
    _Column("failures", 8, 0, lambda row, _: f"{row['failures']:,}"),
)


def lines(
    stats: Mapping[str, Mapping[str, Any]],
    rates: Mapping[str, Pace],
    texts: Mapping[str, str],
    *,
    width: int,
    height: int,
    colour: bool,
) -> list[str]:
    """Draw the table: a heading and a line a node, at most `height` lines of at most `width` letters.

    Where not all nodes fit, those that failed come first, then the busiest, then those that wait for room.
    """
    nodes = list(stats)
    room = height - 1
    hidden = 0
    if len(nodes) > room:
        nodes.sort(key=lambda node: _weight(stats[node], rates.get(node, Pace())))
        hidden = len(nodes) - (room - 1)
        nodes = nodes[: room - 1]
    longest = max([4, *(len(printable_line(node)) for node in nodes)])
    words = min(_TEXT, max((len(texts.get(node, "")) + 2 for node in nodes if texts.get(node)), default=0))
    columns = _fitting(width - min(longest, _NAME) - words)
    name_width = min(longest, max(4, width - _width_of(columns) - words))
    heads = [_pad(column.title, column.width) for column in columns]
    drawn = [" ".join([_pad("node", -name_width), *heads])[:width]]
    for node in nodes:
        row, pace = stats[node], rates.get(node, Pace())
        cells = [_pad(column.cell(row, pace), column.width) for column in columns]
        name = _pad(shorten(printable_line(node), name_width), -name_width)
        line = " ".join([name, *cells, "", printable_line(texts.get(node, ""))]).rstrip()[:width]
        drawn.append(f"\x1b[{_COLOURS.get(row['state'], '0')}m{line}\x1b[0m" if colour else line)
    if hidden:
        drawn.append(f"and {hidden} more nodes"[:width])
    return drawn


def _weight(row: Mapping[str, Any], pace: Pace) -> tuple[bool, float, float, float, int]:
    return not row["failures"], -round(pace.busy, 1), -round(pace.blocked, 1), -(pace.ticks + pace.out), -row["queued"]


def _fitting(room: int) -> list[_Column]:
    """Choose the columns that there is room for; the most important ones always stay."""
    columns = list(_COLUMNS)
    while _width_of(columns) > room and (most := max(column.rank for column in columns)) > 0:
        columns.remove(next(column for column in reversed(columns) if column.rank == most))
    return columns


def _width_of(columns: list[_Column]) -> int:
    return sum(1 + abs(column.width) for column in columns)


def _pad(text: str, width: int) -> str:
    """Fill up on the left, or with a negative width on the right."""
    return text.rjust(width) if width > 0 else text.ljust(-width)


def _share(share: float) -> str:
    return f"{min(9.99, max(0.0, share)):.0%}"


def bar(fill: float) -> str:
    """Draw how full something is."""
    full = round(min(1.0, max(0.0, fill)) * _BAR_WIDTH)
    return "█" * full + "·" * (_BAR_WIDTH - full)


def percent(fraction: float, text: str) -> str:
    """Say how far something is."""
    return f"{fraction:.0%} {text}".rstrip()


def short(number: float) -> str:
    """Write a number in few letters: 950, 12.3k, 4.1M."""
    for limit, divisor, unit in ((1e4, 1, ""), (1e7, 1e3, "k"), (1e10, 1e6, "M")):
        if number < limit:
            return f"{number / divisor:.0f}{unit}" if not unit else f"{number / divisor:.1f}{unit}"
    return f"{number / 1e9:.1f}G"


def shorten(text: str, width: int) -> str:
    """Cut a text that is too long, and show that it was."""
    return text if len(text) <= width else text[: width - 1] + "…"
