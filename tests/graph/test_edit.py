"""Every edit of a graph, and what follows from it."""

from __future__ import annotations

import pytest

from offbit_reflow import Graph, Message, Network
from offbit_reflow.exceptions import GraphError

from .actors import Forward, ends, wire_graph


class TestNodes:
    def test_a_taken_id_is_left_alone(self):
        graph = Graph()
        graph.add_node("a", "first", {"width": 1})
        graph.add_node("a", "second")
        assert graph.nodes() == [{"id": "a", "component": "first", "metadata": {"width": 1}}]

    def test_get_node_gives_a_copy(self):
        graph = Graph()
        graph.add_node("a", "x", {"deep": [1]})
        graph.get_node("a")["metadata"]["deep"].append(2)
        assert graph.get_node("a")["metadata"] == {"deep": [1]}
        assert graph.get_node("b") is None

    @pytest.mark.parametrize("metadata", [1, "text", [1], object()])
    def test_metadata_must_be_a_mapping(self, metadata):
        with pytest.raises(ValueError, match=r"metadata|python"):
            Graph().add_node("a", "x", metadata)

    def test_removal_takes_everything_of_the_node_along(self):
        graph = wire_graph("a>b b>c a>c c>c")
        graph.add_initial("c", "in", 1)
        graph.add_initial("a", "in", 2)
        graph.add_inport("door", "c", "in")
        graph.add_outport("exit", "c", "out")
        graph.add_group("only", ["c"])
        graph.add_group("both", ["a", "c"])
        graph.remove_node("c")
        assert ends(graph) == [("a", "out", "b", "in")]
        assert [initial["data"] for initial in graph.initializers()] == [2]
        assert graph.inports() == {} == graph.outports()
        assert [(group["id"], group["nodes"]) for group in graph.groups()] == [("both", ["a"])]
        graph.add_node("c", "forward")
        graph.add_connection("b", "out", "c", "in")
        assert graph.get_connection("b", "out", "c", "in") is not None

    def test_renaming_takes_everything_along(self):
        graph = wire_graph("a>b b>b")
        graph.add_initial("b", "in", 1)
        graph.add_inport("door", "b", "in")
        graph.add_outport("exit", "b", "out")
        graph.add_group("g", ["a", "b"])
        graph.rename_node("b", "z")
        assert ends(graph) == [("a", "out", "z", "in"), ("z", "out", "z", "in")]
        assert graph.initializers()[0]["to"]["nodeId"] == "z"
        assert graph.inports()["door"]["nodeId"] == "z" == graph.outports()["exit"]["nodeId"]
        assert graph.groups()[0]["nodes"] == ["a", "z"]
        assert graph.get_node("z")["id"] == "z"

    def test_renaming_onto_another_node_is_refused(self):
        graph = wire_graph("a>b")
        with pytest.raises(GraphError, match="there is a node `b` already"):
            graph.rename_node("a", "b")
        graph.rename_node("nobody", "b")
        graph.rename_node("a", "a")
        assert [node["id"] for node in graph.nodes()] == ["a", "b"]

    @pytest.mark.parametrize("nothing", [{}, None])
    def test_metadata_merges_and_nothing_clears_it(self, nothing):
        graph = Graph()
        graph.add_node("a", "x", {"one": 1, "two": 2})
        graph.set_node_metadata("a", {"two": None, "three": 3})
        assert graph.get_node("a")["metadata"] == {"one": 1, "two": None, "three": 3}
        graph.set_node_metadata("a", nothing)
        assert not graph.get_node("a")["metadata"]


