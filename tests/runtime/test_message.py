"""`Message`: kinds, wire shapes, accessors."""

from __future__ import annotations

import collections
import copy
import enum
import json
import math
import pickle
import sys

import pytest

import offbit_reflow
from offbit_reflow import ActorCallContext, Message, Stream, StreamReader

WIRES = [
    {"type": "Flow"},
    {"type": "Boolean", "data": True},
    {"type": "Integer", "data": -(2**63)},
    {"type": "Integer", "data": 2**63 - 1},
    {"type": "Float", "data": 2.0},
    {"type": "String", "data": "grüße 🌍"},
    {"type": "Error", "data": "no"},
    {"type": "Object", "data": {"a": [1, 2.0, None, {"b": "c"}]}},
    {"type": "Object", "data": 7},
    {"type": "Array", "data": [1, "two", [3.5], {"four": None}]},
    {"type": "Array", "data": []},
    {"type": "Bytes", "data": [0, 127, 255]},
    {"type": "Bytes", "data": []},
    {"type": "Encoded", "data": [1, 2, 3]},
    {"type": "Optional", "data": None},
    {"type": "Optional", "data": {"x": 1}},
    {"type": "Event", "data": {"what": "click"}},
    {"type": "Any", "data": [1, 2]},
    {
        "type": "StreamHandle",
        "data": {"stream_id": 2**60, "origin_actor": "a", "origin_port": "p", "content_type": None, "size_hint": 5},
    },
    {"type": "RemoteReference", "data": {"network_id": "n", "actor_id": "a", "port": "p"}},
    {"type": "NetworkEvent", "data": {"event_type": "HeartbeatMissed", "data": {"k": 1}}},
]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire["type"])
def test_wire_shape_goes_both_ways(wire):
    message = Message.from_json(wire)
    assert message.kind == wire["type"]
    assert message.as_json() == wire
    assert ("data" in message.as_json()) == ("data" in wire)
    assert json.loads(json.dumps(message.as_json())) == wire


@pytest.mark.parametrize("event", ["ActorRegistered", "ActorUnregistered", "NetworkConnected", "NetworkDisconnected"])
def test_network_event_words(event):
    wire = {"type": "NetworkEvent", "data": {"event_type": event, "data": None}}
    assert Message.from_json(wire).as_json() == wire


@pytest.mark.parametrize(
    ("message", "kind", "data"),
    [
        (Message.flow(), "Flow", None),
        (Message.boolean(False), "Boolean", False),
        (Message.integer(5), "Integer", 5),
        (Message.integer(True), "Integer", 1),
        (Message.float(1.5), "Float", 1.5),
        (Message.float(2**70), "Float", float(2**70)),
        (Message.string("x"), "String", "x"),
        (Message.bytes(b"ab"), "Bytes", None),
        (Message.error("bad"), "Error", "bad"),
        (Message.object({"a": 1}), "Object", {"a": 1}),
        (Message.object(None), "Object", None),
        (Message.object([1]), "Object", [1]),
        (Message.array((1, 2)), "Array", [1, 2]),
        (Message.array(range(3)), "Array", [0, 1, 2]),
        (Message.array(collections.deque([1])), "Array", [1]),
        (Message.array({5}), "Array", [5]),
        (Message.array(frozenset([5])), "Array", [5]),
        (Message.from_json({"type": "Optional", "data": 3}), "Optional", 3),
        (Message.from_json({"type": "Encoded", "data": [255]}), "Encoded", None),
    ],
)
def test_constructors_and_data(message, kind, data):
    assert message.kind == kind
    assert message.data() == data
    assert type(message.data()) is type(data)


