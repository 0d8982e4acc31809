"""reflow.pack.video_encode: files that players open and seek in, and frames out of them."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess

import numpy as np
import pytest

from offbit_reflow import template_info

from .support import frames, need, run_node

need("reflow.pack.video_encode")

PORTS = ["output", "metadata", "error"]


def encode(data, metadata, config=None, *, ports=PORTS, **options):
    """Encode frames; what left the encoder."""
    feed = frames(data, metadata, **options)
    return run_node("tpl_video_encoder", config, {"stream": feed}, listen=ports)


def gradient(width, height, count):
    """Give frames of a gradient that moves."""
    y, x = np.mgrid[0:height, 0:width]
    for number in range(count):
        picture = np.empty((height, width, 4), np.uint8)
        picture[..., 0] = (x * 255 // width + number * 3) % 256 // 2 + 64
        picture[..., 1] = y * 255 // height
        picture[..., 2] = np.clip(128 + 100 * np.sin((x + y + number * 4) / 40), 0, 255)
        picture[..., 3] = 255
        yield picture.tobytes()


def bars(width, height):
    """Give a picture of colour bars."""
    colors = [
        (191, 191, 191),
        (191, 191, 0),
        (0, 191, 191),
        (0, 191, 0),
        (191, 0, 191),
        (191, 0, 0),
        (0, 0, 191),
        (16, 16, 16),
    ]
    picture = np.full((height, width, 4), 255, np.uint8)
    for index, color in enumerate(colors):
        picture[:, index * width // 8 : (index + 1) * width // 8, :3] = color
    return picture


def boxes(data, path=""):
    """Give (path, content) of all boxes."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        assert header <= size <= len(data) - at
        kind = kind.decode("latin1")
        content = data[at + header : at + size]
        yield path + kind, content
        if kind in ("moov", "trak", "mdia", "minf", "stbl", "edts", "dinf", "mvex", "moof", "traf"):
            yield from boxes(content, f"{path}{kind}/")
        at += size


def numbers(content, start=8):
    """Give the numbers of 32 bits in a box."""
    return [number for (number,) in struct.iter_unpack(">I", content[start:])]


def tool(name):
    """Give the path of a program, or skip."""
    return shutil.which(name) or pytest.skip(f"needs {name}: apt-get install ffmpeg")


def probe(path):
    """Give what ffprobe says of the video track."""
    command = [
        tool("ffprobe"),
        "-v",
        "error",
        "-of",
        "json",
        "-count_frames",
        "-show_streams",
        "-show_format",
        str(path),
    ]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    (track,) = answer["streams"]
    return track, answer["format"]


