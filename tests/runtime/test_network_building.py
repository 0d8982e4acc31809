"""Building networks: what is accepted, what is refused, and when."""

from __future__ import annotations

import time

import pytest

import offbit_reflow
from offbit_reflow import Message, Network

from .support import SOON, Collect, Forward, add, connect, run_script

FULL_CONFIG = {
    "compression": {
        "size_threshold": 1024,
        "streaming_threshold": 1_048_576,
        "enabled": True,
        "level": 6,
        "type_strategies": {"Bytes": "Always"},
    },
    "tracing": {
        "server_url": "ws://localhost:8080",
        "batch_size": 50,
        "batch_timeout": {"secs": 1, "nanos": 0},
        "enable_compression": True,
        "retry_config": {
            "max_retries": 5,
            "initial_delay": {"secs": 0, "nanos": 500},
            "max_delay": {"secs": 30, "nanos": 0},
            "backoff_multiplier": 2.0,
        },
        "enabled": False,
    },
}


@pytest.mark.parametrize(
    "config", [None, {}, {"compression": {}}, {"tracing": None}, {"capacity": 5}, FULL_CONFIG], ids=str
)
def test_configs_that_are_accepted(config):
    assert Network(config).run(timeout=SOON).ok


@pytest.mark.parametrize(
    "config", [{"capacity": 0}, {"capacity": "x"}, {"capacity": -1}, {"nonsense": 1}, {"compression": 5}], ids=str
)
def test_configs_that_are_refused(config):
    with pytest.raises(RuntimeError, match=next(iter(config))):
        Network(config)


@pytest.mark.parametrize("config", [5, "x", [1], object()])
def test_configs_that_are_no_mapping(config):
    with pytest.raises(ValueError):  # noqa: PT011  # any text
        Network(config)


def test_exports():
    for name in offbit_reflow.__all__:
        assert getattr(offbit_reflow, name) is not None
    promised = {
        "Actor",
        "ActorCallContext",
        "EventStream",
        "Message",
        "Network",
        "Stream",
        "StreamReader",
        "__version__",
    }
    assert promised <= set(offbit_reflow.__all__)
    assert isinstance(offbit_reflow.__version__, str)


def test_unknown_component(net):
    with pytest.raises(RuntimeError, match="missing_one"):
        net.add_node("a", "missing_one")


def test_an_id_again_replaces_the_node(net):
    net.register_actor("forward", Forward)
    net.register_actor("collect", sink := Collect())
    net.add_node("a", "forward", {"x": 1})
    net.add_node("a", "collect")
    net.add_initial("a", "in", 1)
    assert net.run(timeout=SOON).ok
    assert sink.values == [1]


def test_everything_that_is_wrong_is_reported_at_once(net):
    net.register_actor("f", Forward)
    net.add_node("a", "f")
    net.add_connection("a", "out", "nobody1", "in")
    net.add_connection("nobody2", "out", "a", "in")
    net.add_initial("nobody3", "in", 1)
    net.add_inport("i", "nobody4", "in")
    net.add_outport("o", "nobody5", "out")
    with pytest.raises(RuntimeError) as caught:
        net.start()
    for number in range(1, 6):
        assert f"nobody{number}" in str(caught.value)
    assert len(net.check()) == 5


def test_a_typo_gets_a_suggestion(net):
    net.register_actor("f", Forward)
    net.add_node("consumer", "f")
    net.add_connection("consumer", "out", "consumr", "in")
    with pytest.raises(RuntimeError, match="`consumer`"):
        net.start()


def test_any_order_of_building(net):
    net.add_connection("a", "out", "b", "in")
    net.add_initial("a", "in", Message.integer(7))
    add(net, "a", Forward)
    sink = add(net, "b", Collect())
    assert net.run(timeout=SOON).ok
    assert sink.values == [7]


