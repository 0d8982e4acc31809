"""Runs with many inputs: what they are asked for with is looked up once, and what is no message is refused."""

import asyncio

import pytest

from offbit_reflow import Network, actor


@actor
def double(x):
    return 2 * x


class Counted(Network):
    """Counts how often it is asked what it consists of."""

    looks = 0

    def _inports(self):
        self.looks += 1
        return super()._inports()

    def _nodes(self):
        self.looks += 1
        return super()._nodes()


def network(nodes, cls=Network):
    net = cls()
    net.register_actor("double", double)
    for number in range(nodes):
        net.add_node(f"n{number}", "double")
        net.add_inport(f"in{number}", f"n{number}", "x")
        net.add_outport(f"out{number}", f"n{number}", "out")
    return net


@pytest.mark.parametrize("name", ["in{}", "n{}.x"])
def test_each_is_not_looked_up_by_itself(name):
    looks = []
    for count in (3, 300):
        net = network(count, Counted)
        result = net.run(inputs={name.format(number): number for number in range(count)}, timeout=30)
        assert result.outputs == {f"out{number}": [2 * number] for number in range(count)}
        looks.append(net.looks)
    assert looks[0] == looks[1] < 6


def test_thousands_of_nodes_and_inputs():
    count = 3000
    result = network(count).run(inputs={f"in{number}": number for number in range(count)}, timeout=50)
    assert result.ok
    assert sum(values[0] for values in result.outputs.values()) == count * (count - 1)


def test_names_with_dots():
    net = Network()
    net.register_actor("double", double)
    net.add_node("a", "double")
    net.add_node("a.b", "double")
    net.add_outport("out", "a.b", "out")
    assert net.run(inputs={"a.b.x": 2}, timeout=10).outputs == {"out": [4]}


def test_an_asynchronous_iterator_is_for_run_async():
    async def numbers():
        yield 1
        yield 2

    net = network(1)
    with pytest.raises(TypeError, match=r"`in0` is an asynchronous iterator.*run_async"):
        net.run(inputs={"in0": numbers()})
    assert not net.is_running
    assert asyncio.run(net.run_async(inputs={"in0": numbers()}, timeout=10)).outputs == {"out0": [2, 4]}


def test_a_coroutine_is_no_message():
    async def number():
        return 1

    with pytest.raises(TypeError, match="`in0` is a coroutine"):
        network(1).run(inputs={"in0": number()})
    with pytest.raises(TypeError, match="await it first"):
        asyncio.run(network(1).run_async(inputs={"in0": number()}))


def test_run_async_records(tmp_path):
    path = tmp_path / "run.rfltrace"
    result = asyncio.run(network(1).run_async(inputs={"in0": 3}, record=path, timeout=10))
    assert result.outputs == {"out0": [6]}
    assert path.stat().st_size > 0
