"""Keys: what packets belong together by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any


def key_of(key: str | Callable[[Any], Hashable] | None) -> Callable[[Any], Hashable]:
    """Make a function that gives the key of a value.

    Raises
    ------
    TypeError
        If `key` is neither a name, a path, a function nor None, which puts all values under one key.
    """
    if key is None:
        return lambda value: None
    if callable(key):
        return key
    if not isinstance(key, str) or not key:
        raise TypeError(f"key must be the name of a member, a path such as 'order.id', or a function, got {key!r}")
    path = key.split(".")

    def read(value: Any) -> Hashable:
        for name in path:
            try:
                # Most values are dicts, and the question for mappings is the slower one.
                value = value[name] if type(value) is dict or isinstance(value, Mapping) else getattr(value, name)
            except (KeyError, AttributeError):
                raise KeyError(f"the packet has no `{key}`: there is no `{name}` in {_shortened(value)}") from None
        return hashable(value)

    return read


def hashable(value: Any) -> Hashable:
    """Give something that stands for a value in a set or dict; equal for equal values."""
    try:
        hash(value)
    except TypeError:
        if isinstance(value, Mapping):
            return ("mapping", frozenset((name, hashable(member)) for name, member in value.items()))
        if isinstance(value, (list, tuple, set, frozenset)):
            members = (hashable(member) for member in value)
            ordered = isinstance(value, (list, tuple))
            return ("list", tuple(members)) if ordered else ("set", frozenset(members))
        if isinstance(value, (bytearray, memoryview)):
            return ("bytes", bytes(value))
        raise TypeError(f"a value of type {type(value).__name__} cannot be a key; give a key= function") from None
    key: Hashable = value
    return key


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
