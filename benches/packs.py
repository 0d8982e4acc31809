"""The first-party packs beside what else does their work, in one run: `python benches/packs.py build/packs`.

Packs and package are to be release builds (`make build packs PROFILE=release`). What a row needs and is not there (ffmpeg,
onnxruntime, scikit-image, a model, a document) is left out and said. Each figure is the best of a few runs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, Network, Stream, load_pack, media

RUNS = 3


def best(run: Callable[[], Any], runs: int = RUNS) -> float:
    """Give the seconds of the fastest run."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def say(what: str, measured: str, beside: str = "") -> None:
    """Print a row."""
    print(f"{what:<58} {measured:>24} {beside}", flush=True)


def pack(folder: Path, name: str) -> Path:
    """Find the newest bundle of a pack."""
    return max(folder.glob(f"reflow.pack.{name}-*.rflpack"), key=lambda path: path.stat().st_mtime)


LOAD = """
import resource, sys, time
from offbit_reflow import list_packs, load_openapi, load_pack

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6

list_packs()
before, started = resident(), time.perf_counter()
load_pack(sys.argv[1])
print(time.perf_counter() - started, resident() - before)
if len(sys.argv) > 2:
    started = time.perf_counter()
    report = load_openapi(sys.argv[2], service="large")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(time.perf_counter() - started, peak, len(list(report)), len(report.skipped))
"""


def api_services(folder: Path, document: str | None) -> None:
    """Load the pack in a fresh process, and import a large document."""
    command = [sys.executable, "-c", LOAD, str(pack(folder, "api_services")), *([document] if document else [])]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(RUNS)]
    memory = max(float(one[1]) for one in told)
    say("api_services: load", f"{min(float(one[0]) for one in told) * 1e3:.0f} ms, {memory:.0f} MB")
    if document is None:
        say("api_services: a large document", "left out", "(--document FILE)")
        return
    seconds, peak = min(float(one[2]) for one in told), max(float(one[3]) for one in told)
    count = f"{told[0][4]} operations, {told[0][5]} left out"
    say(f"api_services: {Path(document).name}", f"{seconds:.2f} s, peak {peak:.0f} MB", count)


def pictures(count: int, width: int, height: int) -> Iterator[bytes]:
    """Give a moving gradient."""
    import numpy as np

    y, x = np.indices((height, width))
    for at in range(count):
        picture = np.dstack([(x + 3 * at) % 256, (y + 2 * at) % 256, (x + y + at) % 256, np.full_like(x, 255)])
        yield picture.astype(np.uint8).tobytes()


def video(folder: Path) -> None:
    """Encode the same frames here and with ffmpeg, one thread each."""
    load_pack(pack(folder, "video_encode"))
    width, height, count = 1280, 720, 150
    frames = list(pictures(count, width, height))

    class Frames(Actor):
        outports = ["stream"]

        def run(self, ctx: Any) -> None:
            stream = Stream.create(8, content_type="video/raw-rgba")
            ctx.send({"stream": stream.into_message()})
            stream.send_begin("video/raw-rgba", None, {"width": width, "height": height, "fps": 30})
            for frame in frames:
                stream.send_bytes(frame)
            stream.end()
            ctx.finish()
            ctx.done()

    def encode() -> None:
        with Network() as net:
            net.register_actor("frames", Frames)
            net.add_node("frames", "frames")
            net.add_node("encoder", "tpl_video_encoder", {"bitrate": 2000})
            net.add_connection("frames", "stream", "encoder", "stream")
            net.add_outport("output", "encoder", "output")
            assert net.run(timeout=600).ok

    ours = count / best(encode)
    say("video_encode: 720p, one thread", f"{ours:.0f} frames/s")
    if shutil.which("ffmpeg") is None:
        say("  ffmpeg", "left out", "(not installed)")
        return
    with tempfile.TemporaryDirectory() as home:
        raw = Path(home, "raw")
        raw.write_bytes(b"".join(frames))
        known = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True).stdout
        for name, options in (("libopenh264", []), ("libx264", ["-preset", "ultrafast"])):
            if name not in known:
                say(f"  ffmpeg {name}", "left out", "(not in this ffmpeg)")
                continue
            source = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}", "-r", "30", "-i", str(raw)]
            target = [
                "-c:v",
                name,
                *options,
                "-threads",
                "1",
                "-pix_fmt",
                "yuv420p",
                "-b:v",
                "2M",
                str(Path(home, "out.mp4")),
            ]
            command = ["ffmpeg", "-loglevel", "error", "-y", "-filter_threads", "1", *source, *target]
            theirs = count / best(lambda command=command: subprocess.run(command, check=True))
            say(f"  ffmpeg {name} {' '.join(options)}", f"{theirs:.0f} frames/s", f"ours is {ours / theirs:.2f} of it")


