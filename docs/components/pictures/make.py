"""Make the pictures of the component pages: curves of filters and dynamics as SVG, what pictures and meshes look like as PNG.

Run with NumPy installed:  python docs/components/pictures/make.py [NAME ...]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from offbit_reflow import Actor, ActorCallContext, Image, Mesh, Network, Stream

FOLDER = Path(__file__).parent
PHOTOS = FOLDER.parents[2] / "examples" / "media" / "data"
RATE = 48_000
Curve = tuple[str, Sequence[float], Sequence[float]]


# ---- running a component -------------------------------------------------------------------------------------------------


def run(component: str, config: dict[str, Any], inputs: dict[str, Any], outport: str) -> Any:
    """Give the last value of an outport."""
    net = Network()
    net.add_node("node", component, config)
    net.add_outport("out", "node", outport)
    return net.run({f"node.{port}": value for port, value in inputs.items()}, timeout=60).outputs["out"][-1]


class Send(Actor):
    """Send samples as a stream."""

    inports = ["begin"]
    outports = ["stream"]

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples

    def run(self, ctx: ActorCallContext) -> None:
        """Send them in frames."""
        stream = Stream.create(content_type="audio/raw-pcm-f32")
        stream.send_begin(content_type="audio/raw-pcm-f32", metadata={"sampleRate": RATE, "channels": 1})
        ctx.send({"stream": stream.into_message()})
        for start in range(0, len(self.samples), 4096):
            stream.send_bytes(self.samples[start : start + 4096].astype("<f4").tobytes())
        stream.end()
        ctx.done()


def filtered(component: str, config: dict[str, Any], samples: np.ndarray, outport: str = "stream") -> np.ndarray:
    """Let samples go through a filter."""
    net = Network()
    net.register_actor("send", Send(samples))
    net.add_node("send", "send")
    net.add_node("filter", component, config)
    net.add_node("bytes", "tpl_stream_to_bytes")
    net.add_connection("send", "stream", "filter", "stream")
    net.add_connection("filter", outport, "bytes", "stream")
    net.add_outport("out", "bytes", "output")
    return np.frombuffer(net.run({"send.begin": True}, timeout=60).outputs["out"][0], "<f4")


# ---- drawing -------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 260, 48, 130, 14, 34
COLORS = ["#2e86ab", "#f46036", "#6a994e", "#8e5aa8", "#c9a227", "#3d405b", "#d1495b", "#00a6a6"]


def plot(curves: Iterable[Curve], x: tuple[str, list[float], bool], y: tuple[str, list[float]]) -> str:
    """Draw curves as SVG: titles and ticks of both axes; x may be logarithmic."""
    (x_title, x_ticks, is_log), (y_title, y_ticks) = x, y
    scale: Callable[[float], float] = math.log10 if is_log else float
    low, high = scale(x_ticks[0]), scale(x_ticks[-1])

    def place(at: float, value: float) -> tuple[float, float]:
        across = (scale(at) - low) / (high - low)
        up = (min(max(value, y_ticks[0]), y_ticks[-1]) - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="none">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for tick in x_ticks:
        at, _ = place(tick, 0)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e5e5e5"/>')
        label = f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}"
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle" fill="#555">{label}</text>')
    for tick in y_ticks:
        _, at = place(x_ticks[0], tick)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e5e5e5"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end" fill="#555">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle" fill="#333">{x_title}</text>')
    parts.append(
        f'<text transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle" fill="#333">{y_title}</text>'
    )
    for number, (title, xs, ys) in enumerate(curves):
        color = COLORS[number % len(COLORS)]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(*pair) for pair in zip(xs, ys, strict=True)))
        parts.append(f'<polyline points="{points}" stroke="{color}" stroke-width="1.6"/>')
        at = TOP + 12 + 16 * number
        parts.append(f'<path d="M{WIDTH - RIGHT + 10} {at - 4}h16" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 31}" y="{at}" fill="#333">{title}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def response(component: str, config: dict[str, Any], outport: str = "stream") -> tuple[list[float], list[float]]:
    """Measure how loud tones come out of a filter: the transform of what a single click becomes."""
    click = np.zeros(1 << 15, np.float32)
    click[0] = 1
    spectrum = np.abs(np.fft.rfft(filtered(component, {"sampleRate": RATE, **config}, click, outport)))
    hertz = np.geomspace(20, 20_000, 160)
    bins = np.round(hertz * len(click) / RATE).astype(int)
    return hertz.tolist(), (20 * np.log10(np.maximum(spectrum[bins], 1e-6))).tolist()


HERTZ = ("Hz", [20.0, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000], True)


def gains(ticks: list[float], *rows: tuple[str, str, dict[str, Any], str]) -> str:
    """Draw responses."""
    curves = [(title, *response(component, config, outport)) for title, component, config, outport in rows]
    return plot(curves, HERTZ, ("dB", ticks))


def biquad() -> str:
    """Draw what each type of filter lets pass."""
    kinds = ["lowpass", "highpass", "bandpass", "notch", "peaking", "lowshelf", "highshelf"]
    rows = [(kind, "tpl_biquad_filter", {"filterType": kind, "gainDb": 9, "q": 1}, "stream") for kind in kinds]
    return gains([-36, -24, -12, 0, 12], *rows)


def equalizer() -> str:
    """Draw three bands, one by one and together."""
    bands = [
        {"type": "lowshelf", "frequency": 120, "gain": 6},
        {"frequency": 1000, "gain": -8, "q": 1.4},
        {"type": "highshelf", "frequency": 6000, "gain": 4},
    ]
    rows = [(f"band {at + 1}", "tpl_equalizer", {"bands": [band]}, "stream") for at, band in enumerate(bands)]
    return gains([-12, -6, 0, 6, 12], *rows, ("together", "tpl_equalizer", {"bands": bands}, "stream"))


def crossover() -> str:
    """Draw the three bands."""
    rows = [(port, "tpl_crossover", {}, port) for port in ("low", "mid", "high")]
    return gains([-48, -36, -24, -12, 0, 12], *rows)


def levels(*rows: tuple[str, str, dict[str, Any]]) -> str:
    """Draw how loud comes out what goes in, by tones that stay as they are."""
    decibels = list(range(-72, 7, 2))
    curves = []
    for title, component, config in rows:
        out = []
        for level in decibels:
            steady = np.full(4800, 10 ** (level / 20), np.float32)
            config = {"attackMs": 0, "releaseMs": 0, "sampleRate": RATE, **config}
            last = abs(float(filtered(component, config, steady)[-1]))
            out.append(20 * math.log10(max(last, 1e-6)))
        curves.append((title, decibels, out))
    ticks = [-72.0, -60, -48, -36, -24, -12, 0, 6]
    return plot(curves, ("dB in", ticks, False), ("dB out", ticks))


def compressor() -> str:
    """Draw ratios and a knee."""
    rows = [(f"ratio {ratio}", {"ratio": ratio, "kneeDb": 0}) for ratio in (2, 4, 20)]
    rows.append(("ratio 4, knee 24", {"ratio": 4, "kneeDb": 24}))
    return levels(*((title, "tpl_compressor", {"thresholdDb": -36, **config}) for title, config in rows))


def limiter() -> str:
    """Draw ceilings."""
    return levels(*((f"ceiling {ceiling}", "tpl_limiter", {"ceilingDb": ceiling}) for ceiling in (-24, -12, -1)))


def noise_gate() -> str:
    """Draw ratios."""
    return levels(
        *((f"ratio {ratio}", "tpl_noise_gate", {"thresholdDb": -36, "ratio": ratio}) for ratio in (1.5, 2, 10))
    )


def envelope_follower() -> str:
    """Draw the level of a burst."""
    time = np.arange(9600) / RATE
    burst = np.where((time > 0.02) & (time < 0.1), np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
    at = slice(None, None, 40)
    millis = (time[at] * 1000).tolist()
    rows: list[Curve] = [("sound", millis, np.abs(burst)[at].tolist())]
    for mode in ("peak", "rms"):
        level = filtered("tpl_envelope_follower", {"mode": mode, "sampleRate": RATE}, burst)
        rows.append((mode, millis, level[at].tolist()))
    return plot(rows, ("ms", [0.0, 50, 100, 150, 200], False), ("level", [0.0, 0.25, 0.5, 0.75, 1]))


def keyframe() -> str:
    """Draw some ways from one keyframe to the next."""
    times = [at / 60 for at in range(61)]
    curves = []
    for easing in (
        "linear",
        "easeInOut",
        "easeOutExpo",
        "easeOutBack",
        "bounceOut",
        "elasticOut",
        "steps(4)",
        "spring(60, 8)",
    ):
        net = Network()
        frames = [{"time": 0, "value": 0, "easing": easing}, {"time": 1, "value": 1}]
        net.add_node("node", "tpl_keyframe", {"keyframes": frames})
        net.add_outport("out", "node", "value")
        values = net.run({"node.time": iter(times)}, timeout=60).outputs["out"]
        curves.append((easing, times, [float(value) for value in values]))
    return plot(
        curves, ("time", [0.0, 0.25, 0.5, 0.75, 1], False), ("value", [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5])
    )


# ---- pictures ------------------------------------------------------------------------------------------------------------

SIDE, TALL = 112, 75


def photo(name: str) -> bytes:
    """Give the pixels of a photograph, scaled."""
    net = Network()
    net.add_node("file", "tpl_image_input", {"load": "pixels"})
    net.add_node("small", "tpl_image_resize", {"width": SIDE, "height": TALL, "filter": "area"})
    net.add_node("bytes", "tpl_stream_to_bytes")
    net.add_connection("file", "stream", "small", "stream")
    net.add_connection("small", "stream", "bytes", "stream")
    net.add_outport("out", "bytes", "output")
    pixels: bytes = net.run({"file.source": str(PHOTOS / name)}, timeout=60).outputs["out"][0]
    return pixels


def streamed(component: str, config: dict[str, Any], pixels: bytes) -> bytes:
    """Let pixels go through a filter of pictures."""
    net = Network()
    net.add_node("rows", "tpl_bytes_to_stream", {"contentType": "image/raw-rgba"})
    net.add_node("filter", component, config)
    net.add_node("bytes", "tpl_stream_to_bytes")
    net.add_connection("rows", "stream", "filter", "stream")
    net.add_connection("filter", "stream", "bytes", "stream")
    net.add_outport("out", "bytes", "output")
    out: bytes = net.run({"rows.input": pixels}, timeout=60).outputs["out"][0]
    return out


def row(pictures: Sequence[bytes], width: int = SIDE, gap: int = 6) -> Image:
    """Put pictures of one size side by side."""
    height = len(pictures[0]) // (4 * width)
    lines = []
    for y in range(height):
        line = [picture[4 * width * y : 4 * width * (y + 1)] for picture in pictures]
        lines.append((b"\xff\xff\xff\x00" * gap).join(line))
    return Image(b"".join(lines), len(lines[0]) // 4)


SIZE = {"width": SIDE, "height": TALL}


def noise() -> Image:
    """Show each kind."""
    kinds = ["perlin", "simplex", "worley", "value", "ridged"]
    pictures = []
    for kind in kinds:
        grid = run(
            "tpl_noise_generator", {"noiseType": kind, "width": 96, "height": 96, "seed": 3}, {"scale": 4.0}, "output"
        )
        pictures.append(run("tpl_heightmap_to_image", {"width": 96}, {"input": grid}, "output"))
    return row(pictures, 96)


def voronoi() -> Image:
    """Show distances, and cells in grey."""
    config = {"width": SIDE, "height": SIDE, "cellCount": 24, "seed": 5}
    distance = run("tpl_voronoi", config, {"seed": 5.0}, "distance")
    cells = np.frombuffer(run("tpl_voronoi", config, {"seed": 5.0}, "cell_id"), "<u4").astype("<f8").tobytes()
    return row(
        [run("tpl_heightmap_to_image", {"width": SIDE}, {"input": grid}, "output") for grid in (distance, cells)]
    )


def heightmap() -> Image:
    """Show both palettes."""
    grid = run("tpl_noise_generator", {"width": SIDE, "height": SIDE, "seed": 3}, {"scale": 4.0}, "output")
    modes = ("grayscale", "terrain")
    return row(
        [run("tpl_heightmap_to_image", {"width": SIDE, "colorMode": mode}, {"input": grid}, "output") for mode in modes]
    )


def lsystem() -> Image:
    """Show a plant."""
    config = {"axiom": "X", "rules": "X=F+[[X]-X]-F[-FX]+X;F=FF", "iterations": 5, "angle": 25}
    text = run("tpl_lsystem", config, {"axiom": "X"}, "output")
    x, y, heading, stack, path = 0.0, 0.0, 65.0, [], []
    for letter in text:
        if letter == "F":
            path.append(f"M{x:.2f},{-y:.2f}")
            x, y = x + math.cos(math.radians(heading)), y + math.sin(math.radians(heading))
            path.append(f"L{x:.2f},{-y:.2f}")
        elif letter in "+-":
            heading += 25 if letter == "+" else -25
        elif letter == "[":
            stack.append((x, y, heading))
        elif letter == "]":
            x, y, heading = stack.pop()
    place = {"x": 20, "y": 196, "scale": 1.7}
    return drawn(" ".join(path), {"stroke": {"color": "#386641", "width": 0.6}, "transform": place}, 200, 200)


def drawn(path: str, config: dict[str, Any], width: int, height: int) -> Image:
    """Show a path."""
    net = Network()
    net.add_node("node", "tpl_vector_rasterize", {"width": width, "height": height, "background": [255] * 4, **config})
    net.add_outport("out", "node", "image")
    net.add_initial("node", "path", {"type": "String", "data": path})
    pixels: bytes = net.run({"node.tick": True}, timeout=60).outputs["out"][-1]
    return Image(pixels, width)


def shapes() -> Image:
    """Show the shapes."""
    shapes: list[dict[str, Any]] = [
        {"shape": "rect", "width": 80, "height": 60, "cornerRadius": 14},
        {"shape": "ellipse", "rx": 42, "ry": 28},
        {"shape": "polygon", "radius": 42, "sides": 6},
        {"shape": "star", "outerRadius": 42, "innerRadius": 18, "points": 5},
    ]
    paths = [run("tpl_shape_2d", {"cx": 50, "cy": 50, **shape}, {"params": {}}, "path") for shape in shapes]
    look = {"fill": {"color": "#2e86ab"}, "stroke": {"color": "#1d3557", "width": 3}}
    return row([drawn(path, look, 100, 100).pixels for path in paths], 100)


def blur() -> Image:
    """Show radii."""
    cat = photo("cat.jpg")
    return row(
        [cat, *(run("tpl_gaussian_blur", {**SIZE, "radius": radius}, {"image": cat}, "image") for radius in (4, 12))]
    )


def blend() -> Image:
    """Show some modes of a gradient over a photograph."""
    cat = photo("cat.jpg")
    colors = {"from": [30, 40, 120, 255], "to": [250, 170, 60, 255], "type": "linearGradient"}
    overlay = run("tpl_background", {**SIZE, **colors}, {"tick": True}, "image")
    modes = ("multiply", "screen", "overlay", "soft-light", "difference")
    return row([run("tpl_blend_mode", {"mode": mode}, {"base": cat, "overlay": overlay}, "image") for mode in modes])


def background() -> Image:
    """Show gradients."""
    colors = {"from": [46, 134, 171, 255], "to": [252, 213, 129, 255]}
    kinds = [
        {"type": "linearGradient", "angle": 0},
        {"type": "linearGradient", "angle": 60},
        {"type": "radialGradient"},
    ]
    return row([run("tpl_background", {**SIZE, **colors, **kind}, {"tick": True}, "image") for kind in kinds])


def bloom() -> Image:
    """Show before and after."""
    rocket = photo("rocket.jpg")
    net = Network()
    net.add_node("node", "tpl_bloom", {"threshold": 0.4, "intensity": 2.0, "radius": 10})
    net.add_outport("out", "node", "output")
    net.add_initial("node", "width", {"type": "Integer", "data": SIDE})
    net.add_initial("node", "height", {"type": "Integer", "data": TALL})
    return row([rocket, net.run({"node.input": rocket}, timeout=60).outputs["out"][-1]])


def tone_map() -> Image:
    """Show the curves."""
    rocket = photo("rocket.jpg")
    modes = ("aces", "reinhard", "uncharted2")
    config = {"exposure": 1.5, "inputSpace": "srgb"}
    return row(
        [rocket, *(run("tpl_tone_map", {"mode": mode, **config}, {"input": rocket}, "output") for mode in modes)]
    )


def adjust() -> Image:
    """Show each factor."""
    cat = photo("cat.jpg")
    steps = [{"brightness": 1.5}, {"contrast": 1.8}, {"saturation": 0}, {"saturation": 2.5}]
    return row([cat, *(streamed("tpl_brightness_contrast", step, cat) for step in steps)])


def tube() -> Image:
    """Show a tube with a head."""
    path = "M 0,0 C 2,3 4,-3 6,0 S 10,3 12,0"
    config = {
        "path": path,
        "profile": [0.5, 0.6, 0.4, 0.1],
        "segments": 64,
        "rings": 24,
        "headLength": 0.15,
        "headFlatten": 0.5,
    }
    return Mesh(run("tpl_tube_mesh", config, {"trigger": True}, "mesh"), stride=24).picture(320, 180)


MADE: dict[str, Callable[[], str | Image]] = {
    "tpl_biquad_filter": biquad,
    "tpl_equalizer": equalizer,
    "tpl_crossover": crossover,
    "tpl_compressor": compressor,
    "tpl_limiter": limiter,
    "tpl_noise_gate": noise_gate,
    "tpl_envelope_follower": envelope_follower,
    "tpl_keyframe": keyframe,
    "tpl_noise_generator": noise,
    "tpl_voronoi": voronoi,
    "tpl_heightmap_to_image": heightmap,
    "tpl_lsystem": lsystem,
    "tpl_shape_2d": shapes,
    "tpl_gaussian_blur": blur,
    "tpl_blend_mode": blend,
    "tpl_background": background,
    "tpl_bloom": bloom,
    "tpl_tone_map": tone_map,
    "tpl_brightness_contrast": adjust,
    "tpl_tube_mesh": tube,
}


def main() -> None:
    """Make those that are named, or all."""
    for name in sys.argv[1:] or MADE:
        made = MADE[name]()
        if isinstance(made, str):
            (FOLDER / f"{name}.svg").write_text(made, encoding="utf-8")
        else:
            made.save(FOLDER / f"{name}.png")
        print(name)


if __name__ == "__main__":
    main()
