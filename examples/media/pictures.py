"""Photographs that are scaled, keyed, toned and laid over each other, with the pictures in between."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from offbit_reflow import Image, Network

DATA = Path(__file__).parent / "data"
WIDTH, HEIGHT = 300, 200
SIZE = {"width": WIDTH, "height": HEIGHT}

NODES: dict[str, tuple[str, dict[str, Any]]] = {
    "rocket": ("tpl_image_input", {"load": "pixels"}),
    "rocket_small": ("tpl_image_resize", {**SIZE, "filter": "lanczos"}),
    "rocket_sky": ("tpl_chroma_key", {"keyColor": "blue", "tolerance": 60, "spillSuppression": 0}),
    "rocket_bytes": ("tpl_stream_to_bytes", {}),
    "cat": ("tpl_image_input", {"load": "pixels"}),
    "cat_toned": ("tpl_brightness_contrast", {"brightness": 1.1, "contrast": 1.2, "saturation": 1.3}),
    "cat_bytes": ("tpl_stream_to_bytes", {}),
    "cat_soft": ("tpl_gaussian_blur", {**SIZE, "radius": 6}),
    "dusk": (
        "tpl_background",
        {**SIZE, "type": "linearGradient", "from": [20, 24, 70, 255], "to": [250, 140, 70, 255]},
    ),
    "evening": ("tpl_blend_mode", {"mode": "soft-light", "opacity": 0.9}),
    "launch": ("tpl_blend_mode", {"mode": "normal"}),
    "glow": ("tpl_bloom", {"threshold": 0.7, "intensity": 0.6, "radius": 12}),
}

CONNECTIONS = [
    ("rocket", "stream", "rocket_small", "stream"),
    ("rocket_small", "stream", "rocket_sky", "stream"),
    ("rocket_sky", "stream", "rocket_bytes", "stream"),
    ("cat", "stream", "cat_toned", "stream"),
    ("cat_toned", "stream", "cat_bytes", "stream"),
    ("cat_bytes", "output", "cat_soft", "image"),
    ("cat_bytes", "output", "evening", "base"),
    ("dusk", "image", "evening", "overlay"),
    ("dusk", "image", "launch", "base"),
    ("rocket_bytes", "output", "launch", "overlay"),
    ("launch", "image", "glow", "input"),
]

SHOWN = {
    "cat, toned": ("cat_bytes", "output"),
    "cat, blurred": ("cat_soft", "image"),
    "cat in the evening": ("evening", "image"),
    "rocket, its sky keyed out": ("rocket_bytes", "output"),
    "rocket at dusk": ("launch", "image"),
    "rocket at dusk, glowing": ("glow", "output"),
}


def make() -> dict[str, Image]:
    """Make the pictures."""
    net = Network()
    for node, (component, config) in NODES.items():
        net.add_node(node, component, config)
    for source, outport, target, inport in CONNECTIONS:
        net.add_connection(source, outport, target, inport)
    for number, (node, port) in enumerate(SHOWN.values()):
        net.add_outport(f"shown{number}", node, port)
    net.add_initial("glow", "width", {"type": "Integer", "data": WIDTH})
    net.add_initial("glow", "height", {"type": "Integer", "data": HEIGHT})
    inputs = {
        "rocket.source": str(DATA / "rocket.jpg"),
        "cat.source": str(DATA / "cat.jpg"),
        "dusk.tick": True,
    }
    outputs = net.run(inputs, timeout=60).outputs
    return {title: Image(outputs[f"shown{number}"][-1], WIDTH) for number, title in enumerate(SHOWN)}


def sheet(pictures: dict[str, Image], columns: int = 3) -> Image:
    """Put pictures of one size side by side."""
    shown = list(pictures.values())
    rows = bytearray()
    for start in range(0, len(shown), columns):
        line = shown[start : start + columns]
        for y in range(HEIGHT):
            rows += b"".join(picture.pixels[4 * WIDTH * y : 4 * WIDTH * (y + 1)] for picture in line)
    return Image(bytes(rows), columns * WIDTH)


if __name__ == "__main__":
    sheet(make()).save(Path(sys.argv[1] if len(sys.argv) > 1 else "pictures.png"))
