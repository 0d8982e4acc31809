"""What the native half reads of an actor when it is registered."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _loop
from ._loop import is_async, is_coroutine, is_generator
from ._signature import signature_of

if TYPE_CHECKING:
    from ._actor import Actor


@dataclass
class Declaration:
    """An actor as data."""

    component: str
    inports: list[str]
    outports: list[str]
    firing: Any
    latest_inports: list[str]
    source: str
    batch_size: int
    setup: bool
    finalize: bool
    teardown: bool
    on_signal: bool
    is_async: bool
    is_coroutine: bool
    open_ports: bool
    gives_one: bool = field(default=False)
    summary: str = field(default="")
    version: str = field(default="")


def declare(actor: Any, cls: type[Actor]) -> Declaration:
    """Describe an actor, a class or an instance of it."""
    from ._actor import Actor  # which imports this module

    inports = _ports(actor, "inports")
    declared = any("inports" in one.__dict__ for one in cls.__mro__ if one is not Actor)
    declared = declared or "inports" in getattr(actor, "__dict__", {})
    run = getattr(actor, "run")  # noqa: B009  # an instance may have one of its own
    _needs_run(run, actor, cls)
    generates = is_generator(run)
    without_inports = "yes" if declared or generates else "to_the_end"
    batch_size = _batch_size(actor, cls)
    if is_async(run):
        _loop.prepare()
    if batch_size > 1 and (is_async(run) or generates):
        raise TypeError(
            f"{cls.__name__}: a batch actor (batch_size = {batch_size}) needs a plain `def run(self, batch)`"
        )
    return Declaration(
        component=str(actor.component),
        inports=inports,
        outports=_ports(actor, "outports"),
        firing=_firing(actor, cls),
        latest_inports=_ports(actor, "latest_inports"),
        source="no" if inports else without_inports,
        batch_size=batch_size,
        setup=_is_called(actor, cls, "setup", "ctx"),
        finalize=_is_called(actor, cls, "finalize", "ctx"),
        teardown=_is_called(actor, cls, "teardown"),
        on_signal=_is_called(actor, cls, "on_signal", "ctx", "signal"),
        is_async=is_async(run),
        is_coroutine=is_coroutine(run),
        open_ports=cls._open_ports,
        gives_one=cls._gives_one,
        summary=(inspect.getdoc(cls) or "").split("\n")[0] if cls is not Actor else "",
        version=str(getattr(actor, "version", "") or ""),
    )


def _firing(actor: Any, cls: type[Actor]) -> Any:
    """Give the firing rule as data: what ``await_all_inports`` says, and which inports are remembered."""
    wait_for = actor.await_all_inports
    is_rule = isinstance(wait_for, Mapping) or wait_for in (True, False, None, "latest", "position", "origin")
    if not is_rule:
        raise ValueError(
            f"{cls.__name__}.await_all_inports must be True, False, 'latest', 'position', 'origin' or a firing rule, "
            f"got {wait_for!r}"
        )
    if not wait_for:
        return "any"
    if wait_for == "latest":
        return "latest"
    if isinstance(wait_for, str):
        rule: dict[str, Any] = {"join": wait_for}
    else:
        rule = dict(wait_for) if isinstance(wait_for, Mapping) else {}
    for key, ports in (("latest", _ports(actor, "latest_inports")), ("optional", _ports(actor, "_optional_inports"))):
        if ports:
            rule.setdefault(key, ports)
    return rule or "all"


def _is_called(actor: Any, cls: type[Actor], name: str, *arguments: str) -> bool:
    """Tell whether an optional method is there. One that takes other arguments is the class's own business."""
    from ._actor import Actor  # which imports this module

    own = actor.__dict__.get(name) if isinstance(actor, Actor) else None
    method = getattr(cls, name) if own is None else own
    if method is getattr(Actor, name) or not callable(method):
        return False
    has_self = own is None and _is_bound(cls, name)
    try:
        signature = signature_of(method)
        signature.bind(*([None] * has_self), *arguments)
    except TypeError:
        expected = ", ".join(("self", *arguments))
        warnings.warn(
            f"{cls.__name__}.{name}{signature} is not called by the runtime; it would call {name}({expected})",
            stacklevel=5,
        )
        return False
    except ValueError:  # a callable that does not tell its signature
        return True
    return True


def _is_bound(cls: type[Actor], name: str) -> bool:
    """Tell whether a method gets its instance: what a decorator made of it may, and need be no function."""
    static = inspect.getattr_static(cls, name)
    if isinstance(static, functools.partial):
        return sys.version_info >= (3, 14)  # until then a partial function in a class is what it is in an instance
    return not isinstance(static, staticmethod | classmethod) and hasattr(type(static), "__get__")


def _needs_run(run: Any, actor: Any, cls: type[Actor]) -> None:
    """Refuse a `run` that cannot be called with a tick."""
    if not callable(run):
        if hasattr(run, "__get__"):  # a property: what it gives is seen when it is called
            return
        raise TypeError(f"{cls.__name__}.run must be a method, run(self, ctx), got {run!r}")
    has_self = isinstance(actor, type) and _is_bound(cls, "run")
    try:
        signature = signature_of(run, follow_wrapped=False)
    except ValueError:  # it does not tell
        return
    try:
        signature.bind(*([None] * has_self), None)
    except TypeError as error:
        raise TypeError(f"{cls.__name__}.run{signature} cannot be called as run(self, ctx): {error}") from None


def _batch_size(actor: Any, cls: type[Actor]) -> int:
    """Give how many ticks `run` takes at once. With a parameter `ctx` it takes one, whatever `batch_size` means there."""
    size = actor.batch_size
    if type(size) is int and size == 1:
        return 1
    if list(signature_of(cls.run).parameters)[1:2] == ["ctx"]:
        return 1
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"{cls.__name__}.batch_size must be a whole number of at least 1, got {size!r}")
    return size


def _ports(actor: Any, name: str) -> list[str]:
    ports = getattr(actor, name)
    if isinstance(ports, str) or not isinstance(ports, Iterable):
        raise TypeError(f"{name} must be a list of port names, got {ports!r}")
    ports = list(ports)
    for port in ports:
        if not isinstance(port, str):
            raise TypeError(f"{name} must be a list of port names (str), got {port!r} in it")
    return list(dict.fromkeys(ports))


__all__ = ["Declaration", "declare"]
