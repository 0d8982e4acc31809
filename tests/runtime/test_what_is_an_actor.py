"""What may be registered as an actor, and what those that may not are told."""

import functools
import operator
import sys

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
    with pytest.raises(TypeError, match="outports must be a list of port names, got 'high'"):
        actor(outports="high")(double)
    with pytest.raises(TypeError, match="inports must be a list of port names, got 'x'"):
        actor(inports="x")(double)


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


def decorated(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


def one_value(function):
    @functools.wraps(function)
    def call(value):
        return function(value)

    return call


@functools.singledispatch
def kind(x):
    return "any"


@kind.register
def _(x: int):
    return "int"


@decorated
def with_context(x, ctx, more=1):
    return x, ctx.node_id, more


async def each_later(x):
    yield x


@pytest.mark.parametrize("decorator", [decorated, one_value, functools.lru_cache])
@pytest.mark.parametrize(
    ("function", "expected"),
    [(double, [2, 4]), (double_later, [2, 4]), (twice, [1, 1, 2, 2]), (each_later, [1, 2])],
)
def test_decorators_may_call_their_parameters_otherwise(decorator, function, expected):
    assert run(actor(decorator(function)), x=[1, 2]) == expected


def test_decorated_functions_are_called_by_position():
    assert run(actor(kind), x=[1, "a"]) == ["int", "any"]
    assert run(actor(with_context), x=[1]) == [(1, "n", 1)]


def test_a_decorator_that_does_not_take_what_it_shows_is_refused():
    @one_value
    def add(a, b):
        return a + b

    @decorated
    def named(a, *, b):
        return a + b

    for function in (add, named):
        with pytest.raises(TypeError, match=r"has a decorator that shows the parameters \(a, (\*, )?b\) but takes"):
            actor(function)


def test_join_is_a_rule_or_the_key_of_each_inport():
    def both(a, b):
        return a["id"] + b["id"]

    for join in ({"a": "id", "b": "id"}, {"join": {"a": "id", "b": "id"}}):
        found = run(actor(join=join)(both), a=[{"id": 1}, {"id": 2}], b=[{"id": 2}, {"id": 1}])
        assert sorted(found) == [2, 4]
    for join, words in (
        ({"a": "id", "c": "id"}, "no inport; there are `a`, `b`"),
        ({}, "join must be"),
        (5, "join must be"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            actor(join=join)(both)
    with pytest.raises(TypeError, match="double pairs none"):
        actor(join="position")(double)


def test_a_run_that_cannot_take_a_tick_is_refused():
    for run_, words in ((lambda self: None, r"run\(self\) cannot be called"), (5, "must be a method")):
        with pytest.raises(TypeError, match=words):
            Network().register_actor("a", type("Odd", (Actor,), {"run": run_}))
    with pytest.raises(ValueError, match="await_all_inports must be"):
        Network().register_actor("a", type("Odd", (Pass,), {"await_all_inports": ["x"]}))


def test_a_setup_that_a_decorator_made_an_object_of_is_called():
    class Ready(Pass):
        @functools.lru_cache  # noqa: B019  # an object with a method's binding
        def setup(self, ctx):
            self.ready = True

        def run(self, ctx):
            ctx.done({"out": self.ready})

    assert run(Ready, x=[1]) == [True]


#: Actors whose annotations are names that only type checkers know.
ANNOTATED = """
class Plain(Actor):
    inports = ("in",)
    outports = ("out",)

    def __init__(self, factor: Unknown = 2) -> Unknown:
        self.factor = factor

    def setup(self, ctx: Unknown) -> Unknown:
        self.factor += 1

    def run(self, ctx: Unknown) -> Unknown:
        return {"out": self.factor * ctx["in"]}

class Later(Plain):
    async def run(self, ctx: Unknown) -> Unknown:
        return {"out": self.factor * ctx["in"]}

class Batches(Plain):
    batch_size = 2

    def run(self, batch: Unknown) -> Unknown:
        batch.done({"out": [self.factor * number for number in batch["in"]]})

@actor
def function(number: Unknown, *, ctx: Unknown) -> Unknown:
    return 3 * number

@actor
async def generator(number: Unknown) -> Unknown:
    yield 3 * number

class Callable:
    def __call__(self, number: Unknown) -> Unknown:
        return 3 * number
"""


@pytest.mark.parametrize("name", ["Plain", "Later", "Batches", "function", "generator", "Callable"])
def test_annotations_may_be_names_that_only_type_checkers_know(name):
    """Without the import of `annotations` from the future, too, where the interpreter allows it."""
    source = ANNOTATED if sys.version_info >= (3, 14) else f"from __future__ import annotations\n{ANNOTATED}"
    names = {"Actor": Actor, "actor": actor}
    exec(compile(source, "annotated.py", "exec", dont_inherit=True), names)
    component = names[name]() if name == "Callable" else names[name]
    port = "in" if name in ("Plain", "Later", "Batches") else "number"
    assert run(component, **{port: [1, 2]}) == [3, 6]
