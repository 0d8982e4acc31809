"""The end of a run in words: its state, a line a node, and what failed."""

from __future__ import annotations

from ..result import Failure, RunResult

#: Failures that are spelled out.
SHOWN = 5


def text(result: RunResult) -> str:
    """Sum a run up."""
    failed = len(result.failures) + result.failures_dropped
    ticks = sum(row["ticks"] for row in result.nodes.values())
    headline = f"{result.state}: {len(result.nodes)} nodes, {ticks:,} ticks, {failed:,} failures"
    if result.reason:
        headline += f" ({result.reason})"
    parts = [*_nodes(result), *(_failure(failure) for failure in result.failures[:SHOWN])]
    if failed > SHOWN:
        parts.append(f"and {failed - SHOWN:,} more failures")
    return "\n".join([*parts, headline])


def _nodes(result: RunResult) -> list[str]:
    width = max([4, *(len(node) for node in result.nodes)])
    lines = [f"{'node':<{width}}  {'state':<11} {'ticks':>9} {'in':>9} {'out':>9} {'failures':>9} {'busy':>9}"]
    for node, row in result.nodes.items():
        lines.append(
            f"{node:<{width}}  {row['state']:<11} {row['ticks']:>9,} {row['packets_in']:>9,} {row['packets_out']:>9,} "
            f"{row['failures']:>9,} {row['busy_s']:>8.3f}s"
        )
    return lines


def _failure(failure: Failure) -> str:
    where = f"node `{failure.node}` ({failure.component}), tick {failure.tick}, attempt {failure.attempt}"
    port = f", port `{failure.port}`" if failure.port else ""
    lines = [f"failed: {where}{port}: {failure.error}"]
    if failure.traceback:
        lines += ["  " + line for line in failure.traceback.rstrip().split("\n")]
    return "\n".join(lines)
