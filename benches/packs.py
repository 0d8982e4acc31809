"""The first-party packs beside what else does their work: `python benches/packs.py build/packs`.

Packs and package are to be release builds (`make build packs PROFILE=release`). What a row needs and is not there (ffmpeg,
onnxruntime, scikit-image, cargo, a document) is left out and said. What is compared runs in turns, a round each; a figure is
the best of the rounds. What was asked for stands in brackets. `--only WORD` takes some of the tables; `--hour` encodes one hour
of video, which takes a good part of one.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, Network, Stream, load_pack, media

ROUNDS = 3
HERE = Path(__file__).parent


def seconds(run: Callable[[], Any]) -> float:
    """Time one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def race(runs: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Run each in turn, round by round; the least that each measured."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            best[name] = min(best[name], run())
    return best


def say(what: str, measured: str, beside: str = "") -> None:
    """Print a row."""
    print(f"{what:<58} {measured:>24} {beside}", flush=True)


def bundles(folder: Path) -> list[Path]:
    """Find the newest bundle of each pack."""
    newest: dict[str, Path] = {}
    for path in sorted(folder.glob("*.rflpack"), key=lambda path: path.stat().st_mtime):
        newest[path.name.split("-")[0]] = path
    return [newest[name] for name in sorted(newest)]


def pack(folder: Path, name: str) -> Path:
    """Find the newest bundle of a pack."""
    for path in bundles(folder):
        if path.name.startswith(f"reflow.pack.{name}-"):
            return path
    raise LookupError(f"reflow.pack.{name} was not built")


LOAD = """
import json, resource, sys, time
from offbit_reflow import list_packs, load_openapi, load_pack

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6

list_packs()
before, started = resident(), time.perf_counter()
load_pack(sys.argv[1])
told = {"seconds": time.perf_counter() - started, "memory": resident() - before}
if len(sys.argv) > 2:
    started = time.perf_counter()
    report = load_openapi(sys.argv[2], service="large")
    told |= {"import": time.perf_counter() - started, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}
    told |= {"operations": len(list(report)), "skipped": len(report.skipped)}
print(json.dumps(told))
"""


def loads(folder: Path, document: str | None) -> None:
    """Load each pack in fresh processes, the first time and again, and import a large document."""
    for path in bundles(folder):
        told = []
        with tempfile.TemporaryDirectory() as cache:
            for _ in range(ROUNDS + 1):
                command = [sys.executable, "-c", LOAD, str(path)]
                environment = {**os.environ, "REFLOW_PACK_CACHE": cache}
                done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
                told.append(json.loads(done.stdout))
        again = min(one["seconds"] for one in told[1:])
        memory = max(one["memory"] for one in told)
        name = path.name.split("-")[0].removeprefix("reflow.pack.")
        first = f"unpacked for the first time {told[0]['seconds'] * 1e3:.0f} ms"
        say(f"{name}: load (50 ms, api_services 20 MB)", f"{again * 1e3:.0f} ms, {memory:.0f} MB", first)
    if document is None:
        say("api_services: a large document", "left out", "(--document FILE)")
        return
    command = [sys.executable, "-c", LOAD, str(pack(folder, "api_services")), document]
    told = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(ROUNDS)
    ]
    took, peak = min(one["import"] for one in told), max(one["peak"] for one in told)
    count = f"{told[0]['operations']} operations, {told[0]['skipped']} left out"
    say(f"api_services: {Path(document).name} (3 s, 300 MB)", f"{took:.2f} s, peak {peak:.0f} MB", count)


WIDTH, HEIGHT, FRAMES = 1280, 720, 150


def pictures() -> Iterator[Any]:
    """Give a moving gradient."""
    import numpy as np

    y, x = np.indices((HEIGHT, WIDTH))
    for at in range(FRAMES):
        picture = np.dstack([(x + 3 * at) % 256, (y + 2 * at) % 256, (x + y + at) % 256, np.full_like(x, 255)])
        yield picture.astype(np.uint8)


