"""OpenTelemetry for networks: the extra ``offbit-reflow[telemetry]``.

`instrument` makes a span of each tick of a Python actor, with the provider of the caller. The context travels with the packets:
the span of a tick is a child of the one whose tick sent its packet, and links to those of the other packets. What comes from
outside belongs to the span in which the network was started.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _native
from ._actor import Actor, build
from ._extras import needs
from ._results import kind_of
from ._signature import signature_of
from ._values import PortValue
from .network import Listener, Network

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_NAME = "offbit_reflow"
_COUNTERS = (
    ("ticks", "reflow.node.ticks", "Ticks that began."),
    ("packets_in", "reflow.node.packets_in", "Packets that ticks took."),
    ("packets_out", "reflow.node.packets_out", "Packets that left."),
    ("failures", "reflow.node.failures", "Ticks that were given up."),
)


def instrument(
    network: Network,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> Network:
    """Trace a network from its next start on.

    Parameters
    ----------
    network : Network
        Its Python actors, registered before or after this call, are traced. Components of the catalog and of packs make no
        spans, and context passes neither through them nor into nodes that are paired by a key or have a `firing` of their own:
        what comes from there belongs to the span in which the network was started.
    tracer_provider, meter_provider : optional
        Where spans and metrics go; the global ones by default.

    Returns
    -------
    Network
        The same.

    Raises
    ------
    TypeError
        If it is no network, a flow for example.

    Notes
    -----
    A span is named after its node and has the attributes ``reflow.node``, ``reflow.component``, ``reflow.run``, ``reflow.tick``
    and ``reflow.attempt``. A failure is recorded as an exception, and the status is an error. A batch is one span.

    Examples
    --------
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> from offbit_reflow import Network
    >>> from offbit_reflow.telemetry import instrument
    >>> net = instrument(Network(), tracer_provider=TracerProvider())
    """
    if not isinstance(network, Network):
        hint = "; `flow.network()` makes one of a flow" if hasattr(network, "network") else ""
        raise TypeError(f"expected a Network, got {network!r}{hint}")
    trace = needs("opentelemetry.trace", "telemetry")
    tracer = trace.get_tracer(_NAME, _native.__version__, tracer_provider)
    tracing = _Tracing(network, tracer, trace)
    network._wrap_actor = tracing.wrap
    for template_id, (actor, factory) in list(network.__dict__.get("_registered_with", {}).items()):
        network._register(template_id, build(*tracing.wrap(actor, factory)), replace=True)
    Listener._unwrap = staticmethod(_unwrapped)
    _measure(network, meter_provider)
    return network


def _measure(network: Network, provider: Any) -> None:
    metrics = needs("opentelemetry.metrics", "telemetry")
    meter = metrics.get_meter(_NAME, _native.__version__, provider)
    import weakref

    reference = weakref.ref(network)

    def observe(key: str) -> Any:
        def callback(_: Any) -> Iterator[Any]:
            known = reference()
            if known is None:
                return
            try:
                stats = known.stats()
            except RuntimeError:  # not started
                return
            for node, row in stats.items():
                yield metrics.Observation(row[key], {"reflow.node": node})

        return [callback]

    for key, name, description in _COUNTERS:
        meter.create_observable_counter(name, observe(key), description=description)
    meter.create_observable_gauge("reflow.node.queued", observe("queued"), description="Packets that wait.")


class Carried:
    """A packet on its way between traced actors: its value, and the context that it was sent in."""

    __slots__ = ("context", "value")

    def __init__(self, value: Any, context: Any) -> None:
        self.value = value
        self.context = context

    def __repr__(self) -> str:
        return repr(self.value)

    def __reduce__(self) -> Any:
        # What leaves the process is the value.
        return _same, (self.value,)


def _same(value: Any) -> Any:
    return value


def _unwrapped(value: Any) -> Any:
    return value.value if _is(value, Carried) else value


def _is(value: Any, *classes: type) -> bool:
    """Look at the class alone: the hooks of a value may be slow or raise."""
    return issubclass(type(value), classes)


class _Tracing:
    """What the spans of a network share."""

    def __init__(self, network: Network, tracer: Any, trace: Any) -> None:
        import weakref

        self._network = weakref.ref(network)
        self.tracer = tracer
        self.trace = trace
        self._plans: dict[str, dict[str, frozenset[str]]] = {}

    def wrap(self, actor: Any, factory: Any = None) -> tuple[Any, Any]:
        """Make an actor whose ticks are traced; what is not Python stays as it is."""
        if isinstance(actor, type) and issubclass(actor, Actor):
            traced = _traced_class(actor, self)
            make = factory or getattr(actor, "make", None) or actor
            return traced, lambda: _become(make(), traced)
        if isinstance(actor, Actor):
            try:
                return _become(actor, _traced_class(type(actor), self)), None
            except TypeError:  # a layout of its own
                return actor, None
        return actor, factory

    def carries(self, ctx: Any, port: str) -> bool:
        """Tell whether packets of this outport reach traced actors only."""
        plan = self._plans.get(ctx.run_id)
        if plan is None:
            self._plans.clear()
            plan = self._plans[ctx.run_id] = self._plan()
        return port in plan.get(ctx.node_id, ())

    def _plan(self) -> dict[str, frozenset[str]]:
        network = self._network()
        if network is None:
            return {}
        export = network.to_graph().to_json()
        registered = network.__dict__.get("_registered_with", {})

        def takes(node: str) -> bool:
            process = export["processes"][node]
            actor, _ = registered.get(process["component"], (None, None))
            cls = actor if isinstance(actor, type) else type(actor)
            plain = issubclass(cls, Actor) and not isinstance(getattr(actor, "await_all_inports", None), dict)
            return plain and not (process.get("metadata") or {}).get("firing")

        ends: dict[tuple[str, str], bool] = {}
        for wire in export["connections"]:
            if wire.get("from", {}).get("nodeId"):
                end = (wire["from"]["nodeId"], wire["from"]["portId"])
                ends[end] = ends.get(end, True) and takes(wire["to"]["nodeId"])
        for edge in export["outports"].values():
            ends[edge["nodeId"], edge.get("portName") or edge["portId"]] = False
        plan: dict[str, set[str]] = {}
        for (node, port), carries in ends.items():
            if carries:
                plan.setdefault(node, set()).add(port)
        return {node: frozenset(ports) for node, ports in plan.items()}


def _become(instance: Any, cls: type) -> Any:
    instance.__class__ = cls
    return instance


def _traced_class(cls: type[Actor], tracing: _Tracing) -> type[Actor]:
    """Make a subclass whose `run` is traced, in the form that `run` has."""
    inner: Any = cls.run

    def run_plain(self: Any, ctx: Any) -> Any:
        tick = _Tick(ctx, tracing)
        with tick.span_now():
            result = inner(self, tick.context)
            match kind_of(result):
                case "awaitable":
                    return tick.later(result)
                case "async items":
                    return tick.async_items(result)
                case "items":
                    return tick.items(result)
            tick.end()
            return tick.outputs(result)

    async def run_async(self: Any, ctx: Any) -> Any:
        tick = _Tick(ctx, tracing)
        with tick.span_now():
            return await tick.later(inner(self, tick.context))

    def run_items(self: Any, ctx: Any) -> Any:
        tick = _Tick(ctx, tracing)
        yield from tick.items(inner(self, tick.context))

    async def run_async_items(self: Any, ctx: Any) -> Any:
        tick = _Tick(ctx, tracing)
        async for item in tick.async_items(inner(self, tick.context)):
            yield item

    run: Any = run_plain
    if inspect.isasyncgenfunction(inner):
        run = run_async_items
    elif inspect.iscoroutinefunction(inner):
        run = run_async
    elif inspect.isgeneratorfunction(inner):
        run = run_items
    elif next(iter(list(signature_of(inner).parameters)[1:2]), "") != "ctx" and cls.batch_size != 1:

        def run(self: Any, batch: Any) -> Any:
            tick = _Tick(batch, tracing)
            with tick.span_now():
                result = inner(self, tick.context)
                tick.end()
                return result

    members = {"run": run, "__doc__": cls.__doc__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    make: Any = type(cls)  # the metaclass of functions and steps, or `type`
    traced: type[Actor] = make(cls.__name__, (cls,), members)
    return traced


class _Tick:
    """One tick, its span, and the contexts that its packets brought."""

    def __init__(self, ctx: Any, tracing: _Tracing) -> None:
        self.is_batch = isinstance(ctx, _native.TickBatch)
        self.tracing = tracing
        first = ctx[0] if self.is_batch else ctx
        self.ctx = first
        ports = first.connected_inports()
        values = [one[port] for one in (ctx if self.is_batch else (ctx,)) for port in ports if port in one]
        contexts = [value.context for value in values if _is(value, Carried)]
        trace = tracing.trace
        parents = contexts[:1] if not self.is_batch else []
        links = [trace.Link(trace.get_current_span(context).get_span_context()) for context in contexts[len(parents) :]]
        self.span = tracing.tracer.start_span(
            first.node_id,
            context=parents[0] if parents else None,
            links=links,
            attributes={
                "reflow.node": first.node_id,
                "reflow.component": first.component,
                "reflow.run": first.run_id,
                "reflow.tick": first.tick,
                "reflow.attempt": first.attempt,
            },
        )
        self.carried = trace.set_span_in_context(self.span)
        self.context: Any = _Batch(ctx, self) if self.is_batch else _Context(ctx, self)

    def span_now(self) -> Any:
        """Make the span the current one while a block runs; it ends with `end`, or with an exception."""
        return _Current(self)

    def end(self) -> None:
        """End the span, unless the tick goes on elsewhere."""
        if not (self.is_batch or self.ctx.resolved) and self.ctx._deferred:
            return
        self.span.end()

    def failed(self, error: BaseException | str) -> None:
        """Note a failure."""
        if isinstance(error, BaseException):
            self.span.record_exception(error)
        self.span.set_status(self.tracing.trace.Status(self.tracing.trace.StatusCode.ERROR, str(error)))

    def packet(self, port: str, value: Any) -> Any:
        """Give what is sent for a value."""
        if _is(value, _native.Message, Carried) or not self.tracing.carries(self.ctx, port):
            return value
        return Carried(value, self.carried)

    def outputs(self, result: Any) -> Any:
        """Give what is sent for a dict of outputs."""
        if _is(result, Mapping):
            return {port: self.packet(port, value) for port, value in result.items()}
        return result

    async def later(self, awaitable: Any) -> Any:
        """Wait for a tick that is a coroutine."""
        with self.span_now():
            result = await awaitable
        self.end()
        return self.outputs(result)

    def items(self, generator: Any) -> Iterator[Any]:
        """Send on the items of a tick that is a generator."""
        try:
            while True:
                with self.span_now():
                    try:
                        item = next(generator)
                    except StopIteration:
                        break
                yield self.outputs(item)
        finally:
            generator.close()
            self.span.end()

    async def async_items(self, generator: Any) -> AsyncIterator[Any]:
        """Send on the items of a tick that is an asynchronous generator."""
        try:
            while True:
                with self.span_now():
                    try:
                        item = await anext(generator)
                    except StopAsyncIteration:
                        break
                yield self.outputs(item)
        finally:
            await generator.aclose()
            self.span.end()


class _Current:
    """A block in which the span of a tick is the current one."""

    def __init__(self, tick: _Tick) -> None:
        self._tick = tick
        self._use = tick.tracing.trace.use_span(
            tick.span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        )

    def __enter__(self) -> None:
        self._use.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._use.__exit__(None, None, None)
        if error is not None and not isinstance(error, GeneratorExit):
            self._tick.failed(error)
            self._tick.span.end()


class _Context:
    """An `ActorCallContext` that unwraps what comes and wraps what leaves."""

    __slots__ = ("_ctx", "_tick")

    def __init__(self, ctx: Any, tick: _Tick) -> None:
        self._ctx = ctx
        self._tick = tick

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def __getitem__(self, port: str) -> Any:
        return _unwrapped(self._ctx[port])

    def __contains__(self, port: str) -> bool:
        return port in self._ctx

    @property
    def inputs(self) -> dict[str, Any]:
        inputs = dict(self._ctx.inputs)
        for port in inputs:
            if _is(self._ctx[port], Carried):
                message = self.message(port)
                inputs[port] = PortValue(message.as_json())
                inputs[port]._message = message
        return inputs

    def get(self, port: str, default: Any = None) -> Any:
        return _unwrapped(self._ctx.get(port, default))

    def message(self, port: str) -> Any:
        message = self._ctx.message(port)
        value = message.data()
        return _native.Message.from_value(value.value) if _is(value, Carried) else message

    def emit(self, port: str, value: Any) -> None:
        self._ctx.emit(port, self._tick.packet(port, value))

    def send(self, messages: Mapping[str, Any], timeout: float | None = None) -> None:
        self._ctx.send(self._tick.outputs(messages), timeout)

    async def send_async(self, messages: Mapping[str, Any]) -> None:
        await self._ctx.send_async(self._tick.outputs(messages))

    def done(self, outputs: Mapping[str, Any] | None = None) -> None:
        self._ctx.done(self._tick.outputs(outputs))
        self._tick.end()

    def fail(
        self,
        message: str | BaseException,
        reason: str | None = None,
        permanent: bool | None = None,  # noqa: FBT001  # as that of `ctx.fail`
    ) -> None:
        self._ctx.fail(message, reason, permanent)
        self._tick.failed(message)
        self._tick.end()

    def defer(self) -> Any:
        self._ctx.defer()
        return self


class _Batch:
    """A `TickBatch` that unwraps what comes and wraps what leaves."""

    def __init__(self, batch: Any, tick: _Tick) -> None:
        self._batch = batch
        self._tick = tick

    def __len__(self) -> int:
        return len(self._batch)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return [_unwrapped(value) for value in self._batch[key]]
        return _Context(self._batch[key], self._tick)

    def __iter__(self) -> Iterator[Any]:
        return (_Context(ctx, self._tick) for ctx in self._batch)

    def done(self, outputs: Mapping[str, Any] | None = None) -> None:
        packet = self._tick.packet
        columns = {port: [packet(port, value) for value in values] for port, values in (outputs or {}).items()}
        self._batch.done(columns if outputs is not None else None)


__all__ = ["instrument"]
