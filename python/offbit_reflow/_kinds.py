"""Which failures are of one kind: they differ in nothing but the packet."""

from __future__ import annotations

#: How many wordings of one node and reason are told apart; the others are one kind.
WORDINGS = 4

#: What a packet puts into a text: numbers, and what is quoted.
_OF_THE_PACKET = r"""'[^']*'|"[^"]*"|`[^`]*`|[-+]?\d[\w.]*"""

#: A node, a reason, and a wording; none where there were too many.
Key = tuple[str, str, str]


class Kinds:
    """Sorts failures: by node and reason, and by their words but for numbers and quotes."""

    def __init__(self) -> None:
        self._wordings: dict[tuple[str, str], list[str]] = {}

    def of(self, node: str, reason: str, text: str) -> Key:
        """Give what a failure and all others of its kind have in common."""
        import re  # not before something has failed

        wording = re.sub(_OF_THE_PACKET, "…", text[:1000])
        known = self._wordings.setdefault((node, reason), [])
        if wording not in known:
            if len(known) >= WORDINGS:
                return node, reason, ""
            known.append(wording)
        return node, reason, wording