def planes(picture: Any) -> bytes:
    """Make the 4:2:0 planes of a picture, BT.709, limited range."""
    import numpy as np

    r, g, b = (picture[..., part].astype(np.float32) / 255 for part in range(3))

    def small(plane: Any) -> Any:
        return plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3))

    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    found = [16 + 219 * luma, small(128 + 224 * (b - luma) / 1.8556), small(128 + 224 * (r - luma) / 1.5748)]
    return b"".join(np.rint(plane).astype(np.uint8).tobytes() for plane in found)


def encoding(frames: list[bytes], count: int, port: str = "output") -> None:
    """Encode so many frames in a graph."""

    class Frames(Actor):
        outports = ["stream"]

        def run(self, ctx: Any) -> None:
            stream = Stream.create(8, content_type="video/raw-rgba")
            ctx.send({"stream": stream.into_message()})
            stream.send_begin("video/raw-rgba", None, {"width": WIDTH, "height": HEIGHT, "fps": 30})
            for at in range(count):
                stream.send_bytes(frames[at % len(frames)])
            stream.end()
            ctx.finish()
            ctx.done()

    class Fragments(Actor):
        inports = ["in"]
        outports = []

        async def run(self, ctx: Any) -> None:
            async for _ in ctx.message("in").take_stream():
                pass
            ctx.done()

    with Network() as net:
        net.register_actor("frames", Frames)
        net.add_node("frames", "frames")
        net.add_node(
            "encoder", "tpl_video_encoder", {"bitrate": 2000, "container": "mp4" if port == "output" else "fmp4"}
        )
        net.add_connection("frames", "stream", "encoder", "stream")
        if port == "output":
            net.add_outport("output", "encoder", "output")
        else:
            net.register_actor("fragments", Fragments)
            net.add_node("fragments", "fragments")
            net.add_connection("encoder", port, "fragments", "in")
        assert net.run(timeout=2 * 3600).ok


def video(folder: Path) -> None:
    """Encode the same frames here, with ffmpeg, and with the encoder alone, one thread each."""
    load_pack(pack(folder, "video_encode"))
    shown = list(pictures())
    frames = [picture.tobytes() for picture in shown]
    with tempfile.TemporaryDirectory() as home:
        raw, yuv = Path(home, "raw"), Path(home, "yuv")
        raw.write_bytes(b"".join(frames))
        yuv.write_bytes(b"".join(map(planes, shown)))
        runs: dict[str, Callable[[], float]] = {"ours": lambda: seconds(lambda: encoding(frames, FRAMES))}
        for name, command in peers(raw, Path(home, "out.mp4")).items():
            runs[name] = lambda command=command: seconds(lambda: subprocess.run(command, check=True))
        alone = openh264_alone()
        if alone is not None:
            command = [alone, str(yuv), str(WIDTH), str(HEIGHT)]

            def run() -> float:
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                return float(done.stdout.split()[0])

            runs["openh264 alone, of planes"] = run
        best = race(runs)
    ours = best.pop("ours")
    say("video_encode: 720p, one thread", f"{FRAMES / ours:.0f} frames/s")
    for name, took in best.items():
        asked = "0.9" if "alone" in name else "0.8"
        say(f"  {name} ({asked})", f"{FRAMES / took:.0f} frames/s", f"ours is {took / ours:.2f} of it")


def peers(raw: Path, output: Path) -> dict[str, list[str]]:
    """Give the commands of ffmpeg that encode the same frames."""
    if shutil.which("ffmpeg") is None:
        say("  ffmpeg", "left out", "(not installed)")
        return {}
    known = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True).stdout
    found = {}
    for name, options in (("libopenh264", []), ("libx264", ["-preset", "ultrafast"])):
        if name not in known:
            say(f"  ffmpeg {name}", "left out", "(not in this ffmpeg)")
            continue
        source = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{WIDTH}x{HEIGHT}", "-r", "30", "-i", str(raw)]
        target = ["-c:v", name, *options, "-threads", "1", "-pix_fmt", "yuv420p", "-b:v", "2M", str(output)]
        command = ["ffmpeg", "-loglevel", "error", "-y", "-filter_threads", "1", *source, *target]
        found[f"ffmpeg {name} {' '.join(options)}".strip()] = command
    return found


