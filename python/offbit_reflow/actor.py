"""`Actor`: the class that users subclass, and `actor`, which makes one of a plain function."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, overload

from . import _loop, _native, _threads  # noqa: F401  # threads of the native half call into the last
from ._loop import is_async, is_generator

if TYPE_CHECKING:
    from ._native import ActorCallContext
    from ._values import Signal
    from .flow import Flow


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

    def run(self, ctx: Any) -> Any:
        """Run one tick: `ctx` is an `ActorCallContext`, or a `TickBatch` for a batch actor."""
        raise NotImplementedError(f"{type(self).__name__} does not define run(self, ctx)")

    def setup(self, ctx: ActorCallContext) -> Any:
        """Prepare; called once for a node, before its first tick."""

    def on_signal(self, ctx: ActorCallContext, signal: Signal) -> Any:
        """Take a signal that `Network.signal` sent; called between ticks."""

    def finalize(self, ctx: ActorCallContext) -> Any:
        """Say the last words; called once when no further tick can come. May still send."""

    def teardown(self) -> None:
        """Let go of resources; called once at the very end, however the run ended."""

    def _build(self) -> _native.Actor:
        """Make a native handle that shares this instance among all its nodes."""
        return _native.Actor._from_python(lambda: self, _declare(self, type(self)))


@dataclass
class _Declaration:
    """What the native half reads of an actor when it is registered."""

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
    open_ports: bool
    summary: str = field(default="")
    version: str = field(default="")


def _declare(actor: Any, cls: type[Actor]) -> _Declaration:
    inports = _ports(actor, "inports")
    declared = any("inports" in base.__dict__ for base in cls.__mro__ if base is not Actor)
    declared = declared or "inports" in getattr(actor, "__dict__", {})
    run = getattr(actor, "run")  # noqa: B009  # an instance may have one of its own
    generates = is_generator(run)
    without_inports = "yes" if declared or generates else "to_the_end"
    batch_size = _batch_size(actor, cls)
    if is_async(run):
        _loop.prepare()
    if batch_size > 1 and (is_async(run) or generates):
        raise TypeError(
            f"{cls.__name__}: a batch actor (batch_size = {batch_size}) needs a plain `def run(self, batch)`"
        )
    return _Declaration(
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
        open_ports=cls._open_ports,
        summary=(inspect.getdoc(cls) or "").split("\n")[0] if cls is not Actor else "",
        version=str(getattr(actor, "version", "") or ""),
    )


def _firing(actor: Any, cls: type[Actor]) -> Any:
    """Give the firing rule as data: what ``await_all_inports`` says, and which inports are remembered."""
    wait_for = actor.await_all_inports
    if isinstance(wait_for, str) and wait_for not in ("latest", "position", "origin"):
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
    own = actor.__dict__.get(name) if isinstance(actor, Actor) else None
    method = getattr(cls, name) if own is None else own
    if method is getattr(Actor, name) or not callable(method):
        return False
    has_self = own is None and inspect.isfunction(inspect.getattr_static(cls, name))
    try:
        signature = inspect.signature(method)
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


def _batch_size(actor: Any, cls: type[Actor]) -> int:
    """Give how many ticks `run` takes at once. With a parameter `ctx` it takes one, whatever `batch_size` means there."""
    size = actor.batch_size
    if type(size) is int and size == 1:
        return 1
    if list(inspect.signature(cls.run).parameters)[1:2] == ["ctx"]:
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
        make = actor.make if isinstance(actor, StepType) else actor
        return _native.Actor._from_python(factory or make, _declare(actor, actor))
    if isinstance(actor, Actor):
        return actor._build()
    if hasattr(actor, "_build"):
        built = actor._build()
        if isinstance(built, _native.Actor):
            return built
    if callable(actor) and not isinstance(actor, type) and not inspect.isfunction(actor):
        return build(_make(actor, None, None, None, None))
    raise TypeError(_no_actor(actor))


def _needs_no_arguments(cls: type[Actor]) -> None:
    """Refuse a class of which nodes could not make an instance."""
    try:
        signature = inspect.signature(cls.__init__)
        signature.bind(None)
    except ValueError:
        return  # a class that does not tell
    except TypeError as error:
        name = cls.__name__
        raise TypeError(
            f"{name} cannot be made without arguments ({error}): register an instance, {name}(…), that all nodes share, or the "
            f"class with `factory=lambda: {name}(…)` for one of each node"
        ) from None


def _no_actor(value: Any) -> str:
    """Say why something is no actor, and what would be one."""
    text = f"expected an Actor class, an Actor instance or a native handle, got {value!r}"
    if inspect.isfunction(value):
        name = value.__name__
        text += f"; `{name}` is a plain function: write @actor above it, or give actor({name})"
    elif isinstance(value, type):
        text += f"; {value.__name__} does not derive from Actor"
        if "__call__" in vars(value):
            text += f": give an object of it, {value.__name__}(…), which can be called"
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
    declaration = _Declaration(
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
        open_ports=True,
    )
    if is_async(run):
        _loop.prepare()
    shared = _Callback(run)
    return _native.Actor._from_python(lambda: shared, declaration)


class FunctionType(type):
    """The class of actors that can be wired, and called with what leads into them."""

    def __rshift__(cls, other: Any) -> Flow:
        from .flow import as_flow, lead

        return lead(as_flow(cls), as_flow(other))

    def __rrshift__(cls, other: Any) -> Flow:
        from .flow import as_flow, lead

        return lead(as_flow(other), as_flow(cls))

    #: Ports are looked up by name; there is nothing to go through in order.
    __iter__ = None

    def __getitem__(cls, port: str) -> Flow:
        from .flow import as_flow

        return as_flow(cls)[port]

    def __call__(cls, *inputs: Any, **keywords: Any) -> Any:
        """Make an instance; with arguments, a flow of one step, see `node`."""
        if not inputs and not keywords:
            return super().__call__()
        from .flow import node

        return node(cls, *inputs, **keywords)


def _annotated(cls: type) -> list[str]:
    """Name the annotated attributes of a class, whatever their annotations mean."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return list(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return list(inspect.get_annotations(cls))


