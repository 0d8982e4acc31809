"""`reflow components` and `pack`, on a catalog made for the test."""

import json

import pytest

import offbit_reflow
from offbit_reflow.cli import main

INFO = {
    "id": "tpl_math_add",
    "title": "Add",
    "category": "math",
    "summary": "Adds two numbers.",
    "documentation": "The sum of `a` and `b`.",
    "inports": [{"name": "a", "type": "float", "summary": "The first.", "required": True}],
    "outports": [{"name": "sum", "type": "float", "summary": "", "required": False}],
    "config_schema": {"properties": {"round": {"type": "integer", "default": 2, "description": "Digits."}}},
}


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch):
    def template_info(template):
        if template != INFO["id"]:
            raise ValueError(f"there is no component `{template}`")
        return INFO

    monkeypatch.setattr(offbit_reflow, "template_info", template_info, raising=False)
    monkeypatch.setattr(offbit_reflow, "template_list", lambda: [INFO["id"]], raising=False)


@pytest.mark.usefixtures("catalog")
def test_a_component_is_described(capsys):
    assert main(["components", "tpl_math_add"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tpl_math_add  (math)",
        "Adds two numbers.",
        "",
        "inports:",
        "  a (float, required)  The first.",
        "",
        "outports:",
        "  sum (float)",
        "",
        "config:",
        "  round (integer, default 2)  Digits.",
        "",
        "The sum of `a` and `b`.",
    ]


@pytest.mark.usefixtures("catalog")
def test_every_word_of_a_search_must_match(capsys):
    assert main(["components", "--search", "numbers MATH"]) == 0
    assert capsys.readouterr().out == "tpl_math_add  Adds two numbers.\n"
    assert main(["components", "--search", "numbers text"]) == 1


@pytest.mark.usefixtures("catalog")
def test_components_as_json(capsys):
    assert main(["components", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [INFO]


@pytest.mark.usefixtures("catalog")
def test_an_unknown_component_is_a_usage_error(capsys):
    assert main(["components", "tpl_nothing"]) == 2
    assert "`tpl_nothing`" in capsys.readouterr().err


def test_a_pack_that_is_not_there_fails(capsys):
    assert main(["pack", "inspect", "no-such.rflpack"]) == 1
    assert "no-such.rflpack" in capsys.readouterr().err
