"""How deep and how large a value may be, however it is made."""

import sys
import threading

import pytest

from offbit_reflow import Message, Network

LIMIT = 512


def nested(levels, leaf=1):
    for level in range(levels):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def depth(value):
    levels = 0
    while isinstance(value, (list, dict)):
        levels += 1
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return levels


def test_a_message_holds_what_is_nested_up_to_the_limit():
    message = Message.object(nested(LIMIT))
    assert depth(message.data()) == LIMIT
    assert depth(message.as_json()["data"]) == LIMIT
    with pytest.raises(ValueError, match="512 levels"):
        Message.object(nested(LIMIT + 1))


def test_a_container_that_holds_itself_is_refused():
    loop = []
    loop.append({"again": loop})
    with pytest.raises(ValueError, match="holds itself"):
        Message.array(loop)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("around", [lambda one: [one, one], lambda one: (one, one), lambda one: {"a": one, "b": one}])
def test_what_is_shared_is_converted_once(around):
    """Its size is that of what it would be written out: that is known, and refused, before it is made."""
    shared, more = [1], [1]
    for _ in range(12):
        shared = around(shared)
    message = Message.array([shared, shared])
    assert message.data() == [list(shared) if isinstance(shared, tuple) else shared] * 2 or isinstance(shared, tuple)
    for _ in range(40):
        more = around(more)
    with pytest.raises(ValueError, match="a value would take about"):
        Message.array([more])


def test_a_shared_part_counts_with_its_depth():
    part = nested(LIMIT - 2)
    Message.array([part, [part]])
    with pytest.raises(ValueError, match="512 levels"):
        Message.array([part, [[part]]])


def test_tuples_in_tuples_take_no_stack():
    def tuples(levels):
        value = [1]
        for _ in range(levels - 1):
            value = (value,)
        return value

    def levels(value):
        count = 0
        while isinstance(value, (tuple, list)):
            count, value = count + 1, value[0]
        return count

    found = []

    def work():
        original = tuples(LIMIT - 1)
        message = Message.from_value(original)
        found.append((levels(message.data()), levels(original)))
        try:
            Message.from_value(tuples(LIMIT + 1))
        except ValueError as error:
            found.append(str(error))

    before = threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert found[0] == (LIMIT - 1, LIMIT - 1)
    assert "512 levels" in found[1]


def test_small_stacks_are_enough_for_legal_depth():
    found = []

    def work():
        message = Message.object(nested(LIMIT))
        same = message == Message.object(nested(LIMIT))
        found.append((depth(message.data()), depth(message.as_json()), same, len(repr(message)) > 0, hash(message)))

    before = threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert found[0][:4] == (LIMIT, LIMIT + 1, True, True)


@pytest.mark.parametrize(
    ("component", "config", "outport", "inport"),
    [
        ("tpl_collect", {"count": 1}, "output", "input"),
        ("tpl_merge", {"mode": "array", "wait": False}, "output", "a"),
        ("tpl_signal", {"event": "x"}, "signal", "trigger"),
    ],
)
def test_a_loop_that_wraps_its_own_output_fails_at_the_limit(component, config, outport, inport):
    net = Network()
    net.add_node("c", component, config)
    net.add_connection("c", outport, "c", inport)
    net.add_initial("c", inport, 1)
    with net:
        net.start()
        net.wait(timeout=20)
        failures = net.result().failures
    assert failures
    assert failures[0].node == "c"
    assert "nested more than 512 levels" in failures[0].error


def test_a_chain_of_collects_passes_what_is_legal_and_fails_beyond():
    net = Network()
    count = 600
    for number in range(count):
        net.add_node(f"c{number}", "tpl_collect", {"count": 1})
        net.add_outport(f"o{number}", f"c{number}", "output")
    for number in range(count - 1):
        net.add_connection(f"c{number}", "output", f"c{number + 1}", "input")
    result = net.run(inputs={"c0.input": 1}, timeout=30)
    depths = [depth(values[0]) for values in result.outputs.values() if values]
    assert LIMIT - 2 <= max(depths) <= LIMIT
    assert len(result.failures) == 1
    assert "512 levels" in result.failures[0].error


def test_what_is_shared_counts_as_often_as_it_occurs():
    bomb = ["x" * 50]
    for _ in range(40):
        bomb = [bomb, bomb]
    with pytest.raises(ValueError, match="MiB"):
        Message.array(bomb)


def test_errors_of_conversions_name_the_place():
    with pytest.raises(ValueError, match=r'python → json: at \["a"\]\[1\]: a value of type complex has no JSON form'):
        Message.object({"a": [1, 2j]})
    with pytest.raises(ValueError, match=r'at \["a"\]: the keys of a mapping must be str, got int'):
        Message.object({"a": {1: 2}})


def test_a_value_is_written_as_deep_as_it_is_read():
    assert sys.getrecursionlimit() > LIMIT
    value = nested(LIMIT)
    assert Message.object(value).data() == value