class StepType(FunctionType):
    """The class of steps: a call is always a flow."""

    def __call__(cls, *inputs: Any, **keywords: Any) -> Any:
        """Make a flow of one step, see `node`."""
        from .flow import node

        options = cls._options()  # type: ignore[attr-defined]  # every class of this kind is a Step
        given = {name: value for name, value in keywords.items() if name in options and callable(value)}
        if not given:
            return node(cls, *inputs, **keywords)
        data = {name: value for name, value in keywords.items() if name not in given}
        members = {"_given": given, "__doc__": cls.__doc__, "__module__": cls.__module__}
        return node(type(cls)(cls.__name__, (cls,), members), *inputs, **data)

    def make(cls) -> Any:
        """Make an instance, as a node does."""
        return type.__call__(cls)


class Step(Actor, metaclass=StepType):
    """An actor with options, which stands in a flow as functions do: ``batch(size=10)``.

    Subclass it, and declare each option as an annotated attribute with its default; one without a default must be given. A
    node's options come from its config: `prepare` is called once they are attributes of the instance. An option that is a
    function can be given where the step is called, and not in a graph file.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import Step
    >>> class Scale(Step):
    ...     factor: float = 1.0
    ...     inports = ["number"]
    ...     outports = ["out"]
    ...
    ...     def run(self, ctx):
    ...         return ctx["number"] * self.factor
    >>> Scale(factor=2).run(number=21).outputs
    {'Scale': [42]}
    """

    _open_ports = False
    #: Options that were given where the step was called, and that are no data.
    _given: ClassVar[dict[str, Any]] = {}
    #: The same as the attributes of `Actor`: no options.
    _DECLARED: ClassVar[frozenset[str]] = frozenset(
        ("component", "inports", "outports", "await_all_inports", "latest_inports", "batch_size")
    )

    @classmethod
    def _options(cls) -> dict[str, Any]:
        """Give the options with their defaults; `...` where there is none."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Step) and base is not Step:
                for name in _annotated(base):
                    if not name.startswith("_") and name not in cls._DECLARED:
                        found[name] = getattr(cls, name, ...)
        return found

    def setup(self, ctx: ActorCallContext) -> Any:
        """Make attributes of the options, then prepare."""
        options = self._options()
        settings = {**ctx.config, **self._given}
        for name, default in options.items():
            value = settings.pop(name, default)
            if value is ...:
                raise ValueError(f"`{self.component}` needs the option `{name}`")
            setattr(self, name, value)
        settings = {name: value for name, value in settings.items() if name not in ("policy", "firing")}
        if settings:
            known = ", ".join(f"`{name}`" for name in options) or "none"
            raise ValueError(f"`{self.component}` has no option `{next(iter(settings))}`; there are {known}")
        return self.prepare(ctx)

    def prepare(self, ctx: ActorCallContext) -> Any:
        """Prepare; called once for a node, before its first tick, when its options are there."""


@overload
def actor(function: Callable[..., Any], /) -> type[Actor]: ...
@overload
def actor(
    *,
    outports: list[str] | None = None,
    inports: list[str] | None = None,
    name: str | None = None,
    join: str | dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], type[Actor]]: ...
def actor(
    function: Callable[..., Any] | None = None,
    /,
    *,
    outports: list[str] | None = None,
    inports: list[str] | None = None,
    name: str | None = None,
    join: str | dict[str, Any] | None = None,
) -> Any:
    """Make an Actor class of a plain function.

    Its parameters are the inports; it is called when all of those without a default have a value that belongs together, and
    what it returns leaves by the outport ``out``. With `outports`, a dict that it returns is its outputs. Parameters with a
    default take the newest packet of their port once there has been one. A parameter called ``ctx`` gets the context.
    The function may be ``async``, or a generator whose items leave one by one; so may a partial or a callable object.

    Parameters
    ----------
    outports : list of str, optional
        The outports; ``["out"]`` by default.
    inports : list of str, optional
        The inports, in the order of the parameters; their names by default.
    name : str, optional
        The name for people; that of the function by default.
    join : str or dict, optional
        By what packets are paired, where that is to be said: ``"position"``, ``"origin"``, or the key of each inport, see
        `Actor.await_all_inports`.

    Examples
    --------
    >>> from offbit_reflow import Network, actor
    >>> @actor
    ... def add(a, b):
    ...     return a + b
    >>> net = Network()
    >>> net.register_actor("add", add)
    >>> net.add_node("sum", "add")
    >>> net.add_outport("total", "sum", "out")
    >>> net.run(inputs={"sum.a": 1, "sum.b": 2}).outputs
    {'total': [3]}
    """
    if function is None:
        return lambda function: _make(function, outports, inports, name, join)
    return _make(function, outports, inports, name, join)


def _make(
    function: Callable[..., Any],
    outports: list[str] | None,
    inports: list[str] | None,
    name: str | None,
    join: str | dict[str, Any] | None,
) -> type[Actor]:
    own_name = _name_of(function)
    positional, optional_names, wants_context = _parameters(function, own_name, inports)
    names = [name for name, _ in positional]
    ports = list(inports) if inports is not None else names
    if len(ports) != len(names):
        raise TypeError(f"@actor: {own_name} has {len(names)} parameters but inports names {len(ports)}")
    outs = list(outports) if outports is not None else ["out"]
    optional = [port for port, name in zip(ports, names, strict=True) if name in optional_names]
    required = [port for port in ports if port not in optional]

    by_position = [name for name, only in positional if only]

    def arguments(ctx: ActorCallContext, remembered: dict[str, Any]) -> dict[str, Any]:
        values = remembered | {n: ctx[p] for n, p in zip(names, ports, strict=True) if p in ctx}
        if not required:  # any packet fires; the others are remembered here
            remembered.update(values)
        if wants_context:
            values["ctx"] = ctx
        return values

    call = _by_position(function, own_name, by_position) if by_position else function

    def outputs(result: Any) -> dict[str, Any]:
        if outports is not None and isinstance(result, dict):
            return result
        if len(outs) != 1:
            raise TypeError(f"{own_name} has the outports {outs} and must return a dict of them, got {result!r}")
        return {outs[0]: result}

    def end(ctx: ActorCallContext, result: Any) -> None:
        if not ports:
            ctx.finish()  # without parameters it is called once
        if not (ctx.resolved or ctx._deferred):
            ctx.done(outputs(result))

    async def end_later(ctx: ActorCallContext, result: Any) -> None:
        end(ctx, await result)

    async def async_items(result: Any) -> Any:
        async for item in result:
            yield outputs(item)

    class FunctionActor(Actor, metaclass=FunctionType):
        _remembered: dict[str, Any]

        def __init__(self) -> None:
            self._remembered = {}

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    FunctionActor.component = name or own_name
    FunctionActor.inports = ports
    FunctionActor.outports = outs
    FunctionActor.await_all_inports = (join or True) if required and len(ports) > 1 else False
    FunctionActor._open_ports = False
    FunctionActor._optional_inports = optional if required else []
    FunctionActor.__name__ = FunctionActor.__qualname__ = own_name
    FunctionActor.__doc__ = function.__doc__
    FunctionActor.__module__ = getattr(function, "__module__", __name__)

    def run_plain(self: Any, ctx: ActorCallContext) -> Any:
        result = call(**arguments(ctx, self._remembered))
        # A decorator may hide what is inside.
        if inspect.isawaitable(result):
            return end_later(ctx, result)
        if inspect.isasyncgen(result):
            return async_items(result)
        if inspect.isgenerator(result):
            return (outputs(item) for item in result)
        return end(ctx, result)

    async def run_async(self: Any, ctx: ActorCallContext) -> Any:
        end(ctx, await call(**arguments(ctx, self._remembered)))

    async def run_async_items(self: Any, ctx: ActorCallContext) -> Any:
        async with aclosing(call(**arguments(ctx, self._remembered))) as items:
            async for item in items:
                yield outputs(item)

    def run_items(self: Any, ctx: ActorCallContext) -> Any:
        for item in call(**arguments(ctx, self._remembered)):
            yield outputs(item)

    forms = {
        (False, False): run_plain,
        (True, False): run_async,
        (True, True): run_async_items,
        (False, True): run_items,
    }
    is_direct = inspect.isfunction(function) and not hasattr(function, "__wrapped__")
    run: Any = forms[is_async(function), is_generator(function)] if is_direct else run_plain
    if not is_direct:
        run = _like(function, run)
    FunctionActor.run = run  # type: ignore[method-assign]  # chosen by the form of the function
    return FunctionActor


def _parameters(
    function: Any, own_name: str, inports: list[str] | None
) -> tuple[list[tuple[str, bool]], set[str], bool]:
    """Give the parameters of a function: each with whether it goes by position only, those with a default, and `ctx`."""
    if isinstance(function, type):
        why = "is an Actor class already" if issubclass(function, Actor) else "is a class"
        raise TypeError(f"@actor: {own_name} {why}; decorate a function, or subclass Actor")
    if isinstance(function, (Actor, _native.Actor)):
        raise TypeError(f"@actor: {function!r} is an actor already")
    if not callable(function):
        raise TypeError(f"@actor: expected a function or another callable object, got {function!r}")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:
        if inports is not None:  # by position, as that is all that is known of it
            return [(port, True) for port in inports], set(), False
        raise TypeError(
            f'@actor: {own_name} does not tell its parameters; name its inports, @actor(inports=["a", "b"]), which are '
            f"passed in this order"
        ) from None
    extra = [one for one in parameters if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if extra and inports is None:
        stars = "*" if extra[0].kind is extra[0].VAR_POSITIONAL else "**"
        raise TypeError(
            f"@actor: {own_name} takes {stars}{extra[0].name}, and every inport needs a name. If a decorator hides the "
            f'parameters, it should use functools.wraps; else name the inports, @actor(inports=["a", "b"]), which are '
            f"passed in this order"
        )
    known = [one for one in parameters if one.name != "ctx" and one not in extra]
    context = next((one for one in parameters if one.name == "ctx"), None)
    if context is not None and context.kind is context.POSITIONAL_ONLY:
        raise TypeError(f"@actor: {own_name} takes ctx by position only; the context is passed by name")
    every = [(one.name, one.kind is one.POSITIONAL_ONLY) for one in known]
    if extra and inports is not None:  # what has no name of its own goes by position, if it may
        by_position = extra[0].kind is extra[0].VAR_POSITIONAL
        rest = [(port, by_position) for port in inports[len(known) :]]
        every = [(name, by_position and (only or bool(rest))) for name, only in every] + rest
    return every, {one.name for one in known if one.default is not one.empty}, context is not None


def _by_position(function: Callable[..., Any], own_name: str, names: list[str]) -> Callable[..., Any]:
    """Call a function whose first parameters have no names for the caller."""

    def call(**values: Any) -> Any:
        first = []
        for name in names:
            if name not in values:
                break  # of those with a default, what follows the first that is missing keeps its own
            first.append(values.pop(name))
        for name in names:
            if name in values:
                raise TypeError(
                    f"{own_name}: `{name}` goes by position, and what stands before it has got no packet yet"
                )
        return function(*first, **values)

    return call


def _name_of(function: Any) -> str:
    """Give a name for people to anything that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _like(function: Any, run: Any) -> Any:
    """Make `run` look as async, and as much a generator, as the callable that it calls."""
    if not (is_async(function) or is_generator(function)):
        return run

    @functools.wraps(run)
    def run_like(self: Any, ctx: ActorCallContext) -> Any:
        return run(self, ctx)

    run_like.__wrapped__ = function
    return run_like


__all__ = ["Actor", "Step", "actor", "build", "is_async"]
