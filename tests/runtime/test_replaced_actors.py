"""An actor that is registered again, as a notebook's cell does, replaces the one before."""

import warnings

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.exceptions import NetworkError


def define(factor):
    @actor
    def scale(x):
        return x * factor

    return scale


def run(net):
    return net.run({"a.x": 1}, timeout=10).outputs["out"]


@pytest.fixture
def net():
    with Network() as net:
        net.register_actor("scale", define(2))
        net.add_node("a", "scale")
        net.add_outport("out", "a", "out")
        yield net


def test_the_next_run_has_the_new_one(net):
    assert run(net) == [2]
    net.register_actor("scale", define(3))
    assert run(net) == [3]


def test_nodes_that_run_keep_theirs_which_is_said_once(net):
    net.start(collect=True)
    with pytest.warns(
        UserWarning, match="`scale` is something else from the next start on; the nodes that run keep theirs"
    ):
        net.register_actor("scale", define(3))
    with warnings.catch_warnings(action="error"):
        net.register_actor("scale", define(4))
    net.send("a", "x", 1)
    net.close_inputs()
    assert net.wait(timeout=10).outputs["out"] == [2]
    net.shutdown()
    assert run(net) == [4]


def test_the_very_same_again_is_a_mistake_outside_of_notebooks(net, monkeypatch):
    class Double(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": 2 * ctx["x"]})

    net.register_actor("double", Double)
    with pytest.raises(NetworkError, match="double"):
        net.register_actor("double", Double)
    monkeypatch.setattr("offbit_reflow._building._in_notebook", lambda: True)
    net.register_actor("double", Double)


def test_an_instance_with_other_attributes_is_another(net):
    class Add(Actor):
        inports = ["x"]
        outports = ["out"]

        def __init__(self, number):
            self.number = number

        def run(self, ctx):
            ctx.done({"out": ctx["x"] + self.number})

    net.register_actor("scale", Add(5))
    assert run(net) == [6]
    net.register_actor("scale", Add(7))
    assert run(net) == [8]
    with pytest.raises(NetworkError):
        net.register_actor("scale", Add(7))