class TestConnections:
    def test_both_nodes_must_exist_and_once_is_enough(self):
        graph = wire_graph("a>b")
        graph.add_connection("a", "out", "nobody", "in")
        graph.add_connection("nobody", "out", "a", "in")
        graph.add_connection("a", "OUT", "b", "In")
        assert ends(graph) == [("a", "out", "b", "in")]

    def test_port_names_fold_but_ids_do_not(self):
        graph = Graph()
        for node in ("A", "a"):
            graph.add_node(node, "x")
        graph.add_connection("A", "Out", "a", "IN")
        assert ends(graph) == [("A", "out", "a", "in")]
        assert graph.get_connection("A", "oUT", "a", "in")
        assert graph.get_connection("a", "out", "a", "in") is None
        exact = Graph(case_sensitive=True)
        exact.add_node("a", "x")
        exact.add_connection("a", "Out", "a", "In")
        assert exact.get_connection("a", "out", "a", "in") is None
        assert exact.get_connection("a", "Out", "a", "In")

    def test_removal_is_exact_and_repeatable(self):
        graph = wire_graph("a>b")
        graph.add_connection("a", "other", "b", "in")
        graph.remove_connection("a", "OUT", "b", "in")
        graph.remove_connection("a", "out", "b", "in")
        assert graph.get_connection("a", "out", "b", "in") is None
        assert ends(graph) == [("a", "other", "b", "in")]
        graph.add_connection("a", "out", "b", "in")
        assert graph.connection_count == 2

    def test_graph_ports_of_the_same_name_do_not_capture_connections(self):
        graph = wire_graph("a>b z")
        graph.add_outport("out2", "z", "out")
        graph.add_connection("a", "out2", "b", "in")
        graph.add_inport("in2", "z", "in")
        graph.add_initial("b", "in2", 5)
        assert ("a", "out2", "b", "in") in ends(graph)
        assert graph.initializers()[0]["to"]["nodeId"] == "b"

    def test_metadata_merges(self):
        graph = wire_graph("a>b")
        graph.set_connection_metadata("a", "out", "b", "in", {"capacity": 3})
        graph.set_connection_metadata("a", "Out", "b", "in", {"colour": "red"})
        graph.set_connection_metadata("a", "out", "b", "in", {})
        assert graph.get_connection("a", "out", "b", "in")["metadata"] == {"capacity": 3, "colour": "red"}


class TestInitials:
    def test_they_are_numbered_in_order_and_keep_their_data(self):
        graph = wire_graph("a b")
        for data in ({"type": "Flow"}, 1.0, 1, "text", [1, {"b": None}], None):
            graph.add_initial("a", "In", data)
        initials = graph.initializers()
        assert [initial["to"]["index"] for initial in initials] == [0, 1, 2, 3, 4, 5]
        assert [initial["data"] for initial in initials] == [{"type": "Flow"}, 1.0, 1, "text", [1, {"b": None}], None]
        assert isinstance(initials[1]["data"], float)
        assert isinstance(initials[2]["data"], int)
        assert {initial["to"]["portId"] for initial in initials} == {"in"}
        assert set(initials[0]) == {"data", "metadata", "to"}

    def test_any_index_may_be_given(self):
        graph = wire_graph("a")
        graph.add_initial_index("a", "in", "x", 7)
        assert graph.initializers()[0]["to"]["index"] == 7
        with pytest.raises(OverflowError):
            graph.add_initial_index("a", "in", "x", -1)

    def test_removal_takes_all_of_a_port_and_the_rest_still_loads(self):
        graph = wire_graph("a b")
        for node, port in [("a", "in"), ("b", "in"), ("a", "in"), ("a", "other")]:
            graph.add_initial(node, port, f"{node}.{port}")
        graph.remove_initial("a", "IN")
        assert [initial["data"] for initial in graph.initializers()] == ["b.in", "a.other"]
        assert Graph.from_json(graph.to_json()) == graph
        graph.remove_node("a")
        assert len(graph.initializers()) == 1

    def test_messages_and_bytes_are_tagged(self):
        graph = wire_graph("a")
        graph.add_initial("a", "in", Message.integer(3))
        graph.add_initial("a", "in", b"\x01")
        tagged = [{"type": "Integer", "data": 3}, {"type": "Bytes", "data": [1]}]
        assert [initial["data"] for initial in graph.initializers()] == tagged
        with pytest.raises(ValueError, match="python"):
            graph.add_initial("a", "in", object())

    def test_graph_initials_go_through_a_graph_inport(self):
        graph = wire_graph("a")
        graph.add_inport("Door", "a", "in")
        graph.add_graph_initial("DOOR", 1)
        graph.add_graph_initial_index("door", 2, 9, {"m": 1})
        graph.add_graph_initial("nowhere", 3)
        graph.add_initial("a", "in", 4)
        ends = [tuple(i["to"][key] for key in ("nodeId", "portId", "portName", "index")) for i in graph.initializers()]
        assert ends == [("a", "door", "in", 0), ("a", "door", "in", 9), ("a", "in", "", 2)]
        assert [i["data"] for i in graph.initializers()] == [1, 2, 4]
        again = Graph.from_json(graph.to_json())
        graph.remove_initial("a", "in")
        assert [i["data"] for i in graph.initializers()] == [1, 2]
        again.remove_graph_initial("door")
        assert [i["data"] for i in again.initializers()] == [4]

    def test_graph_initials_arrive_at_the_node_behind(self):
        graph = wire_graph("a", component="forward")
        graph.add_inport("door", "a", "in")
        graph.add_graph_initial("door", 1)
        graph.add_outport("out", "a", "out")
        net = Network.from_graph(graph)
        net.register_actor("forward", Forward)
        assert net.run(timeout=15).outputs == {"out": [1]}


