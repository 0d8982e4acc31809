"""Firing rules: when a tick starts and with what."""

from __future__ import annotations

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, add


def ticks(initials, *, inports=("a", "b"), wait_for=True, latest=(), node=None, instance=None):
    """Run a node on initials `(port, value)`; the inputs of its ticks."""
    seen = []

    class Probe(Actor):
        def run(self, ctx):
            seen.append({port: value.get("data") for port, value in ctx.inputs.items()})
            ctx.done()

    Probe.inports = list(inports)
    Probe.await_all_inports = wait_for
    Probe.latest_inports = list(latest)
    actor = Probe
    if instance is not None:
        actor = Probe()
        for name, value in instance.items():
            setattr(actor, name, value)
    with Network() as net:
        add(net, "n", actor, **(node or {}))
        for port, value in initials:
            net.add_initial("n", port, value)
        result = net.run(timeout=SOON)
    assert not result.failures
    return seen, result.nodes["n"]


TRACE = [("a", 1), ("a", 2), ("b", 10), ("b", 20), ("a", 3)]


def test_any_fires_for_every_packet():
    seen, _ = ticks(TRACE, wait_for=False)
    assert seen == [{"a": 1}, {"a": 2}, {"b": 10}, {"b": 20}, {"a": 3}]


def test_all_pairs_in_order_and_loses_nothing():
    seen, stats = ticks(TRACE)
    assert seen == [{"a": 1, "b": 10}, {"a": 2, "b": 20}]
    assert stats["undelivered"] == 1


@pytest.mark.parametrize("node", [None, {"firing": "latest"}])
def test_latest_keeps_the_newest(node):
    seen, _ = ticks(TRACE, wait_for="latest" if node is None else False, node=node)
    assert seen == [{"a": 2, "b": 10}, {"a": 3, "b": 20}]


def test_latest_merges_objects():
    seen, _ = ticks([("a", {"x": 1, "y": 1}), ("a", {"y": 2}), ("b", 0)], wait_for="latest")
    assert seen == [{"a": {"x": 1, "y": 2}, "b": 0}]


def test_latest_inports_offer_their_newest_to_every_tick():
    trace = [("settings", "s1"), ("frame", 1), ("frame", 2), ("settings", "s2"), ("settings", "s3"), ("frame", 3)]
    seen, _ = ticks(trace, inports=("frame", "settings"), latest=("settings",))
    assert seen == [
        {"frame": 1, "settings": "s1"},
        {"frame": 2, "settings": "s1"},
        {"frame": 3, "settings": "s3"},
    ]


def test_a_latest_inport_is_waited_for_once():
    trace = [("frame", 1), ("frame", 2), ("settings", "s1")]
    seen, _ = ticks(trace, inports=("frame", "settings"), latest=("settings",))
    assert seen == [{"frame": 1, "settings": "s1"}, {"frame": 2, "settings": "s1"}]


@pytest.mark.parametrize(
    ("firing", "expected"),
    [
        ("any", [{"a": 1}, {"a": 2}, {"b": 10}, {"b": 20}, {"a": 3}]),
        ("all", [{"a": 1, "b": 10}, {"a": 2, "b": 20}]),
        ({"latest": ["b"]}, [{"a": 1, "b": 10}, {"a": 2, "b": 10}, {"a": 3, "b": 20}]),
    ],
    ids=str,
)
def test_the_node_says_how_to_fire(firing, expected):
    seen, _ = ticks(TRACE, wait_for=False, node={"firing": firing})
    assert seen == expected


@pytest.mark.parametrize("firing", ["sometimes", 5, {"latest": 1}, {"oldest": ["a"]}, []], ids=str)
def test_a_wrong_firing_rule_is_refused(net, firing):
    class Probe(Actor):
        inports = ["a"]

    with pytest.raises(RuntimeError, match="firing"):
        add(net, "n", Probe, firing=firing)
        net.start()


def test_undeclared_ports_fire_or_ride_along():
    seen, _ = ticks([("x", 1), ("a", 2)], inports=("a",), wait_for=False)
    assert seen == [{"x": 1}, {"a": 2}]
    seen, _ = ticks([("x", 1), ("a", 2), ("b", 3)])
    assert seen == [{"a": 2, "b": 3, "x": 1}]


def test_without_declared_inports_every_packet_fires():
    seen, _ = ticks([("x", 1), ("y", 2)], inports=())
    assert seen == [{"x": 1}, {"y": 2}]


def test_the_instance_may_declare_its_ports():
    initials = [("a", 1), ("b", 2)]
    seen, _ = ticks(initials, inports=("a",), instance={"inports": ["a", "b"]})
    assert seen == [{"a": 1, "b": 2}]
    seen, _ = ticks(initials, wait_for=False, instance={"await_all_inports": True})
    assert seen == [{"a": 1, "b": 2}]


def test_two_connections_on_one_port_do_not_make_it_wait_for_two():
    seen = []

    class Probe(Actor):
        inports = ["a", "b"]
        await_all_inports = True

        def run(self, ctx):
            seen.append((ctx["a"], ctx["b"]))
            ctx.done()

    class Twice(Actor):
        inports = ["in"]

        def run(self, ctx):
            return {"out": ctx["in"]}

    with Network() as net:
        add(net, "n", Probe)
        net.register_actor("twice", Twice)
        for name in ("one", "two"):
            net.add_node(name, "twice")
            net.add_connection(name, "out", "n", "a")
        net.add_initial("one", "in", "first")
        net.add_initial("n", "b", 1)
        assert net.run(timeout=SOON).ok
    assert seen == [("first", 1)]


def test_one_source_into_two_inports_is_one_paired_tick():
    seen = []

    class Both(Actor):
        inports = ["in"]

        def run(self, ctx):
            return {"x": ctx["in"], "y": -ctx["in"]}

    class Probe(Actor):
        inports = ["a", "b"]
        await_all_inports = True

        def run(self, ctx):
            seen.append((ctx["a"], ctx["b"]))
            ctx.done()

    with Network() as net:
        add(net, "s", Both)
        add(net, "n", Probe)
        net.add_connection("s", "x", "n", "a")
        net.add_connection("s", "y", "n", "b")
        for number in range(1000):
            net.add_initial("s", "in", number)
        assert net.run(timeout=SOON).ok
    assert seen == [(number, -number) for number in range(1000)]


@pytest.mark.parametrize("attribute", [{"await_all_inports": "maybe"}, {"inports": "in"}, {"inports": [1]}])
def test_wrong_declarations_are_refused_when_registered(net, attribute):
    cls = type("Wrong", (Actor,), attribute)
    with pytest.raises((TypeError, ValueError)):
        net.register_actor("t", cls)