def inference(folder: Path, model: str | None) -> None:
    """Run a model in a graph, and in a plain loop over the same engine."""
    load_pack(pack(folder, "ml"))
    try:
        import numpy as np
        import onnxruntime
    except ImportError as missing:
        say("ml: a graph beside a loop", "left out", f"({missing})")
        return
    if model is None:
        say("ml: a graph beside a loop", "left out", "(--model FILE)")
        return
    session = onnxruntime.InferenceSession(model)
    told = session.get_inputs()[0]
    shape = [dim if isinstance(dim, int) else (1 if at == 0 else 320) for at, dim in enumerate(told.shape)]
    array = np.random.default_rng(1).random(shape).astype(np.float32)
    packet, count = media.tensor_packet(array), 60

    def loop() -> None:
        for _ in range(count):
            session.run(None, {told.name: array})

    def graph(backend: str) -> Callable[[], None]:
        def run() -> None:
            with Network() as net:
                net.add_node("model", "tpl_ml_run_inference", {"path": model, "backend": backend})
                net.add_outport("tensor", "model", "tensor")
                for _ in range(count):
                    net.add_initial("model", "tensor", packet)
                assert net.run(timeout=600).ok

        return run

    theirs = count / best(loop)
    ours = count / best(graph("onnx"))
    say(
        "ml: graph with ONNX Runtime",
        f"{ours:.1f} runs/s",
        f"a loop of onnxruntime {theirs:.1f}: {ours / theirs:.2f} of it",
    )
    say("ml: graph with tract", f"{count / best(graph('tract')):.1f} runs/s")


CUBES = """
import sys, time, os
os.sched_setaffinity(0, range(int(sys.argv[2])))
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
ring = {"type": "primitive", "primitive": "torus", "major_radius": 1.0, "minor_radius": 0.4}
ball = {"type": "primitive", "primitive": "sphere", "radius": 0.8}
field = {"type": "operation", "op": "smoothUnion", "k": 0.3, "left": ring, "right": ball}
times = []
for _ in range(3):
    net = Network()
    net.add_node("n", "tpl_sdf_marching_cubes", {"resolution": 256, "bound": 2.0})
    net.add_outport("mesh", "n", "mesh")
    net.add_initial("n", "sdf", field)
    started = time.perf_counter()
    assert net.run(timeout=600).ok
    times.append(time.perf_counter() - started)
print(min(times))
"""


def marching_cubes(folder: Path) -> None:
    """Mesh a field of 256³ samples on one core and on two, and with scikit-image."""
    command = [sys.executable, "-c", CUBES, str(pack(folder, "gpu"))]
    one, two = (
        float(subprocess.run([*command, str(cores)], check=True, capture_output=True, text=True).stdout)
        for cores in (1, 2)
    )
    say("gpu: marching cubes 256³, one core", f"{one:.2f} s")
    say("gpu: marching cubes 256³, two cores", f"{two:.2f} s", f"{one / two:.2f} times one core")
    try:
        import numpy as np
        from skimage.measure import marching_cubes as theirs
    except ImportError as missing:
        say("  scikit-image", "left out", f"({missing})")
        return
    z, y, x = (np.mgrid[0:256, 0:256, 0:256].astype(np.float32) * (4 / 255)) - 2

    def field() -> Any:
        ring = np.hypot(np.hypot(x, z) - 1, y) - 0.4
        ball = np.sqrt(x * x + y * y + z * z) - 0.8
        h = np.clip(0.5 + 0.5 * (ball - ring) / 0.3, 0, 1)
        return ball * (1 - h) + ring * h - 0.3 * h * (1 - h)

    sampled = field()
    mesh, both = best(lambda: theirs(sampled, 0)), best(lambda: theirs(field(), 0))
    say("  scikit-image, mesh alone", f"{mesh:.2f} s", f"ours is {mesh / two:.1f} times as fast")
    say("  scikit-image, with the field in NumPy", f"{both:.2f} s", f"ours is {both / two:.1f} times as fast")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", type=Path, nargs="?", default=Path("build/packs"), help="where the bundles are")
    parser.add_argument("--document", help="an OpenAPI document, GitHub's for example")
    parser.add_argument("--model", help="an ONNX model with one float input")
    asked = parser.parse_args()
    for run in (
        lambda: api_services(asked.packs, asked.document),
        lambda: video(asked.packs),
        lambda: inference(asked.packs, asked.model),
        lambda: marching_cubes(asked.packs),
    ):
        try:
            run()
        except ValueError as missing:  # a pack that was not built
            say("left out", str(missing))


if __name__ == "__main__":
    main()
