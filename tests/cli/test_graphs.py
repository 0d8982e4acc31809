"""`reflow check`, `draw`, `diff` and `compose`."""

import json
from pathlib import Path

import pytest

from offbit_reflow.cli import main


def test_a_sound_graph_passes_the_check(write, actors, capsys):
    assert main(["check", write(), "--actors", actors]) == 0
    assert capsys.readouterr().out == ""


def test_an_unknown_component_fails_the_check(write, actors, capsys):
    path = write("Duble")
    assert main(["check", path, "--actors", actors]) == 1
    assert f"{path}: error G001 unknown-component" in capsys.readouterr().out


def test_warnings_fail_only_a_strict_check(write, capsys):
    path = write(groups=[{"id": "g", "nodes": ["nobody"], "metadata": None}])
    assert main(["check", path]) == 0
    assert "warning" in capsys.readouterr().out
    assert main(["check", path, "--strict"]) == 1


def test_config_that_has_no_effect_is_warned_of_and_runs(write, actors, capsys):
    path = write("tpl_collect", "input")
    graph = json.loads(Path(path).read_text(encoding="utf-8"))
    graph["processes"]["a"]["metadata"] = {"count": "two", "unwrap": True}
    graph["outports"]["y"]["portName"] = "output"
    Path(path).write_text(json.dumps(graph), encoding="utf-8")
    warning = f"{path}: warning G017 ignored-config at node `a`: config `count`: expected a whole number"
    assert main(["check", path, "--actors", actors]) == 0
    assert capsys.readouterr().out.startswith(warning)
    assert main(["run", path, "--actors", actors, "--input", "x=1"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"y": [1]}
    assert err.startswith(warning)


@pytest.mark.parametrize(
    ("name", "start"), [("g.svg", "<svg"), ("g.mmd", "flowchart"), ("g.dot", "digraph"), ("g.txt", "")]
)
def test_the_name_of_the_output_says_the_format(write, tmp_path, name, start):
    path = tmp_path / name
    assert main(["draw", write(), "-o", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert start in text
    assert "Double" in text


def test_a_drawing_is_text_by_default(write, capsys):
    assert main(["draw", write()]) == 0
    assert "│ Double" in capsys.readouterr().out


def test_diff_tells_by_its_exit_code(write, tmp_path, capsys):
    path = write()
    assert main(["diff", path, path]) == 0
    before = tmp_path / "before.json"
    before.write_bytes(Path(path).read_bytes())
    assert main(["diff", str(before), write("fail")]) == 1
    out = capsys.readouterr().out
    assert "~ node a" in out
    assert '"fail"' in out


def test_compose_writes_an_export_that_draw_reads(write, tmp_path):
    graph = json.loads(Path(write()).read_text(encoding="utf-8"))
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"graphs": [graph], "properties": {"name": "all"}}), encoding="utf-8")
    composed = tmp_path / "composed.json"
    assert main(["compose", str(request), "-o", str(composed)]) == 0
    assert list(json.loads(composed.read_text(encoding="utf-8"))["processes"]) == ["one/a"]
    assert main(["draw", str(composed), "-o", str(tmp_path / "composed.svg")]) == 0


def test_a_file_that_is_no_graph_is_a_usage_error(tmp_path, capsys):
    path = tmp_path / "list.json"
    path.write_text("[]", encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert "a GraphExport is a JSON object" in capsys.readouterr().err


def test_a_picture_is_drawn_or_refused(write, tmp_path, capsys):
    graph = write()
    svg = tmp_path / "graph.svg"
    assert main(["draw", graph, "-o", str(svg), "--theme", "dark", "--no-fold"]) == 0
    assert "reflow-dark" in svg.read_text()
    png = tmp_path / "graph.png"
    assert main(["draw", graph, "-o", str(png)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert main(["draw", graph, "--format", "png"]) == 2
    assert "-o graph.png" in capsys.readouterr().err
    assert main(["draw", graph, "-o", str(tmp_path / "none" / "graph.png")]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert main(["draw", graph, "-o", str(tmp_path / "graph.jpg")]) == 2
    assert "what is a `.jpg`?" in capsys.readouterr().err