def openh264_alone() -> str | None:
    """Build the encoder without anything around it; where it is."""
    if shutil.which("cargo") is None:
        say("  openh264 alone", "left out", "(no cargo)")
        return None
    manifest = HERE / "peers" / "openh264" / "Cargo.toml"
    # Beside what packs are compiled to, which has the same encoder.
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"), "packs")
    command = ["cargo", "build", "--quiet", "--locked", "--release", "--message-format=json"]
    command += ["--manifest-path", str(manifest), "--target-dir", str(target)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    (program,) = [found for line in lines if (found := json.loads(line).get("executable"))]
    return str(program)


def hour(folder: Path) -> None:
    """Encode an hour of 720p into fragments; how much memory that takes beside a minute."""
    load_pack(pack(folder, "video_encode"))
    frames = [picture.tobytes() for picture in pictures()]
    encoding(frames, 60 * 30, "stream")
    before = peak()
    took = seconds(lambda: encoding(frames, 3600 * 30, "stream"))
    say("video_encode: an hour of 720p", f"{took:.0f} s", f"peak memory {peak() - before:+.0f} MB beside a minute")


def peak() -> float:
    """Give the most memory that this process has held, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


#: Models that packages ship: package, file, and the shape of the input.
MODELS = [
    ("magika", "models/standard_v*/model.onnx", None),
    ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv*_det_infer.onnx", (1, 3, 320, 320)),
]


def inference(folder: Path, model: str | None) -> None:
    """Run models in a graph, and in a plain loop over the same engine."""
    load_pack(pack(folder, "ml"))
    try:
        import numpy as np
        import onnxruntime
    except ImportError as missing:
        say("ml: a graph beside a loop", "left out", f"({missing})")
        return
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
    models = [(model, None)] if model else shipped()
    for path, shape in models:
        session = onnxruntime.InferenceSession(path)
        (told,) = session.get_inputs()
        dims = shape or [dim if isinstance(dim, int) else 1 for dim in told.shape]
        array = (np.random.default_rng(1).random(dims) * 100).astype(kinds[told.type])
        packet = media.tensor_packet(array)
        # The first runs of a session are those in which it makes room.
        once = min(
            seconds(lambda session=session, told=told, array=array: session.run(None, {told.name: array}))
            for _ in range(3)
        )
        count = max(20, min(2000, round(2 / once)))

        def loop(session: Any = session, name: str = told.name, array: Any = array, count: int = count) -> float:
            return seconds(lambda: [session.run(None, {name: array}) for _ in range(count)]) / count

        def graph(backend: str, path: str = path, packet: bytes = packet, count: int = count) -> float:
            with Network() as net:
                net.add_node("model", "tpl_ml_run_inference", {"path": path, "backend": backend})
                heard = net.listen("model", "tensor", capacity=count)
                net.start()

                def run(count: int) -> None:
                    for _ in range(count):
                        net.send("model", "tensor", packet)
                    for _ in range(count):
                        assert heard.recv(timeout=600) is not None

                run(3)
                return seconds(lambda: run(count)) / count

        best = race(
            {"loop": loop, "graph": lambda graph=graph: graph("onnx"), "tract": lambda graph=graph: graph("tract")}
        )
        ratio = f"a loop of onnxruntime {1 / best['loop']:.0f}: {best['loop'] / best['graph']:.2f} of it (0.95)"
        say(f"ml: {Path(path).name} in a graph with ONNX Runtime", f"{1 / best['graph']:.0f} runs/s", ratio)
        say("  with tract", f"{1 / best['tract']:.0f} runs/s")


def shipped() -> list[tuple[str, Any]]:
    """Find the models of installed packages; nothing of the packages runs."""
    found: list[tuple[str, Any]] = []
    for package, pattern, shape in MODELS:
        spec = importlib.util.find_spec(package)
        files = [
            path for place in (spec and spec.submodule_search_locations) or () for path in Path(place).glob(pattern)
        ]
        if files:
            found.append((str(sorted(files)[-1]), shape))
        else:
            say(f"ml: a model of {package}", "left out", "(not installed)")
    return found


CUBES = """
import sys, time, os
os.sched_setaffinity(0, range(int(sys.argv[2])))
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
ring = {"type": "primitive", "primitive": "torus", "major_radius": 1.0, "minor_radius": 0.4}
ball = {"type": "primitive", "primitive": "sphere", "radius": 0.8}
field = {"type": "operation", "op": "smoothUnion", "k": 0.3, "left": ring, "right": ball}
with Network() as net:
    net.add_node("n", "tpl_sdf_marching_cubes", {"resolution": 256, "bound": 2.0})
    net.add_outport("mesh", "n", "mesh")
    net.add_initial("n", "sdf", field)
    started = time.perf_counter()
    assert net.run(timeout=600).ok
    print(time.perf_counter() - started)
"""


def marching_cubes(folder: Path) -> None:
    """Mesh a field of 256³ samples on one core and on two, and with scikit-image."""
    command = [sys.executable, "-c", CUBES, str(pack(folder, "gpu"))]

    def cores(count: int) -> Callable[[], float]:
        words = [*command, str(count)]
        return lambda: float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    runs = {"one": cores(1), "two": cores(2)}
    try:
        import numpy as np
        from skimage.measure import marching_cubes as theirs
    except ImportError as missing:
        say("  scikit-image", "left out", f"({missing})")
    else:
        z, y, x = (np.mgrid[0:256, 0:256, 0:256].astype(np.float32) * (4 / 255)) - 2

        def field() -> Any:
            ring = np.hypot(np.hypot(x, z) - 1, y) - 0.4
            ball = np.sqrt(x * x + y * y + z * z) - 0.8
            h = np.clip(0.5 + 0.5 * (ball - ring) / 0.3, 0, 1)
            return ball * (1 - h) + ring * h - 0.3 * h * (1 - h)

        sampled = field()
        runs["scikit-image, mesh alone"] = lambda: seconds(lambda: theirs(sampled, 0))
        runs["scikit-image, with the field in NumPy"] = lambda: seconds(lambda: theirs(field(), 0))
    best = race(runs)
    one, two = best.pop("one"), best.pop("two")
    say("gpu: marching cubes 256³, one core", f"{one:.2f} s")
    say("gpu: marching cubes 256³, two cores", f"{two:.2f} s", f"{one / two:.2f} times one core (1.7)")
    for name, took in best.items():
        say(f"  {name}", f"{took:.2f} s", f"ours is {took / two:.1f} times as fast (3)")


def rendering(folder: Path) -> None:
    """Draw a field with the processor and with the GPU, be it in software, that there is."""
    load_pack(pack(folder, "gpu"))
    ball = {"type": "primitive", "primitive": "sphere", "radius": 1.0}
    box = {"type": "primitive", "primitive": "box", "size": [0.6, 0.6, 0.6]}
    field = {"type": "operation", "op": "smoothUnion", "k": 0.3, "left": ball, "right": box}
    adapters: dict[str, str] = {}

    def draw(backend: str, count: int = 20) -> float:
        with Network() as net:
            net.add_node("n", "tpl_sdf_render", {"backend": backend})
            for port in ("metadata", "error"):
                net.add_outport(port, "n", port)
            for _ in range(count):
                net.add_initial("n", "sdf", field)
            started = time.perf_counter()
            collected = net.run(timeout=600).collected()
            took = (time.perf_counter() - started) / count
        adapters[backend] = str(
            collected["error"][0] if collected.get("error") else collected["metadata"][0]["adapter"]
        )
        return took

    best = race({"cpu": lambda: draw("cpu"), "gpu": lambda: draw("gpu")})
    for backend, took in best.items():
        say(f"gpu: a field of 512 x 512, backend {backend}", f"{took * 1e3:.0f} ms a picture", adapters[backend])


KILLED = """
import sys, time
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
net = Network()
net.add_node("b", "tpl_browser_screencast", {"url": "about:blank", "waitBeforeCapture": 0})
net.start()
net.send("b", "tick", None)
print("started", flush=True)
time.sleep(60)
"""


def killed_browsers(folder: Path) -> None:
    """Kill processes with a browser at random moments; what of the browsers is left."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        say("browser: killed at a random moment", "left out", "(no chromium)")
        return
    moments, left = random.Random(1), []
    for _ in range(10):
        command = [sys.executable, "-c", KILLED, str(pack(folder, "browser"))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moments.uniform(0, 4))
            child.kill()
        deadline = time.monotonic() + 15
        while (found := of_browser(child.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left += found
    say("browser: killed at 10 random moments (nothing left)", f"{len(left)} left", " ".join(left))


MOVING = (
    "data:text/html,<style>@keyframes m{from{margin-left:0}to{margin-left:300px}}</style>"
    "<div style='width:50px;height:50px;background:red;animation:m 0.5s linear infinite alternate'></div>"
)


def slow_reader(folder: Path) -> None:
    """Leave the pictures of a page that moves unread; how much memory that takes beside the first few."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        say("browser: a reader that is slow", "left out", "(no chromium)")
        return
    load_pack(pack(folder, "browser"))
    with Network() as net:
        net.add_node("b", "tpl_browser_screencast", {"url": MOVING, "waitBeforeCapture": 0})
        frames, told = net.listen("b", "frame", capacity=4), net.listen("b", "metadata", capacity=4)
        net.start()
        net.send("b", "tick", None)
        for _ in range(20):
            frames.recv(timeout=60)
            told.recv(timeout=60)
        started, before = time.perf_counter(), resident()
        for _ in range(10):
            time.sleep(1)
            frames.recv(timeout=60)
            told.recv(timeout=60)
        grown = resident() - before
    say(
        "browser: a picture a second is read (memory flat)",
        f"{grown:+.1f} MB",
        f"in {time.perf_counter() - started:.0f} s",
    )


def resident() -> float:
    """Give the memory that this process holds, in MB."""
    import resource

    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def of_browser(process: int) -> list[str]:
    """Find the profiles and processes of a browser that a process has started."""
    mark = f"reflow-browser-{process}-"
    found = [str(path) for path in Path(tempfile.gettempdir()).glob(mark + "*")]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in words and b"reflow-browser-watcher" not in words:
            found.append(folder.name)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", type=Path, nargs="?", default=Path("build/packs"), help="where the bundles are")
    parser.add_argument("--document", help="an OpenAPI document, GitHub's for example")
    parser.add_argument("--model", help="an ONNX model with one input, in place of those that packages ship")
    parser.add_argument("--hour", action="store_true", help="encode an hour of video, too")
    parser.add_argument("--only", default="", help="a part of the name of a table")
    asked = parser.parse_args()
    tables: dict[str, Callable[[], None]] = {
        "loads": lambda: loads(asked.packs, asked.document),
        "video": lambda: video(asked.packs),
        "inference": lambda: inference(asked.packs, asked.model),
        "marching_cubes": lambda: marching_cubes(asked.packs),
        "rendering": lambda: rendering(asked.packs),
        "killed_browsers": lambda: killed_browsers(asked.packs),
        "slow_browser_reader": lambda: slow_reader(asked.packs),
    }
    if asked.hour:
        tables["hour"] = lambda: hour(asked.packs)
    for name, table in tables.items():
        if asked.only not in name:
            continue
        try:
            table()
        except LookupError as missing:
            say(name, "left out", f"({missing})")


if __name__ == "__main__":
    main()
