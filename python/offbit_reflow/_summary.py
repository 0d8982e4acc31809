"""A run in words: its state, a line a node, and what failed, for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from . import pictures
from ._kinds import Key, Kinds

if TYPE_CHECKING:
    from .result import Failure, RunResult

#: Kinds of failures that are spelled out.
SHOWN = 5
#: Nodes that are listed.
NODES = 200
#: Pictures that are shown, and the bytes of the largest.
PICTURES = 6
LARGEST = 1 << 24

_COLUMNS = ("state", "ticks", "in", "out", "failures", "busy", "blocked")


@dataclass
class Kind:
    """Failures that differ in nothing but the packet."""

    first: Failure
    count: int
    #: Whether they differ in their words, too.
    is_mixed: bool = False

    @property
    def times(self) -> str:
        """How often, for people."""
        if self.count == 1:
            return ""
        return f" (and {self.count - 1:,} in other words)" if self.is_mixed else f" ({self.count:,} times)"


def kinds(failures: Iterable[Failure]) -> list[Kind]:
    """Gather failures of one kind: of the same node, for the same reason, in the same words but for what is the packet's."""
    sorts = Kinds()
    found: dict[Key, Kind] = {}
    for failure in failures:
        sort = sorts.of(failure.node, failure.reason, failure.error)
        kind = found.setdefault(sort, Kind(failure, 0, is_mixed=not sort[2]))
        kind.count += 1
    return list(found.values())


def headline(result: RunResult) -> str:
    """Say in one line how a run stands or ended."""
    failed = len(result.failures) + result.failures_dropped
    ticks = sum(row["ticks"] for row in result.nodes.values())
    state = result.state if result.ran else f"{result.state}, nothing ran"
    text = f"{state}: {len(result.nodes)} nodes, {ticks:,} ticks, {failed:,} failures"
    return f"{text} ({result.reason})" if result.reason else text


def text(result: RunResult) -> str:
    """Sum a run up."""
    found = kinds(result.failures)
    parts = [*_table(result), *(_failure(kind) for kind in found[:SHOWN])]
    hidden = sum(kind.count for kind in found[SHOWN:]) + result.failures_dropped
    if hidden:
        parts.append(f"and {hidden:,} more failures")
    return "\n".join([*parts, headline(result)])


def busiest(nodes: dict[str, dict[str, Any]], room: int) -> list[str]:
    """Name at most `room` nodes: all in their order, or those that failed, then those that worked or waited longest."""
    if len(nodes) <= room:
        return list(nodes)

    def weight(node: str) -> tuple[int, float]:
        row = nodes[node]
        return -row["failures"], -(row["busy_s"] + row.get("blocked_s", 0.0))

    return sorted(nodes, key=weight)[:room]


def _table(result: RunResult) -> list[str]:
    shown = busiest(result.nodes, NODES)
    width = max([4, *(len(node) for node in shown)])
    state, *numbers = _COLUMNS
    lines = [f"{'node':<{width}}  {state:<11}" + "".join(f" {name:>9}" for name in numbers)]
    for node in shown:
        state, *cells = _row(result.nodes[node])
        lines.append(f"{node:<{width}}  {state:<11}" + "".join(f" {cell:>9}" for cell in cells))
    if len(shown) < len(result.nodes):
        lines.append(f"and {len(result.nodes) - len(shown):,} more nodes")
    return lines


def _row(row: dict[str, Any]) -> list[str]:
    numbers = [f"{row[key]:,}" for key in ("ticks", "packets_in", "packets_out", "failures")]
    return [row["state"], *numbers, f"{row['busy_s']:.3f}s", f"{row.get('blocked_s', 0.0):.3f}s"]


def failure(failure: Failure) -> str:
    """Say where and how a tick failed, with its traceback."""
    return _failure(Kind(failure, 1))


def failure_html(failure: Failure) -> str:
    """Say so for a notebook: in a line, which opens to the traceback."""
    from html import escape  # for notebooks only

    return (
        f"<details><summary><code>{escape(failure.node)}</code>, tick {failure.tick}: {escape(failure.error)}</summary>"
        f"<pre>{escape(failure.traceback or '')}</pre></details>"
    )


def _failure(kind: Kind) -> str:
    failure = kind.first
    where = f"node `{failure.node}` ({failure.component}), tick {failure.tick}, attempt {failure.attempt}"
    port = f", port `{failure.port}`" if failure.port else ""
    others = "in other words" if kind.is_mixed else "more of this kind"
    more = f" (and {kind.count - 1:,} {others})" if kind.count > 1 else ""
    lines = [f"failed: {where}{port}: {failure.error}{more}"]
    if failure.traceback:
        lines += ["  " + line for line in failure.traceback.rstrip().split("\n")]
    return "\n".join(lines)


def html(result: RunResult) -> str:
    """Sum a run up for a notebook."""
    from html import escape  # for notebooks only

    shown = busiest(result.nodes, NODES)
    head = "".join(f"<th>{name}</th>" for name in ("node", *_COLUMNS))
    rows = "".join(
        f"<tr><th>{escape(node)}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _row(result.nodes[node]))
        + "</tr>"
        for node in shown
    )
    more = len(result.nodes) - len(shown)
    outputs = "".join(
        f"<li><code>{escape(port)}</code>: {len(values):,} packets</li>" for port, values in result.collected().items()
    )
    drawn = "".join(_pictures(result))
    failures = "".join(
        f"<details><summary>{kind.count:,} × <code>{escape(kind.first.node)}</code>: {escape(kind.first.error)}</summary>"
        f"<pre>{escape(kind.first.traceback or '')}</pre></details>"
        for kind in kinds(result.failures)[:SHOWN]
    )
    return (
        f"<p><b>{escape(headline(result))}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        + (f"<p>and {more:,} more nodes</p>" if more else "")
        + (f"<ul>{outputs}</ul>" if outputs else "")
        + drawn
        + failures
    )


def _pictures(result: RunResult) -> Iterable[str]:
    """Draw the last packet of outputs that are pictures or meshes, by the sizes that the last packets of others say."""
    from base64 import b64encode  # for notebooks only
    from html import escape

    last = {port: values[-1] for port, values in result.collected().items() if values}
    facts = [value for value in last.values() if isinstance(value, dict)]
    found = ((port, pictures.seen(value, facts)) for port, value in last.items())
    for port, thing in islice(((port, thing) for port, thing in found if thing is not None), PICTURES):
        if isinstance(thing, pictures.Image) and len(thing.pixels) > LARGEST:
            continue
        data = b64encode(thing._repr_png_()).decode()
        yield (
            f"<figure><img src='data:image/png;base64,{data}' style='max-width: 480px; max-height: 480px'>"
            f"<figcaption><code>{escape(port)}</code>: {escape(repr(thing)[1:-1])}</figcaption></figure>"
        )