def decode(path, width, height):
    """Decode a file to pictures by ffmpeg."""
    command = [tool("ffmpeg"), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_the_layout_of_a_file():
    outputs = encode(gradient(64, 48, 25), {"width": 64, "height": 48, "fps": 25}, {"keyframeInterval": 10})
    file = outputs.one("output")
    found = dict(boxes(file))
    assert [path for path, _ in boxes(file) if "/" not in path] == ["ftyp", "moov", "mdat"]
    assert found["ftyp"] == b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41"
    table = "moov/trak/mdia/minf/stbl/"
    assert numbers(found[table + "stss"]) == [1, 11, 21]
    assert numbers(found[table + "stts"]) == [25, 3600]
    sizes = numbers(found[table + "stsz"], 4)
    assert sizes[:2] == [0, 25]
    assert sum(sizes[2:]) == len(found["mdat"])
    assert numbers(found[table + "stsc"]) == [1, 25, 1]
    (start,) = numbers(found[table + "stco"])
    assert start == file.index(b"mdat") + 4
    assert b"colrnclx\0\1\0\1\0\1\0" in found[table + "stsd"]
    assert struct.unpack_from(">I", found["moov/trak/mdia/mdhd"], 12)[0] == 90_000
    assert found["moov/trak/mdia/mdhd"][20:22] == b"\x55\xc4"
    assert outputs.one("metadata") == {
        "format": "mp4", "codec": "h264", "width": 64, "height": 48, "fps": 25, "frameCount": 25,
        "fileSize": len(file), "duration": 1.0, "keyframes": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fps", "expected"), [(25, "25/1"), (29.97, "30000/1001"), ("24000/1001", "24000/1001"), (7, "7/1")]
)
def test_ffprobe_agrees(tmp_path, fps, expected):
    path = tmp_path / "a.mp4"
    path.write_bytes(encode(gradient(96, 64, 30), {"width": 96, "height": 64, "fps": fps}).one("output"))
    track, _ = probe(path)
    assert track["codec_name"] == "h264"
    assert (track["width"], track["height"], track["nb_read_frames"]) == (96, 64, "30")
    assert track["r_frame_rate"] == expected
    assert track["pix_fmt"] == "yuv420p"
    assert {track[f"color_{name}"] for name in ("space", "transfer", "primaries")} == {"bt709"}
    assert track["color_range"] == "tv"


def test_colours_are_what_they_were(tmp_path):
    path = tmp_path / "bars.mp4"
    picture = bars(320, 240)
    path.write_bytes(encode([picture.tobytes()] * 5, {"width": 320, "height": 240, "fps": 30}).one("output"))
    decoded = decode(path, 320, 240)
    assert len(decoded) == 5
    error = np.abs(decoded[-1].astype(int) - picture[..., :3]).mean(axis=(0, 1))
    assert (error < 4).all(), error


def test_a_moving_gradient_keeps_its_quality(tmp_path):
    path = tmp_path / "gradient.mp4"
    path.write_bytes(
        encode(gradient(640, 360, 60), {"width": 640, "height": 360, "fps": 30}, {"bitrate": 2000}).one("output")
    )
    decoded = decode(path, 640, 360)
    expected = np.stack(
        [np.frombuffer(frame, np.uint8).reshape(360, 640, 4)[..., :3] for frame in gradient(640, 360, 60)]
    )
    error = ((decoded.astype(float) - expected) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 30


@pytest.mark.parametrize(("width", "height"), [(33, 17), (1, 1), (2, 2), (16, 300), (130, 15)])
def test_odd_sizes(tmp_path, width, height):
    path = tmp_path / "odd.mp4"
    data = [bytes([200, 40, 40, 255]) * (width * height)] * 3
    outputs = encode(data, {"width": width, "height": height, "fps": 30})
    path.write_bytes(outputs.one("output"))
    assert (outputs.one("metadata")["width"], outputs.one("metadata")["height"]) == (width, height)
    track, _ = probe(path)
    assert (track["width"], track["height"], track["nb_read_frames"]) == (width + width % 2, height + height % 2, "3")
    picture = run_node("tpl_video_decoder", {}, {"input": path.read_bytes()}, listen=["stream", "error"]).one("stream")
    assert picture[0]["metadata"]["width"] == width
    assert picture[0]["metadata"]["height"] == height
    pixels = np.frombuffer(picture[1]["data"], np.uint8).reshape(height, width, 4)
    assert (np.abs(pixels.astype(int) - [200, 40, 40, 255]) < 8).all()


@pytest.mark.parametrize("config", [{}, {"quality": 100}, {"qp": 0, "keyframeInterval": 3}, {"container": "fmp4"}])
def test_noise_is_encoded_as_well_as_there_is_room(tmp_path, config):
    # Of noise nothing can be left out: coded as finely as it may be, it is larger than it was.
    random = np.random.default_rng(5)
    noise = [(random.integers(0, 2, 320 * 240 * 4, dtype=np.uint8) * 255).tobytes() for _ in range(8)]
    calm = list(gradient(320, 240, 8))
    outputs = encode([*calm, *noise, *calm], {"width": 320, "height": 240, "fps": 25}, config)
    path = tmp_path / "noise.mp4"
    path.write_bytes(outputs.one("output"))
    assert outputs.one("metadata")["frameCount"] == 24
    decoded = decode(path, 320, 240)
    assert len(decoded) == 24
    expected = np.frombuffer(calm[0], np.uint8).reshape(240, 320, 4)[..., :3]
    assert np.abs(decoded[0].astype(int) - expected).mean() < 6
    assert decoded[12].std() > 60


@pytest.mark.parametrize("content_type", ["video/raw-rgba", "video/raw-rgb", "video/raw-bgra", "video/raw-gray"])
def test_formats(tmp_path, content_type):
    pixel = {"rgba": (10, 200, 90, 0), "rgb": (10, 200, 90), "bgra": (90, 200, 10, 0), "gray": (128,)}
    pixel = pixel[content_type.rpartition("-")[2]]
    outputs = encode([bytes(pixel) * 1024], {"width": 32, "height": 32, "fps": 30}, content_type=content_type)
    decoded = run_node("tpl_video_decoder", {}, {"input": outputs.one("output")}, listen=["stream", "error"]).one(
        "stream"
    )
    expected = (128, 128, 128) if len(pixel) == 1 else (10, 200, 90)
    assert np.abs(np.frombuffer(decoded[1]["data"], np.uint8)[:3].astype(int) - expected).max() < 6


def test_several_frames_in_one_piece_of_data():
    data = list(gradient(32, 32, 6))
    pieces = [b"".join(data[:4]), b"".join(data[4:])]
    begin = {"width": 32, "height": 32, "fps": 30}
    assert encode(pieces, begin).one("output") == encode(data, begin).one("output")


def test_the_same_frames_are_the_same_bytes():
    begin = {"width": 160, "height": 96, "fps": 30}
    first, second = (encode(gradient(160, 96, 40), begin).one("output") for _ in range(2))
    assert first == second


def test_frames_with_times_of_their_own(tmp_path):
    path = tmp_path / "times.mp4"
    begin = {"width": 32, "height": 32, "fps": 10, "timestampsMicros": [0, 40_000, 240_000, 250_000]}
    outputs = encode(gradient(32, 32, 4), begin)
    path.write_bytes(outputs.one("output"))
    command = [tool("ffprobe"), "-v", "error", "-of", "json", "-show_entries", "frame=pts_time", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["frames"]
    assert [float(frame["pts_time"]) for frame in told] == [0.0, 0.04, 0.24, 0.25]


@pytest.mark.parametrize(
    ("data", "begin", "options", "said"),
    [
        ([], None, {}, "no frames"),
        ([b"\0" * 4096], None, {}, "no frames"),
        ([], {"width": 32, "height": 32}, {}, "no frames"),
        ([b"\0" * 4096, b"\0" * 100], {"width": 32, "height": 32}, {}, "frame 1: 100 bytes"),
        ([b"\0" * 4096], {"width": 32, "height": 32}, {"error": "the camera fell"}, "after 1 frames: the camera fell"),
        ([b"\0" * 4096], {"width": 32, "height": 32, "fps": 0}, {}, "fps"),
        ([b"\0" * 4096], {"width": -1, "height": 32}, {}, "width"),
        ([b"\0" * 4096], {"width": 0, "height": 32}, {}, "width"),
        ([b"\0" * 4096], {"width": 5000, "height": 32}, {}, "too large"),
        ([b"\0" * 4096], {"width": 32, "height": 32, "format": "yuv"}, {}, "format"),
    ],
)
def test_what_is_wrong_is_told(data, begin, options, said):
    outputs = encode(data, begin, **options)
    assert said in outputs["error"][0], outputs
    assert len(outputs["error"]) == 1
    assert outputs["output"] == outputs["metadata"] == []


def test_a_rate_of_zero_in_the_config_is_told():
    outputs = encode(gradient(32, 32, 1), {"width": 32, "height": 32}, {"fps": 0})
    assert "fps" in outputs["error"][0]


def test_what_is_no_stream_is_told():
    outputs = run_node("tpl_video_encoder", {}, {"stream": "nothing"}, listen=PORTS)
    assert "stream" in outputs["error"][0]


def test_fragments_leave_while_frames_come(tmp_path):
    outputs = encode(
        gradient(64, 48, 95),
        {"width": 64, "height": 48, "fps": 30},
        {"container": "fmp4", "keyframeInterval": 30},
        ports=[*PORTS, "stream"],
    )
    assert outputs["error"] == outputs["output"] == []
    begin, *pieces, end = outputs.one("stream")
    assert begin["content_type"] == "video/mp4"
    assert end == {"kind": "end"}
    file = b"".join(piece["data"] for piece in pieces)
    assert [path for path, _ in boxes(file) if "/" not in path] == ["ftyp", "moov", *["moof", "mdat"] * 4, "mfra"]
    assert outputs.one("metadata")["fileSize"] == len(file)
    assert outputs.one("metadata")["frameCount"] == 95
    path = tmp_path / "fragments.mp4"
    path.write_bytes(file)
    track, told = probe(path)
    assert track["nb_read_frames"] == "95"
    assert abs(float(told["duration"]) - 95 / 30) < 0.05
    decoded = run_node("tpl_video_decoder", {}, {"input": file}, listen=["stream", "metadata", "error"])
    assert decoded.one("metadata")["frameCount"] == 95


def test_fragments_that_nobody_reads_leave_whole():
    outputs = encode(gradient(64, 48, 10), {"width": 64, "height": 48, "fps": 30}, {"container": "fmp4"})
    assert [path for path, _ in boxes(outputs.one("output")) if "/" not in path] == [
        "ftyp",
        "moov",
        "moof",
        "mdat",
        "mfra",
    ]


def test_the_bit_stream_alone(tmp_path):
    config = {"container": "annexb", "keyframeInterval": 5}
    outputs = encode(gradient(64, 48, 12), {"width": 64, "height": 48, "fps": 30}, config, ports=[*PORTS, "stream"])
    begin, *pieces, _ = outputs.one("stream")
    assert begin["content_type"] == "video/h264"
    assert len(pieces) == 12
    path = tmp_path / "a.h264"
    path.write_bytes(b"".join(piece["data"] for piece in pieces))
    assert probe(path)[0]["nb_read_frames"] == "12"
    decoded = run_node("tpl_video_decoder", {}, {"input": path.read_bytes()}, listen=["stream", "metadata", "error"])
    assert decoded.one("metadata")["frameCount"] == 12


@pytest.mark.timeout(120)
def test_a_long_recording_takes_no_memory():
    from ..runtime.support import resident_mb

    frame = bytes(1280 * 720 * 4)
    before = resident_mb()
    outputs = encode(
        (frame for _ in range(1000)),
        {"width": 1280, "height": 720, "fps": 30},
        {"container": "fmp4"},
        ports=[*PORTS, "stream"],
    )
    assert outputs.one("metadata")["frameCount"] == 1000
    assert resident_mb() - before < 200


@pytest.mark.parametrize(
    "file", [b"", b"nothing", b"\0\0\0\x08moov", b"\0\0\0\1\x67", b"\0\0\0\x10ftypisom\0\0\0\0" * 3]
)
def test_what_is_no_video_is_told(file):
    outputs = run_node("tpl_video_decoder", {}, {"input": file}, listen=["stream", "metadata", "error"])
    assert len(outputs["error"]) == 1
    assert outputs["stream"] == outputs["metadata"] == []


def test_what_ffmpeg_wrote_is_decoded(tmp_path):
    path = tmp_path / "x264.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=128x96:rate=25:duration=2"]
    tool("ffmpeg")
    subprocess.run(
        ["ffmpeg", "-v", "error", *source, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", "2", path], check=True
    )
    outputs = run_node("tpl_video_decoder", {}, {"input": path.read_bytes()}, listen=["stream", "metadata", "error"])
    assert outputs.one("metadata")["frameCount"] == 50
    picture = np.frombuffer(outputs.one("stream")[1]["data"], np.uint8).reshape(96, 128, 4)
    assert np.abs(picture[..., :3].astype(int) - decode(path, 128, 96)[0]).mean() < 6


PAGE = """<video muted></video><script>
const video = document.querySelector("video");
video.addEventListener("loadedmetadata", () => { video.currentTime = video.duration / 2; });
video.addEventListener("seeked", () => {
  document.title = `${video.videoWidth}x${video.videoHeight} ${video.duration.toFixed(2)} ${video.currentTime.toFixed(2)}`;
});
video.addEventListener("error", () => { document.title = "error " + video.error.message; });
video.src = "data:video/mp4;base64,DATA";
</script>"""


def played(tmp_path, config, fps=25):
    """Give the page in which a browser has opened an encoded film of four seconds, and looked for its middle."""
    chromium = shutil.which("chromium") or pytest.skip("needs chromium: apt-get install chromium")
    begin = {"width": 160, "height": 120, "fps": fps}
    file = encode(gradient(160, 120, 4 * fps), begin, {"keyframeInterval": fps, **config}).one("output")
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("DATA", base64.b64encode(file).decode()))
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'user'}",
    ]
    command = [chromium, *flags, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    # Time is virtual there and decoding is not, so that a page may be given up before it is done.
    for _ in range(3):
        dom = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout
        if "<title>" in dom:
            break
    return dom


@pytest.mark.timeout(180)
@pytest.mark.parametrize("container", ["mp4", "fmp4"])
def test_a_browser_plays_and_seeks(tmp_path, container):
    assert "<title>160x120 4.00 2.00</title>" in played(tmp_path, {"container": container})


@pytest.fixture(scope="module")
def av1():
    """Skip where the pack was built without AV1."""
    if "av1" not in json.dumps(template_info("tpl_video_encoder")):
        pytest.skip("the pack was built without AV1: make packs PACKS=reflow-pack-video-encode FEATURES=av1")


@pytest.mark.parametrize(("width", "height", "container"), [(96, 64, "mp4"), (33, 17, "mp4"), (96, 64, "fmp4")])
def test_av1_is_what_ffmpeg_reads(tmp_path, av1, width, height, container):
    pictures = list(gradient(width, height, 30))
    begin = {"width": width, "height": height, "fps": 29.97}
    config = {"codec": "av1", "container": container, "keyframeInterval": 10, "quality": 90}
    outputs = encode(pictures, begin, config)
    file = outputs.one("output")
    told = outputs.one("metadata")
    assert (told["codec"], told["frameCount"], told["keyframes"]) == ("av1", 30, 3)
    found = dict(boxes(file))
    assert found["ftyp"].endswith(b"av01mp41")
    description = found["moov/trak/mdia/minf/stbl/stsd"]
    # Marker and version 1; behind its four bytes stands the sequence header.
    start = description.index(b"av1C") + 4
    assert (description[start], description[start + 4] >> 3) == (0x81, 1)
    assert b"colrnclx\0\1\0\1\0\1\0" in description
    if container == "mp4":
        assert numbers(found["moov/trak/mdia/minf/stbl/stss"]) == [1, 11, 21]
    path = tmp_path / "film.mp4"
    path.write_bytes(file)
    track, _ = probe(path)
    assert (track["codec_name"], track["codec_tag_string"]) == ("av1", "av01")
    # An odd size is padded, and cut off by the file; ffmpeg does not look at that.
    even_width, even_height = width + width % 2, height + height % 2
    assert (track["width"], track["height"], track["nb_read_frames"]) == (even_width, even_height, "30")
    assert (b"clap" in description) == (width % 2 == 1)
    assert (track["r_frame_rate"], track["pix_fmt"]) == ("30000/1001", "yuv420p")
    assert (track["color_space"], track["color_primaries"], track["color_range"]) == ("bt709", "bt709", "tv")
    shown = decode(path, even_width, even_height)[:, :height, :width]
    given = np.stack([np.frombuffer(picture, np.uint8).reshape(height, width, 4)[..., :3] for picture in pictures])
    error = np.mean((shown.astype(float) - given) ** 2)
    # Colours have half the pixels, which shows where there are few.
    assert 10 * np.log10(255**2 / error) > (30 if width > 40 else 28)


def test_av1_gives_the_same_bytes_and_says_what_it_cannot(av1):
    begin = {"width": 64, "height": 48, "fps": 25}
    encoded = [encode(gradient(64, 48, 12), begin, {"codec": "av1"}).one("output") for _ in range(2)]
    assert encoded[0] == encoded[1]
    for width, config, said in [(8, {}, "16"), (64, {"container": "annexb"}, "annexb")]:
        outputs = encode(gradient(width, 48, 2), {**begin, "width": width}, {"codec": "av1", **config})
        assert said in outputs["error"][0]


@pytest.mark.timeout(180)
def test_a_browser_plays_av1(tmp_path, av1):
    assert "<title>160x120 4.00 2.00</title>" in played(tmp_path, {"codec": "av1"}, fps=5)
