"""The garbage collector frees networks, and what their actors refer to."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable

import pytest

from offbit_reflow import Actor, Graph, Message, Network, SubgraphBuilder, actor

from .support import SOON, Forward, run_script


class Probe:
    """Something that is watched."""


class Plain(Actor):
    inports = ["in"]
    outports = ["out"]

    def __init__(self, *held: object) -> None:
        self.held = held

    def run(self, ctx):
        ctx.done({"out": 1})


def instance(net: Network, probe: Probe) -> None:
    net.register_actor("a", Plain(net, probe))


def class_closure(net: Network, probe: Probe) -> None:
    class Closure(Plain):
        def run(self, ctx):
            assert net is not None
            assert probe is not None
            ctx.done()

    net.register_actor("a", Closure)


def function_closure(net: Network, probe: Probe) -> None:
    @actor(inports=["in"])
    def closure(x):
        return str((net, probe))

    net.register_actor("a", closure)


def factory(net: Network, probe: Probe) -> None:
    net.register_actor("a", Plain, factory=lambda: Plain(net, probe))


def handle(net: Network, probe: Probe) -> None:
    net.handle = Plain(net, probe)._build()
    net.register_actor("a", net.handle)


def callback(net: Network, probe: Probe) -> None:
    from offbit_reflow import _native

    made = _native.Actor.from_callback("a", ["in"], ["out"], lambda ctx: (net, probe) and ctx.done())
    net.register_actor("a", made)


def subgraph(net: Network, probe: Probe) -> None:
    graph = Graph("inner")
    graph.add_node("i", "inner")
    graph.add_inport("in", "i", "in")
    builder = SubgraphBuilder(graph.to_json())
    builder.register_actor("inner", Plain(net, probe)._build())
    net.builder = builder
    net.register_actor("a", builder.build())


def attribute(net: Network, probe: Probe) -> None:
    net.register_actor("a", Plain)
    net.me, net.probe = net, probe


def listeners(net: Network, probe: Probe) -> None:
    net.register_actor("a", Plain(net, probe))
    net.events_kept = net.events()


KINDS = [instance, class_closure, function_closure, factory, handle, callback, subgraph, attribute, listeners]


def never_run(net: Network) -> None:
    pass


def run(net: Network) -> None:
    assert net.run(inputs={"n.in": 1}, timeout=SOON).ok


def start_and_shut_down(net: Network) -> None:
    net.start()
    assert net.shutdown(grace=SOON) == []


def failed_start(net: Network) -> None:
    net.add_connection("n", "out", "nobody", "in")
    with pytest.raises(RuntimeError):
        net.start()


@pytest.mark.parametrize("use", [never_run, run, start_and_shut_down, failed_start])
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_its_actors_refer_to(kind: Callable, use: Callable):
    def build() -> weakref.ref[Probe]:
        net, probe = Network(), Probe()
        kind(net, probe)
        net.add_node("n", "a")
        use(net)
        return weakref.ref(probe)

    assert freed(build())


def freed(*watched: weakref.ref) -> bool:
    """Collect, and tell whether everything is gone; threads that have just ended may hold something for a moment."""
    deadline = time.monotonic() + SOON
    while any(one() is not None for one in watched):
        if time.monotonic() > deadline:
            return False
        gc.collect()
    return True


def test_an_initial_that_refers_to_the_network():
    net, probe = Network(), Probe()
    net.register_actor("a", Plain)
    net.add_node("n", "a")
    probe.net = net
    net.add_initial("n", "in", Message.any(probe))
    watched = weakref.ref(probe)
    del net, probe
    assert freed(watched)


def test_a_message_in_its_own_object():
    probe = Probe()
    probe.message = Message.any(probe)
    watched = weakref.ref(probe)
    del probe
    assert freed(watched)


def test_a_message_that_others_hold_is_left_alone():
    probe = Probe()
    probe.name = "still here"
    message = Message.any(probe)
    with Network() as net:
        net.register_actor("a", Forward)
        net.add_node("n", "a")
        net.add_outport("o", "n", "out")
        net.add_initial("n", "in", message)
        watched = weakref.ref(probe)
        del probe
        gc.collect()
        assert net.run(timeout=SOON).outputs["o"][0].name == "still here"
        gc.collect()
        assert watched().name == "still here"
        assert message.data().name == "still here"


def test_a_context_that_its_actor_keeps():
    watched = []

    class Keeps(Actor):
        inports = ["in"]

        def run(self, ctx):
            self.ctx, self.inputs = ctx, ctx.inputs
            self.inputs["self"] = self
            ctx.done()

    net = Network()
    keeps = Keeps()
    keeps.net = net
    net.register_actor("a", keeps)
    net.add_node("n", "a")
    assert net.run(inputs={"n.in": 1}, timeout=SOON).ok
    watched.append(weakref.ref(keeps))
    del net, keeps
    assert freed(*watched)


def test_a_batch_that_its_actor_keeps():
    class Keeps(Actor):
        inports = ["in"]
        batch_size = 4

        def run(self, batch):
            self.batch, self.first = batch, batch[0]
            return {}

    net = Network()
    keeps = Keeps()
    keeps.net = net
    net.register_actor("a", keeps)
    net.add_node("n", "a")
    assert net.run(inputs={"n.in": 1}, timeout=SOON).ok
    watched = weakref.ref(keeps)
    del net, keeps
    assert freed(watched)


def test_subscriptions_that_a_graph_keeps():
    graph = Graph("g")
    graph.changes = graph.subscribe()
    watched = weakref.ref(graph)
    del graph
    assert freed(watched)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_running_network_that_only_its_factory_refers_to_is_stopped_and_freed():
    def build() -> weakref.ref[Probe]:
        net, probe = Network(), Probe()
        net.register_actor("a", Plain, factory=lambda: (net, probe) and Plain())
        net.add_node("n", "a")
        net.start()
        return weakref.ref(probe)

    assert freed(build())


def test_a_refused_graph_is_told_though_the_collector_comes_meanwhile():
    """A network is locked while a graph is added, and the collector looks into it: nothing of Python may run in between."""
    result = run_script(
        """
        import gc, sys
        from offbit_reflow import Network

        class Collects:
            def find_spec(self, *name):
                gc.collect()

        ends = {"from": {"nodeId": "a", "portId": "out"}, "to": {"nodeId": "b", "portId": "in"}}
        graph = {
            "caseSensitive": False, "properties": {}, "inports": {}, "outports": {}, "groups": [], "processes": {},
            "connections": [{**ends, "metadata": {}}],
        }
        sys.meta_path.insert(0, Collects())  # what a refusal needs is imported for the first one
        try:
            Network.from_graph(graph)
        except Exception as error:
            print(type(error).__name__)
        """
    )
    assert result.stdout == "GraphCheckError\n", result


def test_a_network_that_an_object_in_its_events_refers_to():
    """The first packets are kept for a reader of events that comes late: without the objects that they carried."""

    def build() -> weakref.ref[Probe]:
        net, probe = Network(), Probe()
        net.register_actor("a", Forward)
        net.add_node("one", "a")
        net.add_node("two", "a")
        net.add_connection("one", "out", "two", "in")
        probe.net = net
        assert net.run(inputs={"one.in": Message.any(probe)}, timeout=SOON).ok
        return weakref.ref(probe)

    assert freed(build())
