"""`Diagnostic`: what a check of a graph finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._printable import printable, printable_line


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, and what would be right.

    Attributes
    ----------
    code : str
        A stable code, ``G001`` for example.
    kind : str
        The name of the code that people read, ``unknown-component`` for example.
    severity : str
        ``error``: the graph must not run. ``warning``: it can, but probably not as meant.
    place : str
        Where it is, in words.
    message : str
        What is wrong.
    hint : str or None
        What to do about it.
    location : dict
        Where it is, for programs: ``kind`` and the ids that belong to it.

    Examples
    --------
    >>> from offbit_reflow import Graph
    >>> graph = Graph()
    >>> graph.add_node("a", "tpl_math_ad")
    >>> (finding,) = graph.check({})
    >>> finding.code, finding.kind, finding.hint
    ('G001', 'unknown-component', 'did you mean `tpl_math_add`?')
    """

    code: str
    kind: str
    severity: str
    place: str
    message: str
    hint: str | None = None
    location: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_error(self) -> bool:
        """Whether the graph must not run because of this."""
        return self.severity == "error"

    def __str__(self) -> str:
        text = f"{self.severity} {self.code} {self.kind} at {printable_line(self.place)}: {_lines(self.message)}"
        return f"{text}\n  hint: {_lines(self.hint)}" if self.hint else text


def _lines(text: str) -> str:
    """Text that is safe to show; lines after the first are indented, so that none can pass for a finding."""
    return printable(text).replace("\n", "\n    ")


__all__ = ["Diagnostic"]
