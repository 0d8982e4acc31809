"""`keyed`: a state for each key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import deepcopy
from typing import Any

from .._actor import Actor
from .._functions import FunctionType
from .._loop import is_async, is_generator
from .._signature import signature_of
from ._key import key_of, original
from ._memory import takes_over
from ._options import check_whole


def keyed(
    key: str | Callable[[Any], Hashable] | None = None,
    *,
    initial: Any = None,
    most_keys: int | None = None,
    at_end: Callable[[Hashable, Any], Any] | None = None,
) -> Callable[[Callable[[Any, Any], tuple[Any, Any]]], type[Actor]]:
    """Make an actor of a function ``(state, value) -> (state, output)`` with a state for each key.

    Parameters
    ----------
    key : str or callable, optional
        A member of the value, a path, or a function of it. All values share one state by default.
    initial : any, optional
        The state of a key that is new; a function is called for it, such as ``dict``, and a dict, list or set is copied.
    most_keys : int, optional
        How many keys are remembered; beyond that the one that was not used for longest is forgotten. All by default.
    at_end : callable, optional
        ``at_end(key, state)`` gives one more output for each key when nothing more can come.

    Returns
    -------
    callable
        A decorator. An output of None sends nothing; the key of a state that becomes None is forgotten. The state changes
        when the function has returned: an attempt that fails, or takes too long, leaves it as it was, unless the function
        changed it in place.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import keyed
    >>> @actor
    ... def events(n):
    ...     yield from ({"user": "ab"[i % 2], "amount": i} for i in range(n))
    >>> @keyed("user", initial=0)
    ... def total(state, event):
    ...     state += event["amount"]
    ...     return state, (event["user"], state)
    >>> (events >> total).run(n=4).outputs
    {'total': [('a', 0), ('b', 1), ('a', 2), ('b', 4)]}
    """
    if callable(key) and _takes(key, 2) and not _takes(key, 1):
        raise TypeError(f"keyed: {key!r} takes a state and a value, so it is no key; write @keyed() above it")
    find = key_of(key)
    if most_keys is not None:
        check_whole("most_keys", most_keys)

    def begin() -> Any:
        if callable(initial):
            return initial()
        return deepcopy(initial) if isinstance(initial, (dict, list, set)) else initial

    def decorate(function: Callable[[Any, Any], tuple[Any, Any]]) -> type[Actor]:
        if not callable(function):
            raise TypeError(f"keyed: expected a function (state, value) -> (state, output), got {function!r}")
        if is_async(function) or is_generator(function):
            kind = "async" if is_async(function) else "a generator"
            raise TypeError(f"keyed: {function!r} is {kind}, and what it returns must be (state, output) at once")
        if not _takes(function, 2):
            raise TypeError(f"keyed: {function!r} must take two arguments, (state, value)")

        class Keyed(Actor, metaclass=FunctionType):
            inports = ["value"]
            outports = ["out"]
            _open_ports = False

            def __init__(self) -> None:
                self.states: OrderedDict[Hashable, Any] = OrderedDict()

            def setup(self, ctx: Any) -> None:
                takes_over(self, ctx)

            def run(self, ctx: Any) -> dict[str, Any]:
                value = ctx["value"]
                at = find(value)
                known = at in self.states
                state = self.states[at] if known else begin()
                answer = function(state, value)
                if ctx.resolved:  # given up meanwhile
                    return {}
                if not isinstance(answer, tuple) or len(answer) != 2:
                    raise TypeError(f"`{Keyed.__name__}` must return (state, output), got {answer!r}")
                state, out = answer
                if state is None:
                    self.states.pop(at, None)
                else:
                    self.states[at] = state
                    if most_keys is not None:
                        self.states.move_to_end(at)
                        if len(self.states) > most_keys:
                            self.states.popitem(last=False)
                return {} if out is None else {"out": out}

            def finalize(self, ctx: Any) -> None:
                if at_end is not None:
                    for at, state in self.states.items():
                        out = at_end(original(at), state)
                        if out is not None:
                            ctx.send({"out": out})

        name = getattr(function, "__name__", type(function).__name__)
        Keyed.component = Keyed.__name__ = Keyed.__qualname__ = name
        Keyed.__doc__ = function.__doc__
        Keyed.__module__ = getattr(function, "__module__", __name__)
        return Keyed

    return decorate


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Tell whether a function may be called with so many arguments; one that does not tell may."""
    try:
        signature_of(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        pass
    return True
