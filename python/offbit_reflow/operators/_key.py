"""Keys: what packets belong together by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any


def key_of(key: str | Callable[[Any], Any] | None) -> Callable[[Any], Hashable]:
    """Make a function that gives the key of a value; `original` gives the key as it stood there.

    Raises
    ------
    TypeError
        If `key` is neither a name, a path, a function nor None, which puts all values under one key.
    """
    if key is None:
        return lambda value: None
    find = member(key)
    return lambda value: hashable(find(value))


def member(key: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a function that gives what a name, a path or a function finds in a value."""
    if callable(key):
        return key
    if not isinstance(key, str) or not key:
        raise TypeError(f"key must be the name of a member, a path such as 'order.id', or a function, got {key!r}")
    path = key.split(".")

    def read(value: Any) -> Any:
        for name in path:
            try:
                # Most values are dicts, and the question for mappings is the slower one.
                value = value[name] if type(value) is dict or isinstance(value, Mapping) else getattr(value, name)
            except (KeyError, AttributeError):
                raise KeyError(f"the packet has no `{key}`: there is no `{name}` in {_shortened(value)}") from None
        return value

    return read


class _StandIn:
    """Stands for a value that cannot be hashed where a key is looked up."""

    __slots__ = ("_frozen", "value")

    def __init__(self, value: Any, frozen: Hashable) -> None:
        self.value, self._frozen = value, frozen

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _StandIn) and self._frozen == other._frozen

    def __hash__(self) -> int:
        return hash(self._frozen)


def hashable(value: Any) -> Hashable:
    """Give something that stands for a value in a set or dict; equal for equal values of a kind."""
    try:
        hash(value)
    except TypeError:
        return _StandIn(value, _frozen(value))
    key: Hashable = value
    return key


def original(key: Any) -> Any:
    """Give the value that a key stands for."""
    return key.value if isinstance(key, _StandIn) else key


def _frozen(value: Any) -> Hashable:
    try:
        hash(value)
    except TypeError:
        if isinstance(value, Mapping):
            return ("mapping", frozenset((name, _frozen(member)) for name, member in value.items()))
        if isinstance(value, (list, tuple)):
            return ("list" if isinstance(value, list) else "tuple", tuple(map(_frozen, value)))
        if isinstance(value, (set, frozenset)):
            return ("set", frozenset(value))
        if isinstance(value, (bytearray, memoryview)):
            return ("bytes", bytes(value))
        raise TypeError(f"a value of type {type(value).__name__} cannot be a key; give a key= function") from None
    # No frozen list, nor a tuple that looks like one.
    return ("value", value)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