@pytest.mark.parametrize(
    ("make", "value", "error"),
    [
        (Message.boolean, 1, TypeError),
        (Message.boolean, None, TypeError),
        (Message.integer, 1.0, TypeError),
        (Message.integer, "1", TypeError),
        (Message.integer, 2**63, OverflowError),
        (Message.integer, -(2**63) - 1, OverflowError),
        (Message.integer, 10**300, OverflowError),
        (Message.float, "1", TypeError),
        (Message.float, 10**400, OverflowError),
        (Message.string, 5, TypeError),
        (Message.string, b"x", TypeError),
        (Message.string, "\ud800", UnicodeEncodeError),
        (Message.bytes, "text", TypeError),
        (Message.bytes, [1, 2], TypeError),
        (Message.error, None, TypeError),
        (Message.error, "\udfff", UnicodeEncodeError),
        (Message.object, object(), ValueError),
        (Message.object, {1: 2}, ValueError),
        (Message.object, {"a": b"x"}, ValueError),
        (Message.object, 2**64, ValueError),
        (Message.object, 1j, ValueError),
        (Message.object, (i for i in range(3)), ValueError),
        (Message.array, {"a": 1}, ValueError),
        (Message.array, "abc", ValueError),
        (Message.array, 5, ValueError),
        (Message.array, None, ValueError),
    ],
)
def test_constructors_refuse(make, value, error):
    with pytest.raises(error):
        make(value)


@pytest.mark.parametrize("make", [Message.object, Message.from_json, lambda value: Message.array([value])])
def test_lone_surrogates_inside_data_are_an_encode_error(make):
    with pytest.raises(UnicodeEncodeError):
        make({"type": "String", "data": "\ud800"})
    with pytest.raises(UnicodeEncodeError):
        make({"\ud800": 1, "type": "Object", "data": {"\ud800": 1}})


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "integer", "data": 1},
        {"type": "Nothing", "data": 1},
        {"data": 1},
        {},
        {"type": 5, "data": 1},
        {"type": None},
        {"type": "Flow", "data": 1},
        {"type": "Integer"},
        {"type": "Integer", "data": 1.0},
        {"type": "Integer", "data": True},
        {"type": "Integer", "data": "5"},
        {"type": "Integer", "data": None},
        {"type": "Integer", "data": 2**63},
        {"type": "Float", "data": None},
        {"type": "Float", "data": "1"},
        {"type": "Boolean", "data": 0},
        {"type": "String", "data": 5},
        {"type": "Error", "data": None},
        {"type": "Bytes", "data": [256]},
        {"type": "Bytes", "data": [-1]},
        {"type": "Bytes", "data": "abc"},
        {"type": "Object"},
        {"type": "Any"},
        {"type": "Event"},
        {"type": "Array", "data": {}},
        {"type": "StreamHandle", "data": {"stream_id": -1, "origin_actor": "", "origin_port": ""}},
        {"type": "StreamHandle", "data": {"origin_actor": "", "origin_port": ""}},
        {"type": "RemoteReference", "data": {"network_id": "n"}},
        {"type": "NetworkEvent", "data": {"event_type": "Nonsense", "data": 1}},
        "Integer",
        5,
        None,
    ],
    ids=str,
)
def test_from_json_refuses(wire):
    with pytest.raises(RuntimeError) as caught:
        Message.from_json(wire)
    assert isinstance(caught.value, offbit_reflow.ReflowError)


def test_from_json_is_lenient_where_promised():
    assert Message.from_json({"type": "Flow", "data": None}).kind == "Flow"
    assert Message.from_json({"data": 1, "type": "Integer", "extra": "ignored"}).as_integer() == 1
    widened = Message.from_json({"type": "Float", "data": 3})
    assert (widened.as_float(), type(widened.as_float())) == (3.0, float)
    assert Message.from_json({"type": "Optional"}).as_json() == {"type": "Optional", "data": None}
    handle = {"stream_id": 2**61, "origin_actor": "a", "origin_port": "b"}
    full = {"type": "StreamHandle", "data": {**handle, "content_type": None, "size_hint": None}}
    assert Message.from_json({"type": "StreamHandle", "data": handle}).as_json() == full
    message = Message.integer(3)
    assert Message.from_json(message) == message
    assert Message.from_json(collections.OrderedDict(type="Integer", data=4)).as_integer() == 4


