"""`Actor`: the class that users subclass, and the native handles of actors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from . import _loop, _native, _threads  # noqa: F401  # threads of the native half call into the last
from ._declaration import Declaration, declare
from ._loop import is_async, is_coroutine
from ._signature import signature_of

if TYPE_CHECKING:
    from ._native import ActorCallContext
    from ._values import Signal


class Actor:
    """A step of a program: named inports and outports, and a `run` that is called once a tick.

    Subclass it, declare the ports, and define `run`. It may be a plain method, ``async``, or a generator that yields
    ``{port: message}``; with a `batch_size` above 1, ``run(self, batch)`` receives a `TickBatch` of up to so many ticks.

    A tick ends with exactly one ``ctx.done(outputs)`` or ``ctx.fail(message)``; returning a dict is `done`, an exception
    is `fail`. What a failed tick emitted is dropped; the policy of the node says what happens next.

    Register the class and every node gets an instance of its own; register an instance and all nodes share it.

    Attributes
    ----------
    component : str
        A name for people. Nodes are made by the template id that the actor is registered under.
    inports, outports : list of str
        The declared ports. Ports that are connected but not declared work too.
    await_all_inports : bool, str or dict
        False: a tick for every packet. True: a tick when every declared inport has a packet; those that descend from one
        source are paired by the origin of their packets, others in order. ``"position"``: all are paired in order.
        ``"origin"``, or a dict such as ``{"join": {"a": "id", "b": "order.id"}, "timeout_ms": 500}``: paired by what their
        packets have in common. ``"latest"``: every inport keeps its newest packet.
    latest_inports : list of str
        Inports that keep their newest packet. With ``await_all_inports = True`` they offer it to every tick.
    batch_size : int
        How many ticks `run` takes at once, at least 1. A `run` whose parameter is called ``ctx`` always takes one.

    Examples
    --------
    >>> from offbit_reflow import Actor, Network
    >>> class Double(Actor):
    ...     inports = ["in"]
    ...     outports = ["out"]
    ...
    ...     def run(self, ctx):
    ...         ctx.done({"out": ctx["in"] * 2})
    >>> net = Network()
    >>> net.register_actor("double", Double)
    >>> net.add_node("a", "double")
    >>> net.add_outport("result", "a", "out")
    >>> net.run(inputs={"a.in": 21}).outputs
    {'result': [42]}
    """

    component: ClassVar[str] = "anonymous"
    inports: list[str] = []
    outports: list[str] = []
    await_all_inports: bool | str | dict[str, Any] = False
    latest_inports: list[str] = []
    batch_size: int = 1
    _optional_inports: list[str] = []
    #: Whether ports that are not declared work where they are connected.
    _open_ports: bool = True
    #: Whether a tick is known to give at most one packet by each outport.
    _gives_one: bool = False

    def run(self, ctx: Any) -> Any:
        """Run one tick: `ctx` is an `ActorCallContext`, or a `TickBatch` for a batch actor.

        Examples
        --------
        >>> from offbit_reflow import Actor
        >>> from offbit_reflow.testing import run_actor
        >>> class Double(Actor):
        ...     inports = ["x"]
        ...     outports = ["out"]
        ...
        ...     def run(self, ctx):
        ...         ctx.done({"out": ctx["x"] * 2})
        >>> run_actor(Double, {"x": 4}).outputs
        {'out': [8]}
        """
        raise NotImplementedError(f"{type(self).__name__} does not define run(self, ctx)")

    def setup(self, ctx: ActorCallContext) -> Any:
        """Prepare; called once for a node, before its first tick.

        Examples
        --------
        >>> from offbit_reflow import Actor
        >>> from offbit_reflow.testing import run_actor
        >>> class Scale(Actor):
        ...     inports = ["x"]
        ...     outports = ["out"]
        ...
        ...     def setup(self, ctx):
        ...         self.factor = ctx.config["factor"]
        ...
        ...     def run(self, ctx):
        ...         ctx.done({"out": ctx["x"] * self.factor})
        >>> run_actor(Scale, {"x": iter([1, 2])}, config={"factor": 10}).outputs
        {'out': [10, 20]}
        """

    def on_signal(self, ctx: ActorCallContext, signal: Signal) -> Any:
        """Take a signal that `Network.signal` sent; called between ticks.

        Examples
        --------
        >>> from offbit_reflow import Actor, Network
        >>> class Pace(Actor):
        ...     inports = ["x"]
        ...     outports = ["out"]
        ...     step = 1
        ...
        ...     def run(self, ctx):
        ...         ctx.done({"out": ctx["x"] * self.step})
        ...
        ...     def on_signal(self, ctx, signal):
        ...         self.step = signal.data
        >>> with Network() as net:
        ...     net.register_actor("pace", Pace)
        ...     net.add_node("a", "pace")
        ...     net.add_outport("out", "a", "out")
        ...     net.start()
        ...     net.signal("a", "step", 10)
        ...     net.ask({"a.x": 4})
        {'out': [40]}
        """

    def finalize(self, ctx: ActorCallContext) -> Any:
        """Say the last words; called once when no further tick can come. May still send.

        Examples
        --------
        >>> from offbit_reflow import Actor
        >>> from offbit_reflow.testing import run_actor
        >>> class Sum(Actor):
        ...     inports = ["x"]
        ...     outports = ["out"]
        ...     total = 0
        ...
        ...     def run(self, ctx):
        ...         self.total += ctx["x"]
        ...         ctx.done()
        ...
        ...     def finalize(self, ctx):
        ...         ctx.send({"out": self.total})
        >>> run_actor(Sum, {"x": iter([1, 2, 3])}).outputs
        {'out': [6]}
        """

    def teardown(self) -> Any:
        """Let go of resources; called once at the very end, however the run ended.

        Examples
        --------
        >>> from offbit_reflow import Actor
        >>> from offbit_reflow.testing import run_actor
        >>> class Lines(Actor):
        ...     inports = ["path"]
        ...     outports = ["out"]
        ...     file = None
        ...
        ...     def run(self, ctx):
        ...         self.file = open(ctx["path"])
        ...         yield from ({"out": line} for line in self.file)
        ...
        ...     def teardown(self):
        ...         if self.file is not None:
        ...             self.file.close()
        >>> run_actor(Lines, {"path": "/dev/null"}).outputs
        {'out': []}
        """

    def _build(self) -> _native.Actor:
        """Make a native handle that shares this instance among all its nodes."""
        return _native.Actor._from_python(lambda: self, declare(self, type(self)))


def build(actor: Any, factory: Callable[[], Actor] | None = None) -> _native.Actor:
    """Make a native handle of an Actor class, an Actor instance, or a native handle.

    Parameters
    ----------
    actor : type or Actor or native handle or callable object
        A class gives every node an instance of its own; an instance is shared. A partial, a builtin or another object that
        can be called is made an actor of, as `actor` does; a function is decorated where it is written.
    factory : callable, optional
        Makes the instance of a node, when the class is not to be called without arguments.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(actor, _native.Actor):
        return actor
    if isinstance(actor, type) and issubclass(actor, Actor):
        if factory is None:
            _needs_no_arguments(actor)
        kind: Any = type(actor)
        # A call of some classes makes a flow.
        instance: Callable[[], Any] = kind.make.__get__(actor) if hasattr(kind, "make") else actor
        return _native.Actor._from_python(factory or instance, declare(actor, actor))
    if isinstance(actor, Actor):
        return actor._build()
    if hasattr(actor, "_build"):
        built = actor._build()
        if isinstance(built, _native.Actor):
            return built
    if callable(actor) and not isinstance(actor, type) and not inspect.isfunction(actor):
        from ._functions import make  # which are made of actors

        return build(make(actor, None, None, None, None))
    raise TypeError(no_actor(actor))


