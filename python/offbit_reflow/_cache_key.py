"""What a value is beside its data: two that differ in it are different inputs of a cached tick."""

from __future__ import annotations

import pickle
from typing import Any

#: Types whose values are told apart by their data.
_PLAIN = frozenset({int, float, str, bool, type(None)})
#: Types of which the name and the items say everything.
_ITEMS = frozenset({tuple, set, frozenset})


def form_of(value: Any) -> bytes | None:
    """Say where in a value something stands that is no JSON-shaped data, and what; `None` if that cannot be told."""
    found: list[tuple[int, Any]] = []
    place, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        place += 1
        if kind in _PLAIN:
            continue
        if kind is list or kind in _ITEMS:
            items = list(item)
        elif kind is dict and all(type(name) is str for name in item):
            items = [item[name] for name in sorted(item)]
        else:
            try:
                found.append((place, pickle.dumps(item, 5)))
            except Exception:
                return None
            continue
        if kind in _ITEMS:
            found.append((place, kind.__name__))
        if _PLAIN.issuperset(map(type, items)):
            place += len(items)
        else:
            waiting += reversed(items)
    return repr(found).encode() if found else b""