ACCESSORS = {
    "as_boolean": ("Boolean", True),
    "as_integer": ("Integer", 7),
    "as_float": ("Float", 0.5),
    "as_string": ("String", "s"),
    "as_bytes": ("Bytes", b"b"),
}


@pytest.mark.parametrize("accessor", ACCESSORS)
@pytest.mark.parametrize(
    "message",
    [
        Message.flow(),
        Message.boolean(True),
        Message.integer(7),
        Message.float(0.5),
        Message.string("s"),
        Message.bytes(b"b"),
        Message.object({}),
        Message.array([]),
    ],
    ids=lambda message: message.kind,
)
def test_accessors_answer_for_their_own_kind_only(accessor, message):
    kind, value = ACCESSORS[accessor]
    assert getattr(message, accessor)() == (value if message.kind == kind else None)


def test_as_string_answers_for_errors_too():
    assert Message.error("oh").as_string() == "oh"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_kept(value):
    message = Message.float(value)
    for shown in (message.as_float(), message.data(), Message.object({"x": value}).data()["x"]):
        assert shown == value or (math.isnan(shown) and math.isnan(value))
    assert message.as_json() == {"type": "Float", "data": None}
    assert Message.object({"x": [value]}).as_json() == {"type": "Object", "data": {"x": [None]}}


def test_bytes_by_reference():
    payload = bytes(range(256)) * 100
    assert Message.bytes(payload).as_bytes() is payload


@pytest.mark.parametrize("source", [bytearray(b"abc"), memoryview(b"abc"), memoryview(bytearray(b"xabcx"))[1:4]])
def test_buffers_are_copied_when_they_can_change(source):
    message = Message.bytes(source)
    assert message.as_bytes() == b"abc"
    if isinstance(source, bytearray):
        source[0] = 0
        assert message.as_bytes() == b"abc"


def test_numpy_arrays_are_bytes():
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6, dtype="<u2").reshape(2, 3)
    assert Message.bytes(array).as_bytes() == array.tobytes()
    with pytest.raises(ValueError, match="contiguous"):
        Message.bytes(array.T)


def test_value_equality_and_hash():
    assert Message.integer(1) == Message.integer(1)
    assert Message.integer(1) != Message.float(1.0)
    assert Message.string("a") != Message.error("a")
    assert Message.object({"a": [1]}) == Message.object({"a": [1]})
    assert Message.float(0.0) == Message.float(-0.0)
    assert hash(Message.float(0.0)) == hash(Message.float(-0.0))
    assert len({Message.string("a"), Message.string("a"), Message.string("b")}) == 2
    assert Message.integer(1) != 1
    assert all([Message.flow(), Message.boolean(False), Message.integer(0), Message.string("")])


@pytest.mark.parametrize(
    "wire", [wire for wire in WIRES if wire["type"] != "StreamHandle"], ids=lambda wire: wire["type"]
)
def test_pickle_and_copy(wire):
    message = Message.from_json(wire)
    for again in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert again == message
        assert again.kind == message.kind


def test_pickle_keeps_nan():
    assert math.isnan(pickle.loads(pickle.dumps(Message.float(math.nan))).as_float())


def test_what_belongs_to_this_process_is_not_pickled():
    for message in (Message.any(object()), Stream.create().into_message()):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(message)


def test_messages_are_immutable_and_final():
    message = Message.integer(1)
    with pytest.raises(AttributeError):
        message.kind = "Float"
    with pytest.raises(AttributeError):
        message.other = 1
    with pytest.raises(TypeError):
        type("Mine", (Message,), {})


@pytest.mark.parametrize("cls", [Message, Stream, StreamReader, ActorCallContext])
def test_native_classes_have_no_constructor(cls):
    with pytest.raises(TypeError):
        cls()


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire["type"])
def test_reprs_are_short_and_name_the_kind(wire):
    text = repr(Message.from_json(wire))
    assert wire["type"].lower() in text.lower()
    assert len(text) < 150
    assert len(repr(Message.string("x" * 10_000))) < 150


