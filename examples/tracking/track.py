"""A ball that flies, drawn by one pack, found by another, filmed by a third.

A Python source says where the ball is; `reflow.pack.gpu` draws its distance field; `reflow.pack.ml` looks for it with a small
ONNX model; a Python actor draws the box that was found into the picture; a component of the catalog collects the pictures,
and `reflow.pack.video_encode` makes a film of them, which a page plays.
"""

from __future__ import annotations

import argparse
import base64
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from offbit_reflow import Actor, ActorCallContext, Network, RunResult, load_pack, media

WIDTH, HEIGHT, FPS = 192, 108, 25
MODEL = Path(__file__).with_name("finder.onnx")

PAGE = """<!doctype html>
<title>A ball that is found</title>
<style>
body {{ background: #14161c; display: grid; place-items: center; height: 100vh; margin: 0 }}
video {{ width: 80vw; image-rendering: pixelated }}
</style>
<video autoplay loop muted controls src="data:video/mp4;base64,{film}"></video>
"""


class Ball(Actor):
    """Says where a ball is, frame by frame, as the tree of a distance field."""

    outports = ["sdf"]
    frames = 75

    def run(self, ctx: ActorCallContext) -> Iterator[dict[str, Any]]:
        """Send a tree for each frame."""
        for frame in range(self.frames):
            turn = 2 * math.pi * frame / self.frames
            ball = {"type": "primitive", "primitive": "sphere", "radius": 0.6, "material": {"color": [1, 0.85, 0.5]}}
            offset = [1.8 * math.sin(turn), 0.7 * math.sin(2 * turn), 0]
            yield {"sdf": {"type": "transform", "transform": "translate", "offset": offset, "child": ball}}


class ToPacket(Actor):
    """Makes a media packet of raw pixels."""

    inports = ["pixels"]
    outports = ["frame"]

    def run(self, ctx: ActorCallContext) -> None:
        """Send the packet of a picture."""
        pixels = np.frombuffer(ctx["pixels"], np.uint8).reshape(HEIGHT, WIDTH, 4)
        ctx.done({"frame": media.frame_packet(pixels)})


class Mark(Actor):
    """Draws a box around what was found."""

    inports = ["frame", "detections"]
    outports = ["pixels"]
    await_all_inports = True

    def run(self, ctx: ActorCallContext) -> None:
        """Send the picture with its box."""
        picture = media.read_frame(ctx["frame"]).array.copy()
        for found in ctx["detections"]["detections"][:1]:
            sides = (WIDTH, HEIGHT, WIDTH, HEIGHT)
            x, y, w, h = (round(part * side) for part, side in zip(found["bbox"], sides, strict=True))
            inner = picture[y + 2 : y + h - 2, x + 2 : x + w - 2].copy()
            picture[y : y + h, x : x + w, :3] = (60, 230, 120)
            picture[y + 2 : y + h - 2, x + 2 : x + w - 2] = inner
        ctx.done({"pixels": picture.tobytes()})


def network(film: Path, frames: int) -> Network:
    """Put the nodes together."""
    net = Network()
    source = type("Ball", (Ball,), {"frames": frames})
    for name, actor in [("ball", source), ("packet", ToPacket), ("mark", Mark)]:
        net.register_actor(name, actor)
        net.add_node(name, name)
    camera = {"cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 6, "lightDir": [0.2, 0.5, 1], "background": [0, 0, 0.01]}
    size = {"width": WIDTH, "height": HEIGHT}
    for name, component, config in [
        ("render", "tpl_sdf_render", {**size, **camera}),
        ("letterbox", "tpl_cv_resize_letterbox", {"width": 96, "height": 96, "filter": "area"}),
        ("tensor", "tpl_cv_image_to_tensor", {"layout": "nchw"}),
        ("find", "tpl_ml_run_inference", {"path": str(MODEL)}),
        (
            "boxes",
            "tpl_ml_decode_detections",
            {"threshold": 0.3, "nms": True, "unletterbox": True, "fallback_detection": False},
        ),
        ("collect", "tpl_render_frame_collector", {**size, "fps": FPS, "totalFrames": frames}),
        ("encode", "tpl_video_encoder", {"bitrate": 2000}),
        ("save", "tpl_file_save", {"path": str(film)}),
    ]:
        net.add_node(name, component, config=config)
    for from_node, from_port, to_node, to_port in [
        ("ball", "sdf", "render", "sdf"),
        ("render", "output", "packet", "pixels"),
        ("packet", "frame", "letterbox", "frame"),
        ("packet", "frame", "mark", "frame"),
        ("letterbox", "frame", "tensor", "frame"),
        ("tensor", "tensor", "find", "tensor"),
        ("find", "tensor", "boxes", "tensor"),
        ("boxes", "detections", "mark", "detections"),
        ("mark", "pixels", "collect", "frame"),
        ("collect", "stream", "encode", "stream"),
        ("encode", "output", "save", "input"),
    ]:
        net.add_connection(from_node, from_port, to_node, to_port)
    return net


def make(film: Path, page: Path, frames: int = 75) -> RunResult:
    """Make the film and the page."""
    with network(film, frames) as net:
        result = net.run(timeout=300)
    page.write_text(PAGE.format(film=base64.b64encode(film.read_bytes()).decode()), encoding="utf-8")
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=Path, default=Path("build/packs"), help="where `make packs` has put the packs")
    parser.add_argument("--film", type=Path, default=Path("tracking.mp4"))
    parser.add_argument("--page", type=Path, default=Path("tracking.html"))
    parser.add_argument("--frames", type=int, default=75)
    options = parser.parse_args()
    for name in ("gpu", "ml", "video_encode"):
        for pack in sorted(options.packs.glob(f"*{name.replace('_', '[_-]')}*.rflpack"))[-1:]:
            load_pack(pack)
    print(make(options.film, options.page, options.frames))


if __name__ == "__main__":
    main()
