"""Shapes and shaders of any depth: nodes that go around others cost the same however much is in them."""

import pytest

from offbit_reflow import Network


def chain(levels, source, link, port, target, wgsl):
    """A node, so many others around it, one after another, and what makes a program of all."""
    net = Network()
    net.add_node("n0", *source)
    for level in range(1, levels + 1):
        net.add_node(f"n{level}", *link)
        net.add_connection(f"n{level - 1}", port, f"n{level}", "input" if port == "shader" else "sdf")
    net.add_node("program", target)
    net.add_connection(f"n{levels}", port, "program", port)
    net.add_outport("wgsl", "program", wgsl)
    net.add_inport("begin", "n0", "_trigger" if port == "shader" else "trigger")
    return net


SHAPES = (("tpl_sdf_sphere", {}), ("tpl_sdf_translate", {"x": 0.5}), "sdf", "tpl_sdf_scene", "wgsl")
SHADERS = (("tpl_shader_const_float", {}), ("tpl_shader_clamp", {}), "shader", "tpl_shader_compiler", "wgsl")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("language", [SHAPES, SHADERS])
def test_a_chain_that_is_deeper_than_json_becomes_a_program(language):
    result = chain(1500, *language).run({"begin": True}, timeout=100)
    [program] = result.outputs["wgsl"]
    assert program.count("\n") > 1500


@pytest.mark.parametrize("language", [SHAPES, SHADERS])
def test_to_others_it_is_the_object_that_it_stands_for(language):
    net = chain(3, *language)
    net.add_outport("last", "n3", language[2])
    [node] = net.run({"begin": True}, timeout=20).outputs["last"]
    inner = "child" if language is SHAPES else "input"
    depth = 0
    while inner in node:
        node, depth = node[inner], depth + 1
    assert depth == 3
    assert node.get("primitive", node["type"]) in ("sphere", "constFloat")
