"""The table of nodes that a live run shows, as lines of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

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
_HEAD = f"{'state':<11} {'ticks':>11} {'ticks/s':>8} {'queue':<{_BAR_WIDTH}} {'waiting':>8} {'failures':>8}"


class Rates:
    """Ticks a second of every node, over the last second: counters are written once a batch of ticks, not once a tick."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, int]]] = deque()

    def update(self, stats: Mapping[str, Mapping[str, Any]], now: float) -> dict[str, float]:
        """Take the counters of now and give the rates."""
        ticks = {node: int(row["ticks"]) for node, row in stats.items()}
        self._looks.append((now, ticks))
        while now - self._looks[1 % len(self._looks)][0] >= WINDOW:
            self._looks.popleft()
        then, before = self._looks[0]
        elapsed = now - then
        return {node: (count - before.get(node, 0)) / elapsed if elapsed else 0.0 for node, count in ticks.items()}


def lines(
    stats: Mapping[str, Mapping[str, Any]],
    rates: Mapping[str, float],
    texts: Mapping[str, str],
    *,
    width: int,
    height: int,
    colour: bool,
) -> list[str]:
    """Draw the table: a heading and a line a node, at most `height` lines of at most `width` letters."""
    nodes = list(stats)
    room = height - 1
    hidden = 0
    if len(nodes) > room:
        # Where not all fit, the nodes with something to say come first.
        nodes.sort(key=lambda node: (-stats[node]["failures"], -rates.get(node, 0.0), -stats[node]["queued"]))
        hidden = len(nodes) - (room - 1)
        nodes = nodes[: room - 1]
    name_width = max([4, *(len(node) for node in nodes)])
    name_width = min(name_width, max(4, width - len(_HEAD) - 1))
    drawn = [f"{'node':<{name_width}} {_HEAD}"[:width]]
    for node in nodes:
        row = stats[node]
        line = _line(shorten(node, name_width).ljust(name_width), row, rates.get(node, 0.0), texts.get(node, ""))[
            :width
        ]
        drawn.append(f"\x1b[{_COLOURS.get(row['state'], '0')}m{line}\x1b[0m" if colour else line)
    if hidden:
        drawn.append(f"and {hidden} more nodes"[:width])
    return drawn


def _line(name: str, row: Mapping[str, Any], rate: float, text: str) -> str:
    cells = (
        f"{name} {row['state']:<11} {row['ticks']:>11,} {short(rate):>8} {bar(row['queue_fill'])} "
        f"{row['queued']:>8,} {row['failures']:>8,}"
    )
    return f"{cells}  {text}".rstrip()


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
