"""What may be registered as an actor, and what those that may not are told."""

import functools
import operator

import pytest

from offbit_reflow import Actor, Graph, Network, SubgraphBuilder, actor, compose_graphs, template_actor
from offbit_reflow.exceptions import GraphError


def run(component, **inputs):
    with Network() as net:
        net.register_actor("a", component)
        net.add_node("n", "a")
        net.add_outport("out", "n", "out")
        result = net.run({f"n.{port}": iter(values) for port, values in inputs.items()}, timeout=10)
    assert result.ok, result.failures
    return result.outputs["out"]


def double(x):
    return 2 * x


async def double_later(x):
    return 2 * x


def twice(x):
    yield x
    yield x


class Times:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor


class Pass(Actor):
    inports = ["x"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["x"]})


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (actor(double), [2, 4]),
        (actor(lambda x: x + 1), [2, 3]),
        (actor(double_later), [2, 4]),
        (actor(twice), [1, 1, 2, 2]),
        (Times(3), [3, 6]),
        (functools.partial(lambda y, x: x + y, 10), [11, 12]),
        (functools.lru_cache(double), [2, 4]),
        (Times(4).__call__, [4, 8]),
        (Pass, [1, 2]),
        (Pass(), [1, 2]),
        (abs, [1, 2]),
    ],
)
def test_whatever_can_be_called_is_an_actor(component, expected):
    assert run(component, x=[1, 2]) == expected


def test_builtins_and_positional_parameters():
    def hyphenate(a, b="-", /, c="!"):
        return f"{a}{b}{c}"

    assert run(actor(len), obj=["ab", "abc"]) == [2, 3]
    assert run(actor(operator.add), a=[1, 2], b=[10, 20]) == [11, 22]
    assert run(actor(inports=["one", "other"])(max), one=[1, 5], other=[3, 4]) == [3, 5]
    assert run(actor(inports=["text"])("abc".startswith), text=["ab", "b"]) == [True, False]
    assert run(actor(hyphenate), a=[1]) == ["1-!"]


def test_parameters_hidden_by_a_decorator():
    def hide(function):
        return lambda *args, **kwargs: function(*args, **kwargs)

    with pytest.raises(TypeError, match=r"takes \*args, and every inport needs a name.*functools.wraps"):
        actor(hide(double))
    assert run(actor(inports=["x"])(hide(double)), x=[4]) == [8]
    assert run(actor(inports=["x"])(hide(double_later)), x=[4]) == [8]
    keywords = actor(inports=["x"])(lambda **values: values["x"])
    assert run(keywords, x=[4]) == [4]


def test_what_is_none_is_refused_at_once():
    net = Network()
    with pytest.raises(TypeError, match="Times does not derive from Actor: give an object of it"):
        net.register_actor("a", Times)
    with pytest.raises(TypeError, match="`double` is a plain function: write @actor above it"):
        net.register_actor("a", double)
    with pytest.raises(TypeError, match="needs no registration"):
        net.register_actor("a", "tpl_math_add")
    with pytest.raises(TypeError, match="expected an Actor class, an Actor instance or a native handle, got None"):
        net.register_actor("a", None)
    with pytest.raises(TypeError, match="is an Actor class already"):
        actor(Pass)
    with pytest.raises(TypeError, match="is an actor already"):
        actor(Pass())
    with pytest.raises(TypeError, match="is an actor already"):
        actor(template_actor("tpl_math_add"))
    with pytest.raises(TypeError, match="is a class; decorate a function"):
        actor(Times)
    with pytest.raises(TypeError, match="max does not tell its parameters; name its inports"):
        actor(max)
    with pytest.raises(TypeError, match="expected a function"):
        actor(3)


def test_a_class_that_needs_arguments():
    class Scale(Pass):
        def __init__(self, factor):
            self.factor = factor

    net = Network()
    with pytest.raises(TypeError, match=r"missing a required argument: 'factor'.*factory=lambda: Scale"):
        net.register_actor("a", Scale)
    net.register_actor("a", Scale, factory=lambda: Scale(2))
    assert run(Scale(3), x=[1]) == [1]


def test_a_node_is_made_by_an_id():
    with pytest.raises(TypeError, match="a node is made by the id that its component is registered under"):
        Network().add_node("n", Pass)


def test_a_function_in_a_subgraph():
    graph = Graph("g")
    graph.add_node("d", "double")
    graph.add_inport("x", "d", "x")
    graph.add_outport("out", "d", "out")
    builder = SubgraphBuilder(graph)
    builder.register_actor("double", actor(double))
    assert run(builder.build(), x=[1, 2]) == [2, 4]


def test_a_graph_is_no_composition():
    graph = Graph("g")
    with pytest.raises(GraphError, match="this is a GraphExport"):
        compose_graphs(graph.to_json())
    with pytest.raises(GraphError, match="this is a Graph;"):
        compose_graphs(graph)


def test_a_class_or_a_flow_is_no_graph():
    with pytest.raises(GraphError, match=r"got the class Graph: write Graph\(…\)"):
        Network.from_graph(Graph)
    with pytest.raises(GraphError, match="`flow.network\\(\\)` makes a network of it"):
        Network.from_graph(actor(double) >> actor(double))
