"""Make the pictures of the component pages: curves of filters and dynamics as SVG, what pictures and meshes look like as PNG.

Run with NumPy installed:  python docs/components/pictures/make.py [NAME ...]
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from offbit_reflow import Actor, ActorCallContext, AssetStore, Image, Mesh, Message, Network, Stream

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


def seconds(length: float) -> np.ndarray:
    """Give the times of the samples of a sound."""
    return np.arange(int(length * RATE)) / RATE


def tone(hertz: float, length: float) -> np.ndarray:
    """Give a sine."""
    return np.sin(2 * np.pi * hertz * seconds(length)).astype(np.float32)


def traces(*rows: tuple[str, np.ndarray], length: float, ticks: list[float]) -> str:
    """Draw sounds over the time, every so many samples."""
    step = max(1, int(length * RATE / 600))
    curves: list[Curve] = []
    for title, samples in rows:
        shown = samples[::step]
        curves.append((title, (np.arange(len(shown)) * step * 1000 / RATE).tolist(), shown.tolist()))
    return plot(curves, ("ms", [length * 1000 * part / 4 for part in range(5)], False), ("sample", ticks))


def spectra(*rows: tuple[str, np.ndarray]) -> str:
    """Draw how loud each frequency is in sounds, by the strongest of the bins about it."""
    curves: list[Curve] = []
    for title, samples in rows:
        magnitudes = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples) * 4
        edges = np.geomspace(50, 20_000, 161)
        bins = np.round(edges * len(samples) / RATE).astype(int)
        strongest = [magnitudes[low : max(high, low + 1)].max() for low, high in itertools.pairwise(bins)]
        curves.append((title, edges[:-1].tolist(), (20 * np.log10(np.maximum(strongest, 1e-6))).tolist()))
    return plot(curves, ("Hz", [50.0, *HERTZ[1][2:]], True), ("dB", [-90.0, -60, -30, 0]))


def dc_offset() -> str:
    """Draw a sound that is off the middle, and what comes of it."""
    sound = tone(20, 0.4) * 0.3 + np.float32(0.5)
    rows = [(f"{hertz} Hz", filtered("tpl_dc_offset", {"cutoffHz": hertz}, sound)) for hertz in (2, 5)]
    return traces(("sound", sound), *rows, length=0.4, ticks=[-0.5, 0.0, 0.5, 1])


def spectrum() -> str:
    """Draw one window of two tones, under each window."""
    sound = tone(1000, 0.1) + np.float32(0.01) * tone(2600, 0.1)
    curves: list[Curve] = []
    for window in ("hann", "hamming", "blackman", "rectangular"):
        config = {"fftSize": 1024, "hopSize": 4096, "window": window, "scale": "db"}
        bins = filtered("tpl_audio_spectrum", config, sound)[:100]
        curves.append((window, (np.arange(100) * RATE / 1024).tolist(), (bins - bins.max()).tolist()))
    return plot(curves, ("Hz", [0.0, 1000, 2000, 3000, 4000], False), ("dB", [-90.0, -60, -30, 0]))


def told(component: str, config: dict[str, Any], samples: np.ndarray) -> list[dict[str, Any]]:
    """Give the events that a component tells of a sound."""
    net = Network()
    net.register_actor("send", Send(samples))
    net.add_node("send", "send")
    net.add_node("filter", component, config)
    net.add_connection("send", "stream", "filter", "stream")
    net.add_outport("out", "filter", "events")
    events: list[dict[str, Any]] = net.run({"send.begin": True}, timeout=60).outputs["out"]
    return events


def silence() -> str:
    """Draw a sound with pauses, and where it is told to be silent."""
    time = seconds(1)
    sound = tone(60, 1) * np.float32(0.6) * ((time % 0.5) > 0.2)
    silent = np.zeros(len(sound), np.float32)
    for region in told("tpl_silence_detect", {"minDurationMs": 100}, sound)[-1]["silenceRegions"]:
        silent[int(region["startMs"] * RATE / 1000) : int(region["endMs"] * RATE / 1000)] = 1
    return traces(("sound", sound), ("silent", silent), length=1, ticks=[-1.0, -0.5, 0, 0.5, 1])


def peaks() -> str:
    """Draw beats, and where peaks are told."""
    time = seconds(1)
    sound = tone(90, 1) * np.exp(-12 * (time % 0.25)).astype(np.float32)
    marks = np.zeros(len(sound), np.float32)
    for event in told("tpl_peak_detect", {"sensitivity": 2.5}, sound)[:-1]:
        marks[event["sampleOffset"] : event["sampleOffset"] + 200] = 1
    return traces(("sound", sound), ("peak", marks), length=1, ticks=[-1.0, -0.5, 0, 0.5, 1])


def convolve() -> str:
    """Draw a click in a room."""
    click = np.zeros(RATE // 4, np.float32)
    click[480:960] = tone(400, 0.01)
    room = np.zeros(RATE // 5, np.float32)
    for at in range(5):
        room[at * 1920] = 0.6**at
    net = Network()
    net.register_actor("send", Send(click))
    net.add_node("send", "send")
    net.add_node("filter", "tpl_convolve", {"tail": False})
    net.add_node("bytes", "tpl_stream_to_bytes")
    net.add_initial("filter", "impulse", Message.bytes(room.tobytes()))
    net.add_connection("send", "stream", "filter", "stream")
    net.add_connection("filter", "stream", "bytes", "stream")
    net.add_outport("out", "bytes", "output")
    heard = np.frombuffer(net.run({"send.begin": True}, timeout=60).outputs["out"][0], "<f4")
    return traces(("with echoes", heard), ("sound", click), length=0.25, ticks=[-1.0, -0.5, 0, 0.5, 1])


def denoise() -> str:
    """Draw a tone in noise, and the tone afterwards."""
    noise = np.random.default_rng(1).normal(0, 0.05, RATE * 2).astype(np.float32)
    sound = noise.copy()
    sound[RATE:] += tone(1000, 1) * np.float32(0.5)
    out = filtered("tpl_noise_reduction", {"profileMs": 900}, sound)
    return spectra(("sound", sound[RATE + 4096 :]), ("afterwards", out[RATE + 4096 : 2 * RATE]))


def pitch() -> str:
    """Draw the spectrum of a sound, moved."""
    sound = sum((tone(440 * part, 1) / np.float32(part * 3) for part in (1, 2, 3)), np.float32(0))
    rows = [(f"{steps:+d}", filtered("tpl_pitch_shift", {"semitones": steps}, sound)) for steps in (-12, 7)]
    return spectra(("sound", sound[8192:40_000]), *((title, out[8192:40_000]) for title, out in rows))


def stretch() -> str:
    """Draw a sound that lasts shorter and longer."""
    sound = tone(40, 0.4) * np.exp(-8 * seconds(0.4)).astype(np.float32)
    rows = [(f"ratio {ratio:g}", filtered("tpl_time_stretch", {"ratio": ratio}, sound)) for ratio in (0.5, 2)]
    return traces(("sound", sound), *rows, length=0.8, ticks=[-1.0, -0.5, 0, 0.5, 1])


def values(component: str, config: dict[str, Any], inputs: dict[str, Any], outport: str) -> list[Any]:
    """Give all values of an outport."""
    net = Network()
    net.add_node("node", component, config)
    net.add_outport("out", "node", outport)
    found: list[Any] = net.run({f"node.{port}": value for port, value in inputs.items()}, timeout=60).outputs["out"]
    return found


def clip() -> str:
    """Draw what some generators do to their first bone."""
    curves: list[Curve] = []
    kinds: list[tuple[str, dict[str, Any], int]] = [
        ("bounce", {"height": 1}, 1),
        ("spring", {"property": "position", "initialDisplacement": 0.8, "stiffness": 120}, 0),
        ("orbit", {"radius": 0.7}, 0),
        ("sway", {"windStrength": 0.9}, 2),
        ("tremble", {"intensity": 0.3, "decay": 1}, 0),
    ]
    for kind, config, cell in kinds:
        made = run(
            "tpl_animation_clip", {"type": kind, "duration": 2, "fps": 100, **config}, {"clip_data": True}, "clip"
        )
        channel = made["channels"][0]
        curves.append((kind, channel["times"], [value[cell] for value in channel["values"]]))
    return plot(curves, ("time", [0.0, 0.5, 1, 1.5, 2], False), ("position or quaternion", [-1.0, -0.5, 0, 0.5, 1]))


def timeline() -> str:
    """Draw tracks that start one after another."""
    track = {"keyframes": [{"time": 0, "value": 0, "easing": "easeOutBack"}, {"time": 0.5, "value": 1}]}
    names = ["a", "b", "c", "d", "e"]
    config = {"dt": 0.01, "stagger": {"delay": 0.1, "from": "center"}, "tracks": dict.fromkeys(names, track)}
    steps = values("tpl_animation_timeline", config, {"tick": iter(range(100))}, "values")
    times = [0.01 * (at + 1) for at in range(100)]
    return plot(
        [(name, times, [float(step[name]) for step in steps]) for name in names[:3]],
        ("time", [0.0, 0.25, 0.5, 0.75, 1], False),
        ("value", [0.0, 0.25, 0.5, 0.75, 1, 1.25]),
    )


def sprites() -> str:
    """Draw which frame is shown."""
    times = [at / 100 for at in range(201)]
    looks = [("loop", {}), ("pingpong", {"pingpong": True}), ("loop: false", {"loop": False})]
    rows = [
        (title, times, values("tpl_sprite_animation", {"fps": 4, **look}, {"time": iter(times)}, "frame"))
        for title, look in looks
    ]
    return plot(rows, ("time", [0.0, 0.5, 1, 1.5, 2], False), ("frame", [0.0, 1, 2, 3]))


def walk() -> str:
    """Draw, from above, the ways of a character that turns round at some speeds."""
    curves: list[Curve] = []
    for speed in (90, 180, 720):
        net = Network()
        net.add_node("node", "tpl_character_controller", {"turnSpeed": speed})
        net.add_outport("out", "node", "position")
        net.start(collect=True)
        for move in ({"moveY": 1}, {"moveX": 1}, {"moveY": -1}):
            net.send("node", "input", move)
            for _ in range(45):
                net.send("node", "dt", 1 / 30)
        net.close_inputs()
        places = net.wait(timeout=60).outputs["out"]
        curves.append((f"turnSpeed {speed}", [at["x"] for at in places], [at["z"] for at in places]))
    return plot(curves, ("x", [-100.0, 0, 100, 200, 300, 400, 500], False), ("z", [-100.0, 0, 100, 200, 300, 400]))


def reach() -> str:
    """Draw how a chain of two bones reaches for some places."""
    identity = np.eye(4, dtype="<f4")
    curves: list[Curve] = []
    for x, y in ((1.2, 1.2), (1.8, 0.2), (0.6, -1.4), (2.6, 1.4)):
        bones = []
        for at in ((0, 0), (1, 0.2), (2, 0)):
            bone = identity.copy()
            bone[3, :2] = at
            bones.append(bone)
        net = Network()
        net.add_node("node", "tpl_ik_solver", {"chains": [{"root": 0, "mid": 1, "end": 2}]})
        net.add_outport("out", "node", "bone_transforms")
        net.add_initial("node", "targets", {"type": "Array", "data": [{"x": x, "y": y, "z": 0}]})
        posed = net.run({"node.bone_transforms": np.array(bones).tobytes()}, timeout=60).outputs["out"][-1]
        joints = np.frombuffer(posed, "<f4").reshape(3, 4, 4)[:, 3]
        curves.append((f"to ({x:g}, {y:g})", joints[:, 0].tolist(), joints[:, 1].tolist()))
    return plot(curves, ("x", [-1.0, 0, 1, 2, 3], False), ("y", [-1.5, -1.0, -0.5, 0, 0.5, 1, 1.5]))


def bodies() -> str:
    """Draw the heights of balls that fall."""
    curves: list[Curve] = []
    times = [at / 60 for at in range(1, 181)]
    for restitution in (0, 0.5, 0.9):
        with TemporaryDirectory() as folder:
            store = AssetStore(folder)
            shape = {"shape": "sphere", "restitution": restitution, "radius": 0.25}
            store.put("ball:rigidbody", {})
            store.put("ball:collider", shape)
            store.put("ball:transform", {"position": [0, 3, 0]})
            store.put("floor:rigidbody", {"bodyType": "static"})
            store.put("floor:collider", {"halfExtents": [5, 0.5, 5], "restitution": restitution})
            store.put("floor:transform", {"position": [0, -0.5, 0]})
            net = Network()
            net.add_node("node", "tpl_scene_physics", {"$db": folder})
            net.add_outport("out", "node", "metadata")
            heights = []
            net.start()
            with net.listen("node", "metadata") as steps:
                for _ in times:
                    net.send("node", "tick", True)
                    steps.recv(timeout=10)
                    heights.append(float(store.get("ball:transform").data["position"][1]))
            net.shutdown()
        curves.append((f"restitution {restitution:g}", times, heights))
    return plot(curves, ("time", [0.0, 1, 2, 3], False), ("height", [0.0, 1, 2, 3]))


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


def resize() -> Image:
    """Show the filters, enlarged."""
    pictures = []
    for name in ("bilinear", "area", "lanczos"):
        net = Network()
        net.add_node("file", "tpl_image_input", {"load": "pixels"})
        net.add_node("small", "tpl_image_resize", {"width": SIDE, "height": TALL, "filter": name})
        net.add_node("bytes", "tpl_stream_to_bytes")
        net.add_connection("file", "stream", "small", "stream")
        net.add_connection("small", "stream", "bytes", "stream")
        net.add_outport("out", "bytes", "output")
        pictures.append(net.run({"file.source": str(PHOTOS / "rocket.jpg")}, timeout=60).outputs["out"][0])
    return row(pictures)


def grey(levels: bytes) -> bytes:
    """Give grey levels as RGBA."""
    return b"".join(bytes((level, level, level, 255)) for level in levels)


def grayscale() -> Image:
    """Show before and after."""
    cat = photo("cat.jpg")
    return row([cat, grey(streamed("tpl_grayscale_filter", {}, cat))])


def chroma() -> Image:
    """Show a thing before a green wall, the same without the wall, and the same before another one."""
    y, x = np.mgrid[0:TALL, 0:SIDE]
    picture = np.zeros((TALL, SIDE, 4), np.uint8)
    picture[...] = (40, 200, 60, 255)
    picture[..., 1] = (200 + 30 * np.sin(x / 9)).astype(np.uint8)
    picture[(x - 56) ** 2 + (y - 38) ** 2 < 26**2] = (220, 90, 60, 255)
    pixels = picture.tobytes()
    cut = streamed("tpl_chroma_key", {}, pixels)
    wall = run(
        "tpl_background", {**SIZE, "type": "linearGradient", "from": [30, 40, 120, 255]}, {"tick": True}, "image"
    )
    both = run("tpl_blend_mode", {}, {"base": wall, "overlay": cut}, "image")
    return row([pixels, cut, both])


def heights() -> Image:
    """Show a photograph and its heights as a landscape is coloured."""
    cat = photo("cat.jpg")
    grid = run("tpl_image_to_heightmap", {"width": SIDE}, {"input": cat}, "output")
    return row([cat, run("tpl_heightmap_to_image", {"width": SIDE, "colorMode": "terrain"}, {"input": grid}, "output")])


def occlusion() -> Image:
    """Show before and after."""
    cat = photo("cat.jpg")
    net = Network()
    net.add_node("node", "tpl_ssao", {"radius": 3, "intensity": 2.5})
    net.add_outport("out", "node", "output")
    net.add_initial("node", "width", {"type": "Integer", "data": SIDE})
    net.add_initial("node", "height", {"type": "Integer", "data": TALL})
    return row([cat, net.run({"node.input": cat}, timeout=60).outputs["out"][-1]])


def camera() -> Image:
    """Show some test pictures."""
    net = Network()
    net.add_node("node", "tpl_camera_capture", {**SIZE, "frameCount": 41, "fps": 1000})
    net.add_node("bytes", "tpl_stream_to_bytes")
    net.add_connection("node", "stream", "bytes", "stream")
    net.add_outport("out", "bytes", "output")
    pixels = net.run({"node.start": True}, timeout=60).outputs["out"][0]
    size = 4 * SIDE * TALL
    return row([pixels[at * size : (at + 1) * size] for at in (0, 20, 40)])


def dots(places: np.ndarray, sizes: np.ndarray, reach: float, side: int = 150) -> bytes:
    """Show points in space from the front, brighter where there are more."""
    light = np.zeros((side, side))
    across = np.round((places[:, :2] / reach + 1) / 2 * (side - 1)).astype(int)
    is_seen = ((across >= 0) & (across < side)).all(axis=1)
    np.add.at(light, (side - 1 - across[is_seen, 1], across[is_seen, 0]), sizes[is_seen])
    picture = np.empty((side, side, 4), np.uint8)
    picture[..., :3] = np.clip(24 + light * 90, 0, 255).astype(np.uint8)[..., None]
    picture[..., 3] = 255
    return picture.tobytes()


def particles() -> Image:
    """Show each shape."""
    pictures = []
    for shape in ("sphere", "cube", "disc"):
        made = run(
            "tpl_particle_emitter", {"shape": shape, "count": 6000, "random": "hash"}, {"trigger": True}, "particles"
        )
        places = np.frombuffer(made, "<f4").reshape(-1, 8)[:, [0, 2, 1] if shape == "disc" else [0, 1, 2]]
        pictures.append(dots(places, np.ones(len(places)), 1.2))
    return row(pictures, 150)


def weather() -> Image:
    """Show kinds of weather."""
    pictures = []
    for kind in ("rain", "snow", "leaves"):
        with TemporaryDirectory() as folder:
            sky = {"type": kind, "particleCount": 4000, "intensity": 1, "windDirection": [1, 0, 0], "windStrength": 3}
            store = AssetStore(folder)
            store.put("sky:weather", {**sky, "area": [50, 50, 50]})
            store.flush()
            made = run("tpl_scene_weather", {"$db": folder}, {"tick": iter(range(60))}, "particle_data")
        cells = np.frombuffer(made, "<f4").reshape(-1, 4)
        pictures.append(dots(cells[:, :3], cells[:, 3] / cells[:, 3].max(), 25))
    return row(pictures, 150)


def sky() -> Image:
    """Show the sky from noon to night."""
    pictures = []
    for height in (0.9, 0.3, 0.1, -0.1):
        with TemporaryDirectory() as folder:
            store = AssetStore(folder)
            store.put("sky:skybox", {"mode": "procedural", "sunDirection": [0.3, height, 0.5]})
            store.flush()
            made = run("tpl_scene_skybox", {"$db": folder}, {"tick": True}, "skybox_data")
        top, bottom = (
            [*(round(255 * min(max(part, 0), 1)) for part in made[name]), 255]
            for name in ("zenithColor", "horizonColor")
        )
        pictures.append(
            run(
                "tpl_background", {**SIZE, "type": "linearGradient", "from": top, "to": bottom}, {"tick": True}, "image"
            )
        )
    return row(pictures)


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
    "tpl_dc_offset": dc_offset,
    "tpl_audio_spectrum": spectrum,
    "tpl_silence_detect": silence,
    "tpl_peak_detect": peaks,
    "tpl_convolve": convolve,
    "tpl_noise_reduction": denoise,
    "tpl_pitch_shift": pitch,
    "tpl_time_stretch": stretch,
    "tpl_animation_clip": clip,
    "tpl_animation_timeline": timeline,
    "tpl_sprite_animation": sprites,
    "tpl_character_controller": walk,
    "tpl_ik_solver": reach,
    "tpl_scene_physics": bodies,
    "tpl_image_resize": resize,
    "tpl_grayscale_filter": grayscale,
    "tpl_chroma_key": chroma,
    "tpl_image_to_heightmap": heights,
    "tpl_ssao": occlusion,
    "tpl_camera_capture": camera,
    "tpl_particle_emitter": particles,
    "tpl_scene_weather": weather,
    "tpl_scene_skybox": sky,
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
