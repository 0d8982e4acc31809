"""The table of ratios."""

from __future__ import annotations

from collections.abc import Mapping

from cases import OURS, PEERS, Case


def lines(
    cases: list[Case], medians: Mapping[tuple[str, str], float], notes: Mapping[tuple[str, str], str]
) -> list[str]:
    """Draw the table: what we reach, and how many times better that is than each peer."""
    peers = [peer for peer in PEERS if any(peer in case.peers for case in cases)]
    rows = [["case", OURS, *(f"× {peer}" for peer in peers)]]
    for case in cases:
        ours = medians.get((case.name, OURS))
        row = [case.name, notes.get((case.name, OURS), "n/a") if ours is None else f"{number(ours)} {case.unit}"]
        for peer in peers:
            theirs = medians.get((case.name, peer))
            if peer not in case.peers:
                row.append("")
            elif theirs is None:
                row.append(notes.get((case.name, peer), "n/a"))
            elif ours is None:
                row.append(f"({number(theirs)})")
            else:
                row.append(f"{ratio(ours, theirs, case.lower_is_better)} ({number(theirs)})")
        rows.append(row)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return drawn


def ratio(ours: float, theirs: float, lower_is_better: bool) -> str:
    """Say how many times better ours is."""
    above, below = (theirs, ours) if lower_is_better else (ours, theirs)
    if below == 0:
        return "∞"
    times = above / below
    return f"{times:.2f}" if times < 10 else f"{times:,.0f}"


def number(value: float) -> str:
    """Write a number with three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
