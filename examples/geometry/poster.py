"""A poster: shapes and text in several scripts, each a layer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from offbit_reflow import AssetStore, Image, Network

WIDTH, HEIGHT = 600, 800
STORE = ":memory:poster"

SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a_sun": (
        {"shape": "circle", "cx": 300, "cy": 290, "radius": 170},
        {"fill": {"color": "#f07846"}},
    ),
    "b_star": (
        {"shape": "star", "cx": 300, "cy": 290, "outerRadius": 250, "innerRadius": 120, "points": 12},
        {"fill": {"color": "#fad25a"}},
    ),
    "c_frame": (
        {"shape": "rect", "cx": 300, "cy": 400, "width": 540, "height": 740, "cornerRadius": 40},
        {"stroke": {"color": "#faf0dc", "width": 6, "cap": "round", "dashArray": [24, 14]}},
    ),
}

TEXTS = {
    "title": {"content": "offbit reflow ☀", "fontSize": 60, "top": 510, "color": [1.0, 0.94, 0.86, 1.0]},
    "line": {
        "content": "Actors that pass packets.\nΛόγος · Слово · שלום · سلام 😀",
        "fontSize": 28,
        "top": 620,
        "color": [0.78, 0.82, 0.94, 1.0],
    },
}

LAYERS = [
    {"name": "b_star", "blend": "screen", "opacity": 0.55},
    {"name": "a_sun", "blend": "hard-light", "opacity": 0.9},
    "c_frame",
    "texts",
]


def texts() -> bytes:
    """Set the texts: components choose and place the glyphs, and the pixels are copied out of the atlas."""
    store = AssetStore(STORE)
    for name, text in TEXTS.items():
        store.put(f"{name}:text", {**text, "align": "center", "maxWidth": 520})
    net = Network()
    net.add_node("text", "tpl_text_render", {"$db": STORE, "entities": list(TEXTS)})
    net.add_inport("tick", "text", "tick")
    net.add_outport("quads", "text", "text_quads")
    [lines] = net.run({"tick": True}, timeout=60).outputs["quads"]
    layer = bytearray(WIDTH * HEIGHT * 4)
    for line in lines:
        copy(layer, line, atlas(store, line), TEXTS[line["entity"]])
    return bytes(layer)


def atlas(store: AssetStore, line: dict[str, Any]) -> bytes:
    """Find the pixels that the quads of a text are cut from."""
    size = TEXTS[line["entity"]]["fontSize"]
    return bytes(store[f"{line['font'].split(':')[0]}:atlas_{size}_bmp"])


def copy(layer: bytearray, line: dict[str, Any], pixels: bytes, text: dict[str, Any]) -> None:
    """Copy the glyphs of a text, in its colour, into a layer."""
    color = [round(255 * part) for part in text["color"][:3]]
    left, top = (WIDTH - line["textWidth"]) / 2, text["top"]
    for quad in line["quads"]:
        start_u, start_v = round(quad["uv"][0] * line["atlasWidth"]), round(quad["uv"][1] * line["atlasHeight"])
        for row in range(quad["height"]):
            for column in range(quad["width"]):
                coverage = pixels[(start_v + row) * line["atlasWidth"] + start_u + column]
                x, y = round(left + quad["x"]) + column, round(top + quad["y"]) + row
                if coverage and 0 <= x < WIDTH and 0 <= y < HEIGHT:
                    at = 4 * (y * WIDTH + x)
                    layer[at : at + 4] = bytes([*color, max(coverage, layer[at + 3])])


def make() -> Image:
    """Make the poster."""
    net = Network()
    net.add_node("canvas", "tpl_canvas_2d", {**size(), "background": [18, 24, 48], "layers": LAYERS})
    for name, (shape, look) in SHAPES.items():
        net.add_node(f"{name}_shape", "tpl_shape_2d", shape)
        net.add_node(f"{name}_pixels", "tpl_vector_rasterize", {**size(), **look})
        net.add_connection(f"{name}_shape", "path", f"{name}_pixels", "path")
        net.add_connection(f"{name}_pixels", "image", "canvas", name)
        net.add_inport(f"{name}_begin", f"{name}_shape", "params")
        net.add_inport(f"{name}_draw", f"{name}_pixels", "tick")
    net.add_inport("texts", "canvas", "texts")
    net.add_inport("frame", "canvas", "tick")
    frames = net.listen("canvas", "frame")
    net.start()
    try:
        for name in SHAPES:
            net.send(f"{name}_shape", "params", {})
        net.wait()
        for name in SHAPES:
            net.send(f"{name}_pixels", "tick", True)
        net.send("canvas", "texts", texts())
        net.wait()
        net.send("canvas", "tick", True)
        return Image(next(frames), WIDTH, HEIGHT)
    finally:
        net.shutdown()


def size() -> dict[str, int]:
    """Give the size of every layer."""
    return {"width": WIDTH, "height": HEIGHT}


if __name__ == "__main__":
    make().save(Path(sys.argv[1] if len(sys.argv) > 1 else "poster.png"))