def test_a_change_after_the_start_takes_no_effect_or_all(net):
    add(net, "a", sink := Collect())
    net.start()
    net.add_node("b", "a")
    net.add_initial("b", "in", 5)
    net.add_connection("a", "out", "b", "in")
    net.wait(timeout=SOON)
    net.shutdown()
    net.start()
    net.wait(timeout=SOON)
    assert 5 in sink.values


def test_wrong_argument_types(net):
    net.register_actor("f", Forward)
    for call in (
        lambda: net.add_node(5, "f"),
        lambda: net.add_connection("a", 1, "b", "in"),
        lambda: net.add_initial("a", None, 1),
        lambda: net.register_actor(None, Forward),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises((ValueError, OverflowError)):
        net.add_connection("a", "out", "b", "in", capacity=0)
    with pytest.raises((ValueError, OverflowError)):
        net.add_connection("a", "out", "b", "in", capacity=-1)


def test_strange_names():
    for name in ("", " ", "ä/ö", "a.b", "\0", "x" * 10_000, "🌍"):
        with Network() as net:
            net.register_actor(name, Forward)
            net.add_node(name, name)
            net.add_node(name + "2", name)
            net.add_connection(name, "out", name + "2", "in")
            net.add_outport(name, name + "2", "out")
            net.add_initial(name, "in", 1)
            assert net.run(timeout=SOON).outputs == {name: [1]}


def test_repr(net):
    add(net, "a", Forward)
    assert "1 node" in repr(net)
    assert "not running" in repr(net)
    net.start()
    assert "not running" not in repr(net)


def test_ten_thousand_nodes():
    started = time.monotonic()
    with Network() as net:
        net.register_actor("f", Forward)
        for number in range(10_000):
            net.add_node(f"n{number}", "f")
        for number in range(0, 10_000, 10):
            connect(net, *[f"n{at}" for at in range(number, number + 10)])
            net.add_initial(f"n{number}", "in", number)
        result = net.run(timeout=25)
    assert result.ok
    assert {node["ticks"] for node in result.nodes.values()} == {1}
    assert time.monotonic() - started < 25


class TestWhileStarting:
    """In processes of their own: a deadlock here holds the interpreter lock."""

    def check(self, script):
        result = run_script(script, timeout=15)
        assert result.returncode == 0, result.stderr
        assert result.stdout.split() == ["well"]

    def test_a_constructor_may_use_the_network(self):
        self.check("""
            import faulthandler
            faulthandler.dump_traceback_later(5, exit=True)
            from offbit_reflow import Actor, Network

            class Curious(Actor):
                inports = ["in"]

                def __init__(self):
                    repr(net)
                    net.events()
                    net.check()

                def run(self, ctx):
                    ctx.done()

            net = Network()
            net.register_actor("a", Curious)
            net.add_node("a", "a")
            net.start()
            net.wait(timeout=5)
            net.shutdown()
            print("well")
        """)

    def test_other_threads_may_look_at_it_meanwhile(self):
        self.check("""
            import faulthandler, threading, time
            faulthandler.dump_traceback_later(5, exit=True)
            from offbit_reflow import Actor, Network

            begun = threading.Event()

            class SlowToMake(Actor):
                inports = ["in"]

                def __init__(self):
                    begun.set()
                    time.sleep(0.05)

                def run(self, ctx):
                    ctx.done()

            net = Network()
            net.register_actor("a", SlowToMake)
            for number in range(4):
                net.add_node(f"n{number}", "a")
            thread = threading.Thread(target=net.start)
            thread.start()
            begun.wait()
            assert "4 nodes" in repr(net)
            net.events().recv(timeout_ms=1)
            thread.join()
            net.shutdown()
            print("well")
        """)


def test_what_a_config_cannot_hold_is_told_with_its_node():
    with pytest.raises(offbit_reflow.ReflowError, match=r'node `a`: .*\["key"\]: a value of type') as told:
        add(Network(), "a", Forward(), config={"key": len})
    assert told.value.node == "a"
