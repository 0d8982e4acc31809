"""Flows: steps wired by operators and calls, which build the graphs that they describe."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import threading
from fractions import Fraction
from operator import itemgetter, methodcaller

import pytest

from offbit_reflow import Actor, Flow, Network, actor, node, template_actor, wire
from offbit_reflow.exceptions import ConversionError, NetworkError


@actor
def numbers(upto):
    yield from range(upto)


@actor
def double(number):
    return number * 2


@actor
def negate(number):
    return -number


@actor
def pair(a, b):
    return [a, b]


@actor
def above(number, limit=10):
    return number > limit


@actor(outports=["even", "odd"])
def sort(number):
    return {"odd" if number % 2 else "even": number}


@actor
def scaled(number, ctx):
    return number * ctx.config["by"]


class Total(Actor):
    inports = ["number"]
    outports = ["sum"]

    def setup(self, ctx):
        self.sum = 0

    def run(self, ctx):
        self.sum += ctx["number"]
        ctx.done()

    def finalize(self, ctx):
        ctx.done({"sum": self.sum})


def test_a_chain_runs_and_is_a_graph():
    flow = numbers >> double >> negate
    assert flow.run(upto=3).outputs == {"negate": [0, -2, -4]}
    graph = flow.to_graph("chain")
    assert [node["id"] for node in graph.nodes()] == ["numbers", "double", "negate"]
    assert [c["from"]["nodeId"] for c in graph.to_json()["connections"]] == ["numbers", "double"]
    assert list(graph.to_json()["inports"]) == ["upto"]


def test_fan_out_and_fan_in():
    assert (numbers >> [double, negate]).run(upto=3).outputs == {"double": [0, 2, 4], "negate": [0, -1, -2]}
    both = numbers >> [double, negate] >> node(Total)
    assert both.run(upto=3).outputs == {"Total": [3]}
    assert ([node(numbers, name="left"), node(numbers, name="right")] >> node(Total)).run(
        {"left.upto": 3, "right.upto": 4}
    ).outputs == {"Total": [9]}


def test_steps_with_several_ports_are_wired_by_name():
    source = node(numbers)
    flow = pair(a=source >> double, b=source >> negate)
    assert flow.run(upto=3).outputs == {"pair": [[0, 0], [2, -1], [4, -2]]}
    assert pair(source >> double, source >> negate).run(upto=2).outputs == {"pair": [[0, 0], [2, -1]]}
    split = node(sort)
    assert (numbers >> split).run(upto=4).outputs == {"sort.even": [0, 2], "sort.odd": [1, 3]}
    assert (numbers >> split["odd"] >> double).run(upto=4).outputs == {"double": [2, 6]}


def test_keywords_are_config_or_the_packet_of_an_inport_with_a_default():
    assert (numbers >> scaled(by=10)).run(upto=3).outputs == {"scaled": [0, 10, 20]}
    assert (numbers >> above(limit=1)["number"]).run(upto=4).outputs == {"above": [False, False, True, True]}
    with pytest.raises(TypeError, match="takes a packet for every tick"):
        pair(a=1)


def test_a_keyword_that_a_function_cannot_see_is_refused():
    @actor
    def repeat(word, times=2):
        return word * times

    with pytest.raises(TypeError, match="`repeat` has no parameter `tiems`.*did you mean `times`"):
        repeat(tiems=3)
    with pytest.raises(TypeError, match="`repeat` has no parameter `colour`"):
        node(repeat, colour="red")
    with pytest.raises(TypeError, match="no parameter `x`"):
        node(lambda word: word, x=1)
    assert (repeat(times=3)).run(word="a").outputs == {"repeat": ["aaa"]}


def test_nodes_are_named_after_their_steps():
    flow = numbers >> double >> double >> node(double, name="last")
    assert repr(flow) == "<Flow of numbers, double, double_2, last>"
    assert flow.run(upto=2).outputs == {"last": [0, 8]}


def test_templates_instances_and_plain_functions_are_steps():
    total = Total()
    flow = numbers >> node("tpl_math_round", name="whole") >> node(total)
    assert flow.run(upto=4).outputs == {"Total": [6.0]}

    def half(number):
        return number / 2

    assert (numbers >> node(half)).run(upto=3).outputs == {"half": [0.0, 0.5, 1.0]}


def test_a_flow_inside_of_a_flow_is_the_same_nodes():
    tail = double >> negate
    assert (numbers >> tail).run(upto=2).outputs == {"negate": [0, -2]}
    shared = node(numbers)
    assert repr(Flow.__rshift__(shared, double) >> negate) == "<Flow of numbers, double, negate>"
    assert len((pair(a=shared, b=shared)).to_graph().nodes()) == 2


def test_what_is_not_clear_is_refused_with_words():
    with pytest.raises(TypeError, match=r"`pair` has the inports `a`, `b`; say which"):
        (numbers >> pair).to_graph()
    with pytest.raises(KeyError, match="there are `a`, `b`, `out`"):
        node(pair)["c"]
    with pytest.raises(TypeError, match="2 flows lead into it"):
        node(double, numbers, numbers)
    with pytest.raises(TypeError, match="no inport, so it cannot take packets"):

        class Source(Actor):
            outports = ["out"]

        (numbers >> node(Source)).to_graph()
    for step, words in (
        (5, "expected an Actor class, an Actor instance or another step of a flow, got 5"),
        ({double, pair}, "a fork is a list of steps"),
        ({"a": double}, "flows lead into inports by name where a step is called"),
        ([], "an empty list has no step"),
        (Fraction, r"to call it with what comes, give actor\(lambda value: Fraction\(value\)\)"),
        (lambda *values: values, r"takes \*values, and every inport needs a name"),
        (lambda **values: values, r"takes \*\*values, and every inport needs a name"),
    ):
        with pytest.raises(TypeError, match=words):
            numbers >> step


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (str, ["[3, 1]", "[2]"]),
        (tuple, [(3, 1), (2,)]),
        (max, [3, 2]),
        (sorted, [[1, 3], [2]]),
        (itemgetter(0), [3, 2]),
        (methodcaller("copy"), [[3, 1], [2]]),
        ("{}".format, ["[3, 1]", "[2]"]),
        (json.dumps, ["[3, 1]", "[2]"]),
        (lambda first, *rest, **more: [first, rest, more], [[[3, 1], (), {}], [[2], (), {}]]),
    ],
)
def test_what_is_built_in_gets_what_comes(step, expected):
    @actor
    def lists(n):
        yield from ([3, 1], [2])

    assert list((lists >> step).run(n=1).raise_for_failure().outputs.values()) == [expected]


def test_print_is_a_step(capsys):
    assert (numbers >> [print, double]).run(upto=2).outputs["double"] == [0, 2]
    assert capsys.readouterr().out == "0\n1\n"
    (numbers >> functools.partial(print, "number", end=";")).run(upto=2).raise_for_failure()
    assert capsys.readouterr().out == "number 0;number 1;"
    assert (numbers >> str >> functools.partial(int, base=2)).run(upto=2).outputs == {"int": [0, 1]}


def test_an_inport_without_a_value_is_told(caplog):
    assert (numbers >> double).run(upto=1).ok
    assert not caplog.records
    assert not (numbers >> double).run().ok
    assert (
        "nothing comes to the inport `numbers.upto`, so `numbers` does not run: give `run` a value, upto=…"
        in caplog.text
    )
    caplog.clear()
    node(pair, a=numbers).run(upto=1)
    assert [record.getMessage()[:40] for record in caplog.records] == ["nothing comes to the inport `pair.b`, so"]
    caplog.clear()
    assert actor(lambda x, factor=2: x * factor)(factor=3).run({"<lambda>.x": 1}).outputs == {"<lambda>": [3]}
    node(template_actor("tpl_http_request")).run()
    node("tpl_merge", a=numbers).run(upto=1)
    assert not caplog.records


def test_what_wire_leads_nowhere_leaves():
    @actor
    def inverse(x):
        return 1 / x

    @actor(outports=["even", "odd"])
    def sort(x):
        return {"odd" if x % 2 else "even": x}

    def reason(error):
        return error["reason"]

    safe = node(inverse, policy={"on_error": "route"})
    result = wire(safe, safe["error"] >> reason).run(x=iter([0, 1, 2]))
    assert result.outputs == {"inverse": [1.0, 0.5], "reason": ["ZeroDivisionError"]}
    parts = node(sort)
    assert wire(parts, parts["odd"] >> str).run(x=iter([0, 1, 2])).outputs == {"sort": [0, 2], "str": ["1"]}
    assert wire(double, actor(lambda double: double)).run(number=1).outputs == {"<lambda>": [2]}


def test_keys_of_policies_are_no_config():
    @actor
    def ask(text, ctx):
        return ctx.config.get("attempts")

    for step in (ask, double, Actor):
        with pytest.raises(TypeError, match=r"give it as policy=\{'attempts': 3\}"):
            node(step, attempts=3)
    assert ask(config={"attempts": 3}).run(text="").outputs == {"ask": [3]}


@pytest.mark.parametrize("is_async", [False, True])
def test_config_without_effect_is_told(caplog, is_async):
    flow = node("tpl_collect", cuont=2)
    result = asyncio.run(flow.run_async(input=1)) if is_async else flow.run(input=1)
    assert result.ok
    assert "config `cuont`: no such key; did you mean `count`?" in caplog.text
    caplog.clear()
    node("tpl_collect", count=2).run(input=1)
    assert not caplog.records


def test_a_flow_is_checked_like_its_network_and_runs_in_asyncio():
    assert (numbers >> double).check() == []
    result = asyncio.run((numbers >> double).run_async(upto=3))
    assert result.outputs == {"double": [0, 2, 4]}


def test_functions_stay_actor_classes():
    assert isinstance(double(), Actor)
    assert issubclass(double, Actor)


def test_steps_are_wired_by_their_names():
    def spend(n):
        return [float(day) for day in range(n)]

    def signups(n):
        return n

    def total(spend, scale=2):
        return scale * sum(spend)

    def report(total, signups):
        return total / signups

    flow = wire(spend, signups, total, report)
    assert flow.run(n=4).outputs == {"report": [3.0]}
    assert flow.run(n=iter([4, 2])).outputs == {"report": [3.0, 1.0]}
    assert flow.run({"spend.n": 4, "signups.n": 6}).outputs == {"report": [2.0]}
    graph = flow.to_graph()
    assert graph.get_connection("spend", "out", "total", "spend") is not None
    assert wire(spend, node(total, scale=3)).run(n=3).outputs == {"total": [9.0]}
    with pytest.raises(TypeError, match="two steps are called `total`"):
        wire(total, node(total))


def test_flows_side_by_side_and_circles():
    @actor(outports=["again", "good"])
    def judge(number):
        return {"good" if number > 3 else "again": number}

    step = node(double, name="step")
    judged = step >> node(judge)
    flow = wire(judged["again"] >> step, judged["good"])
    # 0 goes round for ever, so it is left out.
    assert sorted(flow.run({"step.number": iter([1, 2, 3])}, timeout=20).outputs["judge"]) == [4, 4, 6]


def test_a_flow_is_no_sequence_and_no_actor():
    with pytest.raises(TypeError, match="not iterable"):
        _, _ = numbers >> double
    with pytest.raises(TypeError, match="not iterable"):
        list(double)
    with pytest.raises(TypeError, match=r"`flow.network\(\)` makes a network of a flow"):
        Network().register_actor("a", numbers >> double)
    with pytest.raises(NetworkError, match="its inports are: `upto`"):
        (numbers >> double).run(up_to=3)


def test_a_flow_leads_into_the_only_inport_without_a_default():
    @actor
    def numbers(upto):
        yield from range(upto)

    @actor
    def scale(number, factor=10, offset=0):
        return number * factor + offset

    assert (numbers >> scale).run(upto=3).outputs == {"scale": [0, 10, 20]}
    assert (numbers >> scale(factor=2, offset=1)).run(upto=3).outputs == {"scale": [1, 3, 5]}
    assert scale(numbers, factor=3).run(upto=3).outputs == {"scale": [0, 3, 6]}


def even(x):
    if x % 2:
        raise ValueError("odd")
    return x


def same(x):
    return x


def both(even, same):
    return even, same


def test_an_iterator_for_inports_of_one_name_is_read_once_and_its_items_stay_together():
    async def later():
        for number in range(4):
            yield number

    flow = wire(even, same, both)
    for result in (flow.run(x=(number for number in range(4))), asyncio.run(flow.run_async(x=later()))):
        assert result.outputs == {"both": [(0, 0), (2, 2)]}
        assert set(result.nodes) == {"even", "same", "both", "x"}
    assert wire(even, same).run(x=2).outputs == {"even": [2], "same": [2]}
    value = object()
    assert node(same, name="a").run(x=iter([value])).outputs == {"a": [value]}
    assert wire(node(same, name="a"), node(same, name="b")).run(x=iter([value])).outputs == {"a": [value], "b": [value]}


def test_the_slowest_of_several_inports_sets_the_pace():
    go = threading.Event()
    read = itertools.count()
    many = 100_000

    def items():
        while next(read) < many:
            yield 0
        go.set()

    @actor
    def slow(x):
        go.wait(1)
        raise RuntimeError("enough")

    wire(actor(same), node(slow, policy={"on_error": "stop"})).run(x=items(), timeout=20)
    assert next(read) < many


def test_one_iterator_is_no_input_of_several_inports():
    flow, items = wire(even, same), iter([1, 2])
    with pytest.raises(TypeError, match="`even.x` and `same.x` are given the same iterator"):
        flow.run({"even.x": items, "same.x": items})
    with flow.network() as net:
        net.start()
        with pytest.raises(TypeError, match="the same iterator"):
            net.ask({"even.x": items, "same.x": items})


def test_what_comes_from_outside_is_given_once_and_clearly():
    flow = wire(even, same)
    with pytest.raises(TypeError, match="two values for the inport `x`, as `even.x` and by keyword"):
        flow.run({"even.x": 1}, x=2)
    with pytest.raises(TypeError, match="expected a mapping of inports"):
        flow.run(5)
    limited = node(lambda x, timeout: (x, timeout), name="limited")
    with pytest.raises(TypeError, match="the time limit of the run, or meant for the inport `limited.timeout`"):
        limited.run(x=1, timeout=5)
    assert limited.run({"timeout": 3}, x=1, timeout=20).outputs == {"limited": [(1, 3)]}


def test_inports_may_be_called_like_what_a_node_has():
    def greet(name, policy, component):
        return f"{name} {policy} {component}"

    assert node(greet, name=numbers, policy=numbers, component=numbers).run(upto=1).outputs == {"greet": ["0 0 0"]}
    assert actor(greet)(component=numbers, policy=numbers, name=numbers).run(upto=1).outputs == {"greet": ["0 0 0"]}
    with pytest.raises(TypeError, match="`greet`: the name of a node is a text, got 5"):
        node(greet, name=5)
    with pytest.raises(TypeError, match="`greet`: config must be a mapping, got 5"):
        node(greet, config=5)
    with pytest.raises(TypeError, match="`greet`: policy must be a mapping, got 'retry'"):
        node(greet, policy="retry")
    assert actor(lambda self, cls: [self, cls])(cls=numbers).run(self=1, upto=1).outputs == {"<lambda>": [[1, 0]]}


def test_what_a_graph_cannot_hold_is_refused_where_it_is_given():
    with pytest.raises(ConversionError, match=r"`above`: .*\[\"limit\"\]: .*functools.partial\(above, limit=…\)"):
        node(above, numbers, limit=len)
    with pytest.raises(ConversionError, match=r"`scaled`: its config cannot be in a graph: at \[\"by\"\]\[0\]"):
        node(scaled, numbers, by=[len])
    bound = functools.partial(lambda number, of: of(number), of=str)
    assert (numbers >> node(bound, name="bound")).run(upto=2).outputs == {"bound": ["0", "1"]}


def test_failures_and_what_has_no_partner_are_outports_of_every_step():
    @actor(join={"a": "id", "b": "id"})
    def matched(a, b):
        return a, b

    failing = node(even, numbers, policy={"on_error": "route"})
    notes = failing["error"] >> (lambda error: error["error"])
    assert notes.run(upto=2).outputs == {"<lambda>": ["ValueError: odd"]}
    pairs = matched(a=node(lambda: {"id": 1}, name="one"), b=node(lambda: {"id": 2}, name="two"))
    for alone in (pairs["unmatched"], pairs["unmatched"] >> node(same, name="rest")):
        (found,) = alone.run().outputs.values()
        assert sorted(packet["id"] for packet in found) == [1, 2]
    assert node(same)["unmatched"].run(x=1).outputs == {"same": []}
