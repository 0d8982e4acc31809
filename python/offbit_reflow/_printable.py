"""Text that is safe to show."""

from __future__ import annotations

import re

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_A_LINE = re.compile(_UNSAFE.pattern[:-1] + "\t\n]")


def printable(text: str) -> str:
    r"""Write out whatever in a text could command a terminal or turn letters around, to show it to people.

    That is control characters other than line feeds and tabs, line and paragraph separators, the marks that change the
    direction of writing, and lone surrogates, which no output can encode. What is JSON stays the same JSON.

    Examples
    --------
    >>> from offbit_reflow._printable import printable
    >>> print(printable("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    return _UNSAFE.sub(_escape, text)


def printable_line(text: str) -> str:
    """Write out line feeds and tabs too, in text that must stay in its line."""
    return _UNSAFE_IN_A_LINE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
