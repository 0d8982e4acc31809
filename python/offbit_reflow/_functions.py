"""`actor`: Actor classes made of plain functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast, overload

from . import _native
from ._actor import Actor
from ._loop import is_async, is_generator
from ._results import kind_of
from ._signature import signature_of

if TYPE_CHECKING:
    from ._native import ActorCallContext
    from .flow import Flow


#: Kinds of parameters that may be given in their order.
_BY_ORDER = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
#: Kinds of parameters that are given by their name.
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
#: What a rule of pairing may say.
_RULE = frozenset(("join", "timeout_ms", "bound", "unmatched", "latest", "optional"))
#: Types of results that are neither awaited nor gone through.
_PLAIN = frozenset((dict, list, tuple, str, int, float, bool, bytes, type(None)))


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

    def __call__(cls, /, *inputs: Any, **keywords: Any) -> Any:
        """Make an instance; with arguments, a flow of one step, see `node`."""
        if not inputs and not keywords:
            return super().__call__()
        from .flow import node

        return node(cls, *inputs, **keywords)


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
        return lambda function: make(function, outports, inports, name, join)
    return make(function, outports, inports, name, join)


def make(
    function: Callable[..., Any],
    outports: list[str] | None,
    inports: list[str] | None,
    name: str | None,
    join: str | dict[str, Any] | None,
) -> type[Actor]:
    """Make an Actor class of anything that can be called."""
    own_name = _name_of(function)
    for side, named in (("outports", outports), ("inports", inports)):
        if isinstance(named, str):
            raise TypeError(f"@actor: {own_name}: {side} must be a list of port names, got {named!r}")
    names, optional_names, wants_context, call = _parameters(function, own_name, inports)
    ports = list(inports) if inports is not None else names
    if len(ports) != len(names):
        raise TypeError(f"@actor: {own_name} has {len(names)} parameters but inports names {len(ports)}")
    outs = list(outports) if outports is not None else ["out"]
    optional = [port for port, name in zip(ports, names, strict=True) if name in optional_names]
    required = [port for port in ports if port not in optional]
    if join is not None and (not required or len(ports) < 2):
        raise TypeError(f"@actor: join says how the packets of several inports are paired, and {own_name} pairs none")

    def arguments(ctx: ActorCallContext, remembered: dict[str, Any]) -> dict[str, Any]:
        values = remembered | {n: ctx[p] for n, p in zip(names, ports, strict=True) if p in ctx}
        if not required:  # any packet fires; the others are remembered here
            remembered.update(values)
        if wants_context:
            values["ctx"] = ctx
        return values

    def outputs(result: Any) -> dict[str, Any]:
        if outports is not None and issubclass(type(result), dict):
            return cast("dict[str, Any]", result)
        if len(outs) != 1:
            raise TypeError(f"{own_name} has the outports {outs} and must return a dict of them, got {result!r}")
        return {outs[0]: result}

    def answer(ctx: ActorCallContext, result: Any) -> Any:
        if not ports:
            ctx.finish()  # without parameters it is called once
        if ctx._deferred or (ctx.resolved and result is None):
            return None
        # What is returned beside an answer that was given is told, and not sent.
        return {outs[0]: result} if ctx.resolved and outs else outputs(result)

    async def answer_later(ctx: ActorCallContext, result: Any) -> Any:
        return answer(ctx, await result)

    # What a generator yields is its receivers' alone while it goes on: nothing here keeps it.

    def items_of(result: Any) -> Any:
        yield from map(outputs, result)

    async def async_items_of(result: Any) -> Any:
        async for item in result:
            given = [outputs(item)]
            del item
            yield given.pop()

    class FunctionActor(Actor, metaclass=FunctionType):
        _remembered: dict[str, Any]
        #: Whether it takes a context, and so can see its config.
        _reads_config: bool

        def __init__(self) -> None:
            self._remembered = {}

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    FunctionActor.component = name or own_name
    FunctionActor.inports = ports
    FunctionActor.outports = outs
    FunctionActor.await_all_inports = _pairing(join, own_name, ports) if required and len(ports) > 1 else False
    FunctionActor._open_ports = False
    FunctionActor._reads_config = wants_context
    FunctionActor._optional_inports = optional if required else []
    FunctionActor.__name__ = FunctionActor.__qualname__ = own_name
    FunctionActor.__doc__ = function.__doc__
    FunctionActor.__module__ = getattr(function, "__module__", __name__)

    def run_in_order(self: Any, ctx: ActorCallContext) -> Any:
        result = function(*[ctx[port] for port in ports])
        return outputs(result) if type(result) in _PLAIN else follow(ctx, result)

    def run_plain(self: Any, ctx: ActorCallContext) -> Any:
        return follow(ctx, call(**arguments(ctx, self._remembered)))

    def follow(ctx: ActorCallContext, result: Any) -> Any:
        # A decorator may hide what is inside.
        match kind_of(result):
            case "awaitable":
                return answer_later(ctx, result)
            case "async items":
                return async_items_of(result)
            case "items":
                return items_of(result)
        return answer(ctx, result)

    async def run_async(self: Any, ctx: ActorCallContext) -> Any:
        return answer(ctx, await call(**arguments(ctx, self._remembered)))

    async def run_async_in_order(self: Any, ctx: ActorCallContext) -> Any:
        return answer(ctx, await function(*[ctx[port] for port in ports]))

    async def run_async_items(self: Any, ctx: ActorCallContext) -> Any:
        async with aclosing(call(**arguments(ctx, self._remembered))) as items:
            async for item in items:
                given = [outputs(item)]
                del item
                yield given.pop()

    def run_items(self: Any, ctx: ActorCallContext) -> Any:
        yield from map(outputs, call(**arguments(ctx, self._remembered)))

    forms = {
        (False, False): run_plain,
        (True, False): run_async,
        (True, True): run_async_items,
        (False, True): run_items,
    }
    is_direct = _is_direct(function)
    run: Any = forms[is_async(function), is_generator(function)] if is_direct else run_plain
    in_order = {run_plain: run_in_order, run_async: run_async_in_order}
    if is_direct and run in in_order and ports and required == ports and not wants_context and _goes_by_order(function):
        run = in_order[run]  # the same with less on the way
    if not is_direct:
        run = _like(function, run)
    run.__qualname__ = f"{own_name}.run"
    FunctionActor.run = run  # type: ignore[method-assign]  # chosen by the form of the function
    FunctionActor._gives_one = is_direct and not is_generator(function) and not wants_context
    return FunctionActor


def _pairing(join: str | dict[str, Any] | None, own_name: str, ports: list[str]) -> Any:
    """Give the firing rule for what `join` says. The key of each inport may stand for itself, without the rest of a rule."""
    if join is None:
        return True
    if not join:
        raise ValueError(
            f'@actor: {own_name}: join must be "position", "origin" or the key of each inport, got {join!r}'
        )
    if isinstance(join, str):
        return join
    if not isinstance(join, Mapping):
        raise TypeError(
            f'@actor: {own_name}: join must be "position", "origin" or the key of each inport, got {join!r}'
        )
    keys = join if not _RULE & set(join) or set(join) == set(ports) else join.get("join")
    if isinstance(keys, Mapping):
        for port in keys:
            if port not in ports:
                known = ", ".join(f"`{one}`" for one in ports)
                raise ValueError(
                    f"@actor: {own_name}: join gives a key for `{port}`, which is no inport; there are {known}"
                )
    return {"join": dict(join)} if keys is join else join


def _parameters(
    function: Any, own_name: str, inports: list[str] | None
) -> tuple[list[str], set[str], bool, Callable[..., Any]]:
    """Give the parameters of a function, those with a default, whether there is `ctx`, and how to call it by their names."""
    if isinstance(function, type):
        why = "is an Actor class already" if issubclass(function, Actor) else "is a class"
        raise TypeError(f"@actor: {own_name} {why}; decorate a function, or subclass Actor")
    if isinstance(function, (Actor, _native.Actor)):
        raise TypeError(f"@actor: {function!r} is an actor already")
    if not callable(function):
        raise TypeError(f"@actor: expected a function or another callable object, got {function!r}")
    try:
        parameters = list(signature_of(function).parameters.values())
    except ValueError:
        if inports is not None:  # by position, as that is all that is known of it
            return list(inports), set(), False, _by_position(function, own_name, list(inports), list(inports))
        raise TypeError(
            f"@actor: {own_name} does not tell its parameters; name its inports, "
            f'actor(inports=["a", "b"])({own_name}), which are passed in this order'
        ) from None
    extra = [one for one in parameters if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    # Beside parameters that are needed, what may be given as well is left out, as in a call.
    needs_others = any(one.kind in _BY_ORDER and one.default is one.empty and one.name != "ctx" for one in parameters)
    if extra and inports is None and not needs_others:
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
    names = [one.name for one in known]
    optional = {one.name for one in known if one.default is not one.empty}
    ordered = [one.name for one in parameters if one.kind in _BY_ORDER]
    only = [one.name for one in known if one.kind is one.POSITIONAL_ONLY]
    rest = inports[len(known) :] if extra and inports is not None else []
    names += rest
    if rest and extra[0].kind is extra[0].VAR_POSITIONAL:  # what has no name of its own goes by position, if it may
        ordered = only = ordered + rest
    if not _is_direct(function):
        only = only + _without_name(function, own_name, parameters, ordered, rest)
    elif only is not ordered:
        ordered = only  # the others go by name
    call = _by_position(function, own_name, ordered, only) if ordered else function
    return names, optional, context is not None, call


def _without_name(
    function: Any, own_name: str, parameters: list[inspect.Parameter], ordered: list[str], rest: list[str]
) -> list[str]:
    """Find the parameters that a function shows and does not take by name: a decorator's, which shows what it decorates.

    One that does not take at all what it shows is refused.
    """
    try:
        taken = signature_of(function, follow_wrapped=False)
    except ValueError:  # it does not tell
        return []
    by_name = dict.fromkeys(rest)
    by_name |= {one.name: None for one in parameters if one.kind is one.KEYWORD_ONLY}
    optional = {one.name for one in parameters if one.default is not one.empty}
    try:
        taken.bind(*ordered, **{name: None for name in by_name if name not in ordered})
        taken.bind(
            *[name for name in ordered if name not in optional],
            **{name: None for name in by_name if name not in ordered and name not in optional},
        )
    except TypeError as error:
        raise TypeError(
            f"@actor: {own_name} has a decorator that shows the parameters {signature_of(function)} but takes {taken} "
            f"({error}); give a function that takes what it shows, such as a lambda that calls it"
        ) from None
    if any(one.kind is one.VAR_KEYWORD for one in taken.parameters.values()):
        return []
    named = {
        name for name, one in taken.parameters.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    return [name for name in ordered if name not in named]


def _by_position(
    function: Callable[..., Any], own_name: str, ordered: list[str], only: list[str]
) -> Callable[..., Any]:
    """Call a function with the first of its parameters in their order; `only` those have no names for the caller."""

    def call(**values: Any) -> Any:
        first = []
        for name in ordered:
            if name not in values:
                break  # of those with a default, what follows the first that is missing keeps its own, or goes by name
            first.append(values.pop(name))
        for name in only:
            if name in values:
                raise TypeError(
                    f"{own_name}: `{name}` goes by position, and what stands before it has got no packet yet"
                )
        return function(*first, **values)

    return call


def of_one_value(function: Any) -> Any:
    """Make a function of what is built in and does not tell what it takes, such as ``int``, ``max`` or ``print``.

    In a flow it gets what comes. Everything else is given back as it is.
    """
    if isinstance(function, type):
        if function.__module__ != "builtins":
            return function
    elif inspect.isfunction(function) or inspect.ismethod(function) or not callable(function):
        return function
    else:
        try:
            signature = inspect.signature(function)
        except ValueError:  # it does not tell
            pass
        else:
            # What is given by name has a default.
            kinds = {one.kind for one in signature.parameters.values() if one.kind not in _BY_NAME}
            if not inspect.isbuiltin(_bound_by(function)) or kinds != {inspect.Parameter.VAR_POSITIONAL}:
                return function

    def call(value: Any) -> Any:
        return function(value)

    call.__name__ = call.__qualname__ = _name_of(function)
    call.__doc__ = function.__doc__
    return call


def _is_direct(function: Any) -> bool:
    """Tell whether something is a function whose parameters are its own, not those of what it decorates."""
    return (
        inspect.isfunction(function) and not hasattr(function, "__wrapped__") and not hasattr(function, "__signature__")
    )


def _goes_by_order(function: Any) -> bool:
    """Tell whether all that a function takes may be given in the order of its parameters."""
    code = function.__code__
    return not code.co_kwonlyargcount and not code.co_flags & inspect.CO_VARKEYWORDS


def _name_of(function: Any) -> str:
    """Give a name for people to anything that can be called."""
    function = _bound_by(function)
    return str(getattr(function, "__name__", type(function).__name__))


def _bound_by(function: Any) -> Any:
    """Give the function that a partial binds arguments to."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _like(function: Any, run: Any) -> Any:
    """Make `run` look as async, and as much a generator, as the callable that it calls."""
    if not (is_async(function) or is_generator(function)):
        return run

    @functools.wraps(run)
    def run_like(self: Any, ctx: ActorCallContext) -> Any:
        return run(self, ctx)

    run_like.__wrapped__ = function
    return run_like


__all__ = ["FunctionType", "actor", "make", "of_one_value"]
