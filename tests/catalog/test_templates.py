"""The bundled templates, as Python programs find them."""

import pytest

from offbit_reflow import Network, template_actor, template_info, template_list


def test_the_list_is_sorted_and_has_no_doubles():
    ids = template_list()
    assert ids == sorted(set(ids))
    assert {"tpl_math_add", "tpl_passthrough", "tpl_http_request"} <= set(ids)


def test_every_template_has_a_handle_and_tells_its_ports():
    for template in template_list():
        info = template_info(template)
        assert info["id"] == template
        assert info["summary"]
        assert all(port["name"] for port in info["inports"] + info["outports"])


@pytest.mark.parametrize("template", ["tpl_math_ad", ""])
def test_an_unknown_template_is_a_value_error_with_its_name(template):
    with pytest.raises(ValueError, match=template or "``"):
        template_actor(template)
    with pytest.raises(TypeError):
        template_actor(5)


def test_a_template_runs_without_being_registered():
    with Network() as net:
        net.add_node("sum", "tpl_math_add")
        net.add_outport("sum", "sum", "result")
        assert net.run(inputs={"sum.a": 2, "sum.b": 3}, timeout=10).outputs == {"sum": [5]}


def test_a_handle_can_be_registered_under_any_id_and_twice():
    handle = template_actor("tpl_passthrough")
    with Network() as net:
        net.register_actor("one", handle)
        net.register_actor("two", handle)
        net.add_node("a", "one")
        net.add_node("b", "two")
        port = template_info("tpl_passthrough")
        net.add_connection("a", port["outports"][0]["name"], "b", port["inports"][0]["name"])
        net.add_outport("out", "b", port["outports"][0]["name"])
        result = net.run(inputs={f"a.{port['inports'][0]['name']}": "x"}, timeout=10)
    assert result.outputs == {"out": ["x"]}
