"""A page is opened, clicked, drawn upon and filmed: three packs and the catalog, in one graph file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offbit_reflow import Actor, Network

from .support import need, run_node

if shutil.which("chromium") is None:
    pytest.skip("the Debian package chromium is missing", allow_module_level=True)
for _pack in ("reflow.pack.browser", "reflow.pack.gpu", "reflow.pack.video_encode"):
    need(_pack)

SIZE = {"width": 160, "height": 120}
FRAMES = 24

PAGE = (
    "data:text/html,<body style='margin:0'><button id=b style='position:absolute;left:0;top:0;width:160px;height:120px;"
    "border:0;background:%2300f' onclick=\"this.style.background='%230f0'\"></button>"
)


class Script(Actor):
    """What happens on the page when the film has come to its middle."""

    inports = ["progress"]
    outports = ["action"]

    def run(self, ctx):
        if ctx["progress"]["frame"] == FRAMES // 2:
            ctx.send({"action": {"type": "click", "selector": "#b"}})
        ctx.done()


def graph(film: Path) -> dict[str, Any]:
    processes = {
        "clock": ("tpl_interval_trigger", {"interval": 50}),
        "page": ("tpl_browser_screencast", {**SIZE, "url": PAGE, "mode": "tick", "waitBeforeCapture": 0}),
        "draw": (
            "tpl_gpu_2d_render",
            {
                **SIZE,
                "shapes": [
                    {"type": "image", "bounds": [0, 0, 160, 120]},
                    {"bounds": [0, 0, 40, 40], "color": [1, 0, 0, 1]},
                ],
            },
        ),
        "buffer": ("tpl_frame_buffer", {"bufferSize": 4}),
        "collect": ("tpl_render_frame_collector", {**SIZE, "fps": 20, "totalFrames": FRAMES}),
        "encode": ("tpl_video_encoder", {"bitrate": 2000}),
        "save": ("tpl_file_save", {"path": str(film)}),
        "script": ("script", {}),
    }
    wires = [
        "clock.trigger page.tick",
        "clock.trigger buffer.tick",
        "page.frame draw.data",
        "draw.image buffer.frame",
        "buffer.frame collect.frame",
        "collect.progress script.progress",
        "script.action page.action",
        "collect.stream encode.stream",
        "encode.output save.input",
    ]

    def end(text: str) -> dict[str, str]:
        id_, port = text.split(".")
        return {"nodeId": id_, "portId": port}

    return {
        "caseSensitive": True,
        "properties": {"name": "filmed page"},
        "inports": {},
        "outports": {},
        "groups": [],
        "processes": {
            name: {"id": name, "component": component, "metadata": config}
            for name, (component, config) in processes.items()
        },
        "connections": [
            *({"from": end(start), "to": end(target)} for start, target in map(str.split, wires)),
            {"from": {"nodeId": "", "portId": ""}, "to": end("clock.start"), "data": True},
        ],
    }


@pytest.mark.timeout(170)
def test_a_page_is_clicked_and_filmed(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with Network.from_graph(graph(film)) as net:
        net.register_actor("script", Script)
        saved = net.listen("save", "path")
        net.start()
        assert saved.recv(timeout=120).data() == str(film), net.stats()
    outputs = run_node("tpl_video_decoder", {}, {"input": film.read_bytes()}, listen=["stream", "metadata", "error"])
    assert outputs.one("metadata").items() >= {"frameCount": FRAMES, **SIZE}.items()
    pictures = [
        np.frombuffer(frame["data"], np.uint8).reshape(120, 160, 4)[..., :3].astype(int)
        for frame in outputs.one("stream")
        if frame["kind"] == "data"
    ]
    # The shape stands above the page, which is blue first and green after the click.
    for picture in pictures:
        assert np.abs(picture[20, 20] - (255, 0, 0)).max() < 40
    assert np.abs(pictures[FRAMES // 2 - 1][90, 120] - (0, 0, 255)).max() < 40
    assert np.abs(pictures[-1][90, 120] - (0, 255, 0)).max() < 40
