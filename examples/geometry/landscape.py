"""A landscape: noise as heights, a mesh in the colours of its heights, a glTF file and a picture."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from offbit_reflow import Image, Mesh, Network

SIDE = 128

NODES = {
    "noise": ("tpl_noise_generator", {"width": SIDE, "height": SIDE, "scale": 4, "octaves": 6, "seed": 7}),
    "colors": ("tpl_heightmap_to_image", {"width": SIDE, "colorMode": "terrain"}),
    "rows": ("tpl_bytes_to_stream", {"contentType": "image/raw-rgba"}),
    "picture": ("tpl_image_encode", {"format": "png"}),
    "surface": (
        "tpl_heightmap_to_mesh",
        {"width": SIDE, "heightScale": 2.5, "meshWidth": 10, "meshDepth": 10, "indexed": False},
    ),
    "paint": ("tpl_uv_texture", {"stride": 32}),
    "file": ("tpl_gltf_export", {"stride": 44, "name": "landscape"}),
}

CONNECTIONS = [
    ("noise", "output", "colors", "input"),
    ("noise", "output", "surface", "input"),
    ("colors", "output", "rows", "input"),
    ("rows", "stream", "picture", "stream"),
    ("picture", "output", "paint", "texture"),
    ("surface", "mesh", "paint", "mesh"),
    ("paint", "mesh", "file", "mesh"),
]


@dataclass
class Landscape:
    """What came out."""

    map: Image
    picture: Image
    mesh: Mesh
    file: bytes


def make() -> Landscape:
    """Make the landscape."""
    net = Network()
    for node, (template, config) in NODES.items():
        net.add_node(node, template, config)
    for source, outport, target, inport in CONNECTIONS:
        net.add_connection(source, outport, target, inport)
    net.add_inport("begin", "noise", "scale")
    for name, node, port in [("map", "colors", "output"), ("mesh", "paint", "mesh"), ("file", "file", "output")]:
        net.add_outport(name, node, port)
    outputs = net.run({"begin": 4}, timeout=60).outputs
    [colors], [vertices], [file] = (outputs[name] for name in ("map", "mesh", "file"))
    mesh = Mesh(vertices, stride=44)
    return Landscape(Image(colors, SIDE), mesh.picture(480, 320), mesh, file)


if __name__ == "__main__":
    landscape = make()
    file, picture = (Path(name) for name in sys.argv[1:3] or ("landscape.glb", "landscape.png"))
    file.write_bytes(landscape.file)
    landscape.picture.save(picture)
