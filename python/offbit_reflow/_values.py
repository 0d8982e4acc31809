"""Values that the native half hands to Python actors."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ._native import Message, StreamReader


class PortValue(dict[str, Any]):
    """What ``ctx.inputs[port]`` gives: the tagged form of a message, as a dict that also knows the message.

    It is equal to, printed as and JSON-able as the plain dict ``{"type": KIND, "data": ...}``.

    Examples
    --------
    >>> from offbit_reflow import Actor
    >>> from offbit_reflow.testing import run_actor
    >>> class Kind(Actor):
    ...     inports = ["x"]
    ...     outports = ["out"]
    ...
    ...     def run(self, ctx):
    ...         ctx.done({"out": ctx.inputs["x"]["type"]})
    >>> run_actor(Kind, {"x": 4}).outputs
    {'out': ['Integer']}
    """

    __slots__ = ("_message",)
    _message: Message | None

    def to_message(self) -> Message:
        """Give the message itself."""
        from ._native import Message

        message: Message | None = getattr(self, "_message", None)
        return Message.from_json(dict(self)) if message is None else message

    def take_stream(self) -> StreamReader:
        """Take the readable end of a stream; ValueError if this is no stream."""
        return self.to_message().take_stream()

    def as_boolean(self) -> bool | None:
        """Give the value of a Boolean message, else None."""
        return self.to_message().as_boolean()

    def as_integer(self) -> int | None:
        """Give the value of an Integer message, else None."""
        return self.to_message().as_integer()

    def as_float(self) -> float | None:
        """Give the value of a Float message, else None."""
        return self.to_message().as_float()

    def as_string(self) -> str | None:
        """Give the text of a String or Error message, else None."""
        return self.to_message().as_string()

    def as_bytes(self) -> bytes | None:
        """Give the bytes of a Bytes message without copying them, else None."""
        return self.to_message().as_bytes()

    def __setitem__(self, key: str, value: Any) -> None:
        self._message = None  # what was changed is no longer that message
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._message = None
        super().__delitem__(key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Update from a mapping or pairs."""
        self._message = None
        super().update(*args, **kwargs)

    def pop(self, *args: Any) -> Any:
        """Remove a key and return its value."""
        self._message = None
        return super().pop(*args)

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]  # as dict's, which has overloads
        self.update(other)
        return self

    def popitem(self) -> tuple[str, Any]:
        """Remove the last item and return it."""
        self._message = None
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value for key, set to default if there is none."""
        self._message = None
        return super().setdefault(key, default)

    def clear(self) -> None:
        """Remove all items."""
        self._message = None
        super().clear()

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self.items()),)


class LazyPortValue(PortValue):
    """A `PortValue` of which a part is made when somebody looks at it.

    The ``data`` of raw bytes is a list of integers. The ``type`` of an object is what that would be to components that are no
    Python actors, which only a conversion can tell.
    """

    __slots__ = ()

    def _complete(self) -> LazyPortValue:
        message = getattr(self, "_message", None)
        if message is None:
            return self
        if not dict.__contains__(self, "type"):
            data = dict.pop(self, "data")
            dict.update(self, type=message.kind, data=data)
        elif not dict.__contains__(self, "data"):
            dict.__setitem__(self, "data", message.as_json()["data"])
        return self

    def __missing__(self, key: str) -> Any:
        if key not in ("type", "data"):
            raise KeyError(key)
        self._complete()
        if not dict.__contains__(self, key):
            raise KeyError(key)
        return dict.__getitem__(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._complete()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._complete()
        super().__delitem__(key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Update from a mapping or pairs."""
        self._complete()
        super().update(*args, **kwargs)

    def pop(self, *args: Any) -> Any:
        """Remove a key and return its value."""
        self._complete()
        return super().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        """Remove the last item and return it."""
        self._complete()
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value for key, set to default if there is none."""
        self._complete()
        return super().setdefault(key, default)

    def __reversed__(self) -> Iterator[str]:
        return dict.__reversed__(self._complete())

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value for key, else default."""
        return dict.get(self._complete(), key, default)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # dict's own view type cannot be named
        """Return the items."""
        return dict.items(self._complete())

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # see items
        """Return the keys."""
        return dict.keys(self._complete())

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # see items
        """Return the values."""
        return dict.values(self._complete())

    def copy(self) -> dict[str, Any]:
        """Return a plain copy."""
        return dict(self.items())

    def __or__(self, other: Any) -> dict[str, Any]:  # type: ignore[override]  # as dict's, which has overloads
        return dict.__or__(self._complete(), other)

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self._complete())

    def __len__(self) -> int:
        return dict.__len__(self._complete())

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self._complete(), key)

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._complete(), other)

    def __ne__(self, other: object) -> bool:
        return dict.__ne__(self._complete(), other)

    __hash__ = None  # type: ignore[assignment]  # dicts are not hashable

    def __repr__(self) -> str:
        return dict.__repr__(self._complete())


@dataclass(frozen=True, slots=True)
class Signal:
    """What `Network.signal` brings to `Actor.on_signal`.

    Attributes
    ----------
    kind : str
        The word that says what it is.
    data : Any
        Its data.

    Examples
    --------
    >>> from offbit_reflow import Signal
    >>> Signal("step", 10).data
    10
    """

    kind: str
    data: Any = None
