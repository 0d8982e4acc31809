"""What a value is known by at a join: the member at a path, in a form that compares as it does itself."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any


def member_at(value: Any, path: list[str]) -> Any:
    """Give the member at a path of mappings and attributes, None where there is none.

    JSON is given as it is. Other values are given as their type and a text that is equal for equal ones.
    """
    try:
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        return _plain(value)
    except Exception:  # of a property, say, or of a text that somebody has made
        return None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted(map(repr, map(_plain, value)))]
    ratio = getattr(value, "as_integer_ratio", None)
    if ratio is not None:
        over, under = map(int, ratio())
        return _plain(over) if under == 1 and abs(over) < 2**63 else ["number", f"{over}/{under}"]
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC)
    return [type(value).__qualname__, repr(value)]