def test_any_carries_the_very_object():
    marker = object()
    assert Message.any(marker).data() is marker
    assert Message.any(marker).kind == "Any"
    json.dumps(Message.any(marker).as_json())


def test_data_is_a_copy_each_time():
    message = Message.object({"a": [1]})
    message.data()["a"].append(2)
    assert message.data() == {"a": [1]}


def test_user_data_is_copied_when_the_message_is_made():
    data = {"a": [1]}
    message = Message.object(data)
    data["a"].append(2)
    assert message.data() == {"a": [1]}


@pytest.mark.parametrize("depth", [1, 127, 128, 500, 5_000, 100_000])
def test_deep_nesting_is_kept_or_refused(depth):
    data: list = []
    for _ in range(depth):
        data = [data]
    try:
        shown = Message.array(data).data()
    except (ValueError, RecursionError):
        assert depth > 500
        return
    for _ in range(depth):
        (shown,) = shown
    assert shown == []


@pytest.mark.parametrize("kind", ["list", "dict", "wide"])
def test_self_reference_is_refused(kind):
    if kind == "list":
        data: object = []
        data.append(data)
    elif kind == "dict":
        data = {}
        data["me"] = data
    else:
        data = []
        data.extend([data] * 100)
    for make in (Message.object, Message.from_value):
        with pytest.raises((ValueError, RecursionError)):
            make(data)


def test_enums_stand_for_their_values():
    color = enum.IntEnum("color", {"RED": 3})
    shape = enum.Enum("shape", {"ROUND": "round"}, type=str)
    assert Message.object({"c": color.RED, "s": shape.ROUND, shape.ROUND: 1}).data() == {
        "c": 3,
        "s": "round",
        "round": 1,
    }


def test_containers_that_convert():
    data = {
        "tuple": (1, 2),
        "set": {1},
        "frozenset": frozenset(["x"]),
        "deque": collections.deque([1]),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(int, b=2),
        "big": 2**64 - 1,
        "small": -(2**63),
        "float": 2.0,
        "bool": True,
    }
    shown = Message.object(data).data()
    assert shown == {
        "tuple": [1, 2],
        "set": [1],
        "frozenset": ["x"],
        "deque": [1],
        "ordered": {"a": 1},
        "default": {"b": 2},
        "big": 2**64 - 1,
        "small": -(2**63),
        "float": 2.0,
        "bool": True,
    }
    assert type(shown["float"]) is float
    assert type(shown["bool"]) is bool


def test_conversion_errors_say_where_they_come_from():
    with pytest.raises(ValueError, match="^python → json: "):
        Message.object({"a": [object()]})


def test_a_container_that_changes_while_it_is_read_is_an_error_or_a_snapshot():
    outer: dict = {}

    class Meddler(collections.UserDict):
        def items(self):
            outer.update({str(number): number for number in range(1000)})
            return []

    outer.update(a=Meddler(), b=1)
    try:
        shown = Message.object(outer).data()
    except (RuntimeError, ValueError):
        return
    assert shown["b"] == 1


def test_an_error_in_user_code_of_a_container_comes_through():
    class Broken(collections.UserDict):
        def items(self):
            raise LookupError("my own")

    with pytest.raises(LookupError, match="my own"):
        Message.object({"a": Broken()})


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes have buffers of their own from 3.12 on")
def test_bytes_of_an_object_that_gives_another_buffer_each_time():
    """The memory that is read is that of the buffer that is held."""

    class Fresh:
        def __buffer__(self, flags):
            return memoryview(bytearray(b"A" * 100_000))

    messages = [Message.bytes(Fresh()) for _ in range(20)]
    others = [bytearray(b"Q" * 100_000) for _ in range(20)]
    assert all(message.as_bytes() == b"A" * 100_000 for message in messages), others[0][:1]