def _needs_no_arguments(cls: type[Actor]) -> None:
    """Refuse a class of which nodes could not make an instance."""
    try:
        signature = signature_of(cls.__init__)
        signature.bind(None)
    except ValueError:
        return  # a class that does not tell
    except TypeError as error:
        name = cls.__name__
        raise TypeError(
            f"{name} cannot be made without arguments ({error}): register an instance, {name}(…), that all nodes share, or the "
            f"class with `factory=lambda: {name}(…)` for one of each node"
        ) from None


def no_actor(value: Any) -> str:
    """Say why something is no actor, and what would be one."""
    text = f"expected an Actor class, an Actor instance or a native handle, got {value!r}"
    if inspect.isfunction(value):
        name = value.__name__
        text += f"; `{name}` is a plain function: write @actor above it, or give actor({name})"
    elif isinstance(value, type):
        text += f"; {value.__name__} does not derive from Actor"
        if "__call__" in vars(value):
            text += f": give an object of it, {value.__name__}(…), which can be called"
        else:
            text += f"; to call it with what comes, give actor(lambda value: {value.__name__}(value))"
    elif hasattr(value, "to_graph"):
        text += (
            "; `flow.network()` makes a network of a flow, and a step is registered by itself: its function or class"
        )
    elif isinstance(value, str):
        text += (
            f"; a template of the catalog needs no registration, its nodes name it; or give template_actor({value!r})"
            if value in _native.template_list()
            else "; a text is no actor"
        )
    return text


class _Callback:
    """The object behind `_native.Actor.from_callback`."""

    def __init__(self, run: Callable[[ActorCallContext], Any]) -> None:
        self.run = run


def _from_callback(
    component: str, inports: list[str], outports: list[str], run: Callable[..., Any], await_all: Any
) -> _native.Actor:
    declaration = Declaration(
        component=component,
        inports=list(inports),
        outports=list(outports),
        firing="all" if await_all else "any",
        latest_inports=[],
        source="no",
        batch_size=1,
        setup=False,
        finalize=False,
        teardown=False,
        on_signal=False,
        is_async=is_async(run),
        is_coroutine=is_coroutine(run),
        open_ports=True,
    )
    if is_async(run):
        _loop.prepare()
    shared = _Callback(run)
    return _native.Actor._from_python(lambda: shared, declaration)


__all__ = ["Actor", "build", "no_actor"]
