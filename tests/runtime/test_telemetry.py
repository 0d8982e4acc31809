"""OpenTelemetry: spans of ticks, whose context travels with the packets."""

import asyncio

import pytest

from offbit_reflow import Actor, Network, actor, node

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from offbit_reflow.telemetry import instrument


class Spans:
    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def named(self, name):
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def parents(self, child, parent):
        """Tell which spans of one name are children of those of another."""
        ids = {span.context.span_id: index for index, span in enumerate(self.named(parent))}
        return [ids.get(span.parent.span_id if span.parent else None) for span in self.named(child)]


@pytest.fixture
def spans():
    return Spans()


def chain(spans, **steps):
    net = instrument(Network(), tracer_provider=spans.provider)
    before = None
    for name, step in steps.items():
        net.register_actor(name, step)
        net.add_node(name, name)
        if before is not None:
            net.add_connection(before, "out", name, "x")
        before = name
    net.add_outport("out", before, "out")
    return net


@actor
def source(x):
    yield from range(x)


class Plain(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["x"] + 1})


class Returns(Plain):
    def run(self, ctx):
        return {"out": ctx.inputs["x"]["data"] + 1}


class Sends(Plain):
    def run(self, ctx):
        ctx.send({"out": ctx.get("x") + 1})
        ctx.done()


class Later(Plain):
    async def run(self, ctx):
        await asyncio.sleep(0)
        await ctx.send_async({"out": ctx["x"] + 1})
        ctx.done()


class Yields(Plain):
    def run(self, ctx):
        yield {"out": ctx["x"] + 1}


class YieldsLater(Plain):
    async def run(self, ctx):
        await asyncio.sleep(0)
        yield {"out": ctx["x"] + 1}


class Batch(Plain):
    batch_size = 8

    def run(self, batch):
        batch.done({"out": [x + 1 for x in batch["x"]]})


@actor
async def function(x):
    await asyncio.sleep(0)
    return x + 1


@pytest.mark.parametrize(
    "step", [Plain, Plain(), Returns, Sends, Later, Yields, YieldsLater, function, actor(lambda x: x + 1)]
)
def test_the_context_travels_with_the_packets(spans, step):
    net = chain(spans, source=source, step=step, last=Plain)
    assert net.run({"source.x": 3}, timeout=20).raise_for_failure().outputs == {"out": [2, 3, 4]}
    assert spans.parents("step", "source") == [0, 0, 0]
    assert sorted(spans.parents("last", "step")) == [0, 1, 2]
    attributes = spans.named("last")[0].attributes
    assert (attributes["reflow.node"], attributes["reflow.attempt"]) == ("last", 1)


def test_a_batch_links_to_all_that_it_took(spans):
    net = chain(spans, source=source, step=Batch, last=Plain)
    assert net.run({"source.x": 3}, timeout=20).raise_for_failure().outputs == {"out": [2, 3, 4]}
    links = [link.context.span_id for span in spans.named("step") for link in span.links]
    assert links == [spans.named("source")[0].context.span_id] * 3


def test_spans_of_the_caller_are_their_parents(spans):
    @actor
    def inner(x):
        with spans.tracer.start_as_current_span("inside"):
            return x

    net = chain(spans, source=source, step=inner)
    with spans.tracer.start_as_current_span("caller"):
        net.run({"source.x": 1}, timeout=20).raise_for_failure()
    assert spans.parents("source", "caller") == [0]
    assert spans.parents("inside", "step") == [0]


def test_failures_are_recorded(spans):
    @actor
    def bad(x):
        raise ValueError("no")

    assert not chain(spans, bad=bad).run({"bad.x": 1}, timeout=20).ok
    (span,) = spans.named("bad")
    assert not span.status.is_ok
    assert span.events[0].attributes["exception.message"] == "no"


def test_native_nodes_and_listeners_get_plain_values(spans):
    net = instrument(Network(), tracer_provider=spans.provider)
    net.register_actor("plain", Plain)
    net.add_node("a", "plain")
    net.add_node("sum", "tpl_passthrough")
    net.add_node("b", "plain")
    net.add_node("c", "plain")
    net.add_connection("a", "out", "sum", "input")
    net.add_connection("sum", "output", "b", "x")
    net.add_connection("b", "out", "c", "x")
    with net:
        net.start()
        with net.listen("a", "out") as first, net.listen("b", "out") as second:
            net.send("a", "x", 1)
            assert first.recv(timeout=20).data() == 2
            assert second.recv(timeout=20).data() == 3
            net.send("a", "x", 2)
            assert next(iter(second)) == 4


def test_behind_native_nodes_spans_belong_to_that_of_the_caller(spans):
    net = instrument(Network(), tracer_provider=spans.provider)
    net.register_actor("plain", Plain)
    for name, component in (("a", "plain"), ("native", "tpl_passthrough"), ("b", "plain")):
        net.add_node(name, component)
    net.add_connection("a", "out", "native", "input")
    net.add_connection("native", "output", "b", "x")
    with spans.tracer.start_as_current_span("caller"):
        net.run({"a.x": 1}, timeout=20).raise_for_failure()
    assert spans.parents("b", "caller") == [0]


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match=r"expected a Network, got <Flow of a>; `flow.network\(\)` makes one"):
        instrument(node(Plain, name="a"))  # type: ignore[arg-type]  # that is what is refused


def test_registered_before(spans):
    net = Network()
    net.register_actor("plain", Plain)
    net.add_node("a", "plain")
    instrument(net, tracer_provider=spans.provider)
    net.run({"a.x": 1}, timeout=20).raise_for_failure()
    assert len(spans.named("a")) == 1


def test_metrics(spans):
    reader = InMemoryMetricReader()
    net = chain(spans, source=source, step=Plain)
    instrument(net, tracer_provider=spans.provider, meter_provider=MeterProvider(metric_readers=[reader]))
    net.run({"source.x": 3}, timeout=20)
    data = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    points = {metric.name: {p.attributes["reflow.node"]: p.value for p in metric.data.data_points} for metric in data}
    assert points["reflow.node.ticks"] == {"source": 1, "step": 3}


def test_a_value_that_is_traced_is_asked_for_no_attribute(spans):
    asked = []

    class Hooked:
        def __getattribute__(self, name):
            asked.append(name)
            raise RuntimeError(name)

    @actor
    def make(x):
        return Hooked()

    class Count(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            return {"out": 1 if type(ctx["x"]) is Hooked else 0}

    class Forward(Count):
        def run(self, ctx):
            ctx.done({"out": ctx["x"]})

    net = chain(spans, make=make, forward=Forward, count=Count)
    outputs = net.run(inputs={"make.x": 1}, timeout=20).outputs
    assert asked == []
    assert outputs["out"] == [1]
