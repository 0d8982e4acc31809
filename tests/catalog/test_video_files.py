"""Videos: animations as frames, and what is said of those that a pack is needed for."""

import base64
import struct
import zlib

import pytest

from offbit_reflow import Actor, Network


class Frames(Actor):
    inports = ["stream"]
    outports = ["facts", "frames"]

    def run(self, ctx):
        facts, frames = None, []
        for frame in ctx.message("stream").take_stream():
            if frame["kind"] == "begin":
                facts = {"content_type": frame["content_type"], **frame["metadata"]}
            elif frame["kind"] == "data":
                frames.append(bytes(frame["data"]))
            elif frame["kind"] == "error":
                frames.append(frame["error"])
        ctx.done({"facts": facts, "frames": frames})


def frames_of(path, **config):
    net = Network()
    net.register_actor("frames", Frames)
    net.add_node("video", "tpl_video_input", {"load": "frames", **config})
    net.add_node("frames", "frames")
    net.add_connection("video", "stream", "frames", "stream")
    for name, node, port in [
        ("facts", "frames", "facts"),
        ("frames", "frames", "frames"),
        ("metadata", "video", "metadata"),
        ("error", "video", "error"),
    ]:
        net.add_outport(name, node, port)
    return net.run({"video.source": str(path)}, timeout=30).outputs


def animated_png(colors, size=(2, 1), delay=(1, 10)):
    """An animated PNG, a colour a picture."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    width, height = size
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        chunk(b"acTL", struct.pack(">II", len(colors), 0)),
    ]
    number = 0
    for index, color in enumerate(colors):
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, *delay, 0, 0)))
        number += 1
        data = zlib.compress((b"\0" + bytes(color) * width) * height)
        if index == 0:
            parts.append(chunk(b"IDAT", data))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


COLORS = [(255, 0, 0, 255), (0, 255, 0, 255), (1, 2, 3, 255)]


def test_an_animation_is_frames(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(animated_png(COLORS))
    outputs = frames_of(path)
    [facts] = outputs["facts"]
    assert facts == {
        "content_type": "video/raw-rgba",
        "width": 2,
        "height": 1,
        "format": "rgba8",
        "fps": 10.0,
    }
    assert outputs["frames"] == [[bytes(color) * 2 for color in COLORS]]
    assert outputs["metadata"][0]["source"] == "url"


def test_an_animation_that_is_cut_says_so_behind_its_frames(tmp_path):
    path = tmp_path / "film.png"
    whole = animated_png(COLORS, size=(64, 64))
    path.write_bytes(whole[: len(whole) - 40])
    [frames] = frames_of(path)["frames"]
    assert frames[0] == bytes(COLORS[0]) * 4096
    assert str(frames[-1]).startswith("Video decode error")


def test_a_gif_is_frames():
    # Two pictures of one pixel, black and white.
    gif = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAAKAAAALAAAAAABAAEAAAICRAEAIfkEAAoAAAAsAAAAAAEAAQAAAgJMAQA7")
    outputs = frames_of(f"data:image/gif;base64,{base64.b64encode(gif).decode()}")
    assert outputs["frames"] == [[bytes([0, 0, 0, 255]), bytes([255, 255, 255, 255])]]


@pytest.mark.parametrize(("name", "data"), [("film.mp4", b"\0\0\0\x18ftypmp42" + bytes(40)), ("film.gif", b"GIF89a")])
def test_other_videos_say_which_pack_reads_them(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    [error] = frames_of(path)["error"]
    assert str(error).startswith("Video decode error: ")
    assert "reflow.pack.video_encode" in str(error)


def test_a_device_is_no_file():
    [error] = frames_of("device:default")["error"]
    assert "`tpl_camera_capture` reads cameras" in str(error)


@pytest.mark.parametrize(
    ("component", "config", "port", "begins", "feature"),
    [
        (
            "tpl_camera_capture",
            {"backend": "Native"},
            "start",
            "Camera backend 'Native' is not available in this build. ",
            "cameras",
        ),
        ("tpl_audio_input", {"url": "device:"}, "source", "Audio capture failed: To read ", "microphones"),
    ],
)
def test_a_build_without_devices_says_how_to_get_them(component, config, port, begins, feature):
    net = Network()
    net.add_node("device", component, config)
    net.add_outport("error", "device", "error")
    [error] = net.run({f"device.{port}": True}, timeout=30).outputs.get("error", [""])
    if not str(error).startswith(begins):
        pytest.skip("this build has the feature `cameras`, so there is nothing to refuse")
    assert f'MATURIN_PEP517_ARGS="--features {feature}" pip install' in str(error)
