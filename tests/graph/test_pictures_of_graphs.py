"""What a picture shows at a glance: kinds of lines, failing nodes, a legend, an overview of what is large."""

import re

import pytest

from offbit_reflow import Graph, Network, actor


def graph():
    graph = Graph("orders", case_sensitive=True)
    for name in ("read", "clean", "report", "later"):
        graph.add_node(name, name)
    graph.add_connection("read", "out", "clean", "row")
    graph.add_connection("clean", "error", "report", "row")
    graph.add_connection("clean", "again", "later", "in")
    graph.add_connection("later", "out", "clean", "row")
    return graph


def test_errors_and_feedback_look_different():
    svg = graph().to_svg(theme="light")
    assert len(re.findall(r'class="wire error"', svg)) == 2  # the line, and that in the legend
    assert len(re.findall(r'class="wire feedback"', svg)) == 2
    for text in ("packets", "errors", "back to an earlier node"):
        assert f">{text}</text>" in svg
    dashes = re.findall(r"\.wire\.(error|feedback)\{stroke:([^;]+);stroke-dasharray:([^}]+)\}", svg)
    assert len({colour for _, colour, _ in dashes}) == len({dash for _, _, dash in dashes}) == 2


def test_arrows_have_heads():
    svg = graph().to_svg()
    drawing, legend = svg.split('<g class="legend">')
    assert drawing.count('class="head') == 3  # two lines lead to the inport `row` of `clean`
    assert legend.count('class="head') == 3


def test_a_plain_graph_needs_no_legend():
    plain = Graph("plain")
    plain.add_node("a", "x")
    assert "legend" not in plain.to_svg()


def test_failing_nodes_are_red_and_cancelled_ones_are_not():
    @actor
    def bad(x):
        raise ValueError("no")

    @actor
    def endless(x):
        while True:
            yield x

    with Network() as net:
        net.register_actor("bad", bad)
        net.register_actor("endless", endless)
        net.add_node("failing", "bad")
        net.add_node("stopped", "endless")
        net.start()
        net.send("failing", "x", 1)
        net.send("stopped", "x", 1)
        while not net.stats()["failing"]["failures"]:
            pass
        net.cancel(grace=5)
        states = net.stats()
        svg = net.to_svg()
    stroke = {}
    for part in svg.split("<g data-node=")[1:]:
        stroke[part.split('"')[1]] = re.search(r'class="state"[^>]*stroke="(#\w+)"', part)[1]
    assert states["stopped"]["state"] == "cancelled"
    assert stroke["stopped"] != "#e5484d"
    assert "failed, or failing" in svg or states["failing"]["state"] == "cancelled"


def test_an_overview_of_a_thousand_nodes():
    large = Graph("large", case_sensitive=True)
    for number in range(1000):
        large.add_node(f"n{number}", "x")
    for number in range(1, 1000):
        large.add_connection(f"n{number - 1}", "out", f"n{number}", "in")
    for group in range(20):
        large.add_group(f"stage {group}", [f"n{number}" for number in range(group * 50, group * 50 + 50)])
    svg = large.to_svg()
    assert svg.count("data-node=") == 20
    assert svg.count(">50 nodes</text>") == 20
    assert "a group, folded" in svg
    assert large.to_svg(fold=False).count("data-node=") == 1000


def test_an_overview_without_groups_has_stages():
    large = Graph("large", case_sensitive=True)
    for number in range(1000):
        large.add_node(f"n{number}", "x")
        if number:
            large.add_connection(f"n{number // 3}", "out", f"n{number}", "in")
    assert 1 < large.to_svg().count("data-node=") <= 150


def test_dark_pages():
    svg = graph().to_svg()
    assert "prefers-color-scheme:dark" in svg
    assert "data-jp-theme-light=false" in svg
    assert "prefers-color-scheme" not in graph().to_svg(theme="dark")


def size_of(png):
    return tuple(int.from_bytes(png[at : at + 4], "big") for at in (16, 20))


def test_a_png_shows_the_drawing():
    svg = graph().to_svg(theme="light")
    width, height = (int(number) for number in re.search(r'width="(\d+)" height="(\d+)"', svg).groups())
    once, twice = graph().to_png(scale=1), graph().to_png()
    assert once.startswith(b"\x89PNG\r\n")
    assert (size_of(once), size_of(twice)) == ((width, height), (2 * width, 2 * height))
    assert graph().to_png(theme="dark") != twice
    pixels = decoded(once)
    assert pixels[width * (height // 2) + 1] == (255, 255, 255, 255)  # paper
    assert (209, 52, 56, 255) in pixels  # a line of errors
    named = graph()
    named.rename_node("later", "l")
    assert decoded(named.to_png(scale=1)) != pixels


def decoded(png):
    """Read a picture by the decoder of the catalog."""
    stream = Network()
    stream.add_node("decode", "tpl_image_decode")
    stream.add_node("bytes", "tpl_stream_to_bytes")
    stream.add_connection("decode", "stream", "bytes", "stream")
    stream.add_outport("pixels", "bytes", "output")
    (pixels,) = stream.run(inputs={"decode.input": png}, timeout=20).outputs["pixels"]
    return [tuple(pixels[at : at + 4]) for at in range(0, len(pixels), 4)]


def test_a_png_of_a_scale_that_is_none_is_refused():
    for scale in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="scale"):
            graph().to_png(scale=scale)


def test_a_png_of_a_network_that_has_run_and_of_any_letters():
    @actor
    def größe(ж):
        return ж

    net = Network()
    net.register_actor("größe", größe)
    net.add_node("größe 文", "größe")
    net.run(inputs={"größe 文.ж": 1}, timeout=10)
    # Only letters are as dark as that.
    ink = [pixel for pixel in decoded(net.to_png(scale=1)) if max(pixel[:3]) < 90]
    assert len(ink) > 100