class TestGraphPorts:
    @pytest.mark.parametrize("side", ["inport", "outport"])
    def test_they_keep_type_and_metadata_and_replace(self, side):
        graph = wire_graph("a b")
        add, ports = getattr(graph, f"add_{side}"), getattr(graph, f"{side}s")
        array = {"type": "array", "value": {"type": "object", "value": "Point"}}
        add("p", "a", "key", array, {"m": 1})
        add("q", "nobody", "key")
        entry = ports()["p"]
        assert (entry["nodeId"], entry["portId"], entry["portName"], entry["expose"]) == ("a", "p", "key", False)
        assert entry["portType"] == array
        assert list(ports()) == ["p"]
        add("P", "b", "key", "integer")
        assert ports()["p"]["nodeId"] == "b"
        assert ports()["p"]["portType"] == {"type": "integer"}
        with pytest.raises(RuntimeError, match="port_type"):
            add("p", "a", "key", {"type": "nonsense"})

    @pytest.mark.parametrize("side", ["inport", "outport"])
    def test_renaming_metadata_and_removal(self, side):
        graph = wire_graph("a b")
        add, ports = getattr(graph, f"add_{side}"), getattr(graph, f"{side}s")
        add("p", "a", "key", "float")
        add("taken", "b", "key")
        getattr(graph, f"rename_{side}")("p", "taken")
        assert list(ports()) == ["taken"]
        assert ports()["taken"]["portId"] == "taken"
        assert ports()["taken"]["portName"] == "key"
        assert ports()["taken"]["nodeId"] == "a"
        getattr(graph, f"set_{side}_metadata")("TAKEN", {"x": 1})
        assert ports()["taken"]["metadata"] == {"x": 1}
        getattr(graph, f"remove_{side}")("taken")
        getattr(graph, f"remove_{side}")("taken")
        assert ports() == {}


class TestGroups:
    def test_members_come_and_go(self):
        graph = wire_graph("a b")
        graph.add_group("g", ["a", "ghost"])
        graph.add_group("g", ["b"])
        graph.add_to_group("g", "b")
        graph.add_to_group("g", "b")
        graph.add_to_group("nowhere", "b")
        assert graph.groups()[0]["nodes"] == ["a", "ghost", "b"]
        assert graph.groups_of("b") == ["g"]
        for node in ("a", "b", "ghost"):
            graph.remove_from_group("g", node)
        assert graph.groups()[0]["nodes"] == []
        graph.remove_group("g")
        assert graph.groups() == []

    def test_members_of_add_group_leave_with_their_node(self):
        graph = wire_graph("a b")
        graph.add_group("g", ["a", "b"])
        graph.remove_node("a")
        assert graph.groups()[0]["nodes"] == ["b"]

    def test_metadata_merges_also_into_nothing(self):
        graph = wire_graph("a")
        graph.add_group("g", ["a"])
        graph.set_group_metadata("g", {"colour": "red"})
        graph.set_group_metadata("g", {"size": 2})
        assert graph.groups()[0]["metadata"] == {"colour": "red", "size": 2}


def test_properties_never_rename():
    graph = Graph("mine")
    graph.set_properties({"name": "other", "owner": "me"})
    assert graph.properties() == {"name": "other", "owner": "me"}
    assert graph.to_json()["properties"] == {"name": "mine", "owner": "me"}
    graph.set_properties(None)
    assert graph.properties() == {}
    with pytest.raises(ValueError, match="properties"):
        graph.set_properties([1])


def test_a_thousand_changes_and_more():
    graph = Graph()
    for number in range(3000):
        graph.add_node(str(number), "x")
    assert graph.node_count == 3000


def test_wrong_argument_types_are_type_errors():
    graph = Graph()
    for call in (lambda: graph.add_node(1, "x"), lambda: graph.add_group("g", "text"), lambda: Graph(name=3)):
        with pytest.raises(TypeError):
            call()
