"""Write `b-independent.jsonl`: cases of sound and pictures whose results come from SciPy, NumPy and Pillow.

Run it where these are installed: `pip install numpy scipy pillow`, then `python tests/vectors/independent_media.py`.
The tests replay what it has written and need none of them.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops
from scipy import signal

RATE = 8000
RANDOM = np.random.default_rng(20)
CASES = []


def floats(values: np.ndarray) -> list[float]:
    """Give samples in as few digits as say which 32-bit floats they are."""
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float32)]


def case(name: str, config: dict, step: dict, expect: dict, **more: object) -> None:
    """Add a case with one step."""
    template = "tpl_" + name.split("/")[0]
    ports = {"ports_in": list(step), "ports_out": list(expect)}
    CASES.append(
        {"id": name, "template": template, "config": config, **ports, "steps": [step], "expect": [expect], **more}
    )


def stream(frames: list, *, channels: int = 1) -> dict:
    """Give the stream of some frames of samples."""
    begin = {"content_type": "audio/raw-pcm-f32", "metadata": {"channels": channels}}
    return {"type": "@stream", "content_type": "audio/raw-pcm-f32", "begin": begin, "frames_f32": frames}


def sound(name: str, config: dict, samples: np.ndarray, outputs: dict, *, channels: int = 1, **more: object) -> None:
    """Add a case that sends samples in uneven frames, and compares all that comes out of each port."""
    cuts = np.array_split(samples, [7, 20, 20, 71])
    expect = {
        port: [{"type": "@stream", "content_type": "audio/raw-pcm-f32", "end": "end", "frames_f32": [floats(wanted)]}]
        for port, wanted in outputs.items()
    }
    form = {"decode": dict.fromkeys(outputs, "f32"), "concat": list(outputs), "ignore": ["size_hint", "begin"]}
    step = {"stream": stream([floats(cut) for cut in cuts], channels=channels)}
    case(name, config, step, expect, **form, tolerance=2e-5, **more)


def cookbook(kind: str, frequency: float, q: float, gain: float = 0.0) -> np.ndarray:
    """Give a second-order section of the Audio EQ Cookbook."""
    w = 2 * np.pi * frequency / RATE
    c, alpha, a = np.cos(w), np.sin(w) / (2 * q), 10 ** (gain / 40)
    t = 2 * np.sqrt(a) * alpha
    plain = [1 + alpha, -2 * c, 1 - alpha]
    b, den = {
        "lowpass": ([(1 - c) / 2, 1 - c, (1 - c) / 2], plain),
        "highpass": ([(1 + c) / 2, -(1 + c), (1 + c) / 2], plain),
        "notch": ([1, -2 * c, 1], plain),
        "allpass": ([1 - alpha, -2 * c, 1 + alpha], plain),
        "peaking": (
            [1 + alpha * a, -2 * c, 1 - alpha * a],
            [1 + alpha / a, -2 * c, 1 - alpha / a],
        ),
        "highshelf": (
            [a * (a + 1 + (a - 1) * c + t), -2 * a * (a - 1 + (a + 1) * c), a * (a + 1 + (a - 1) * c - t)],
            [a + 1 - (a - 1) * c + t, 2 * (a - 1 - (a + 1) * c), a + 1 - (a - 1) * c - t],
        ),
    }[kind]
    return np.concatenate([b, den]) / den[0]


def filters() -> None:
    """Add filters, checked by `scipy.signal.sosfilt`."""
    samples = RANDOM.uniform(-1, 1, 120).astype(np.float32)
    for kind, q, gain in [("highpass", 0.9, 0), ("notch", 3, 0), ("allpass", 0.7, 0), ("highshelf", 0.8, -7)]:
        config = {"filterType": kind, "frequency": 900, "q": q, "gainDb": gain, "sampleRate": RATE}
        wanted = signal.sosfilt([cookbook(kind, 900, q, gain)], samples.astype(float))
        sound(f"biquad_filter/scipy_{kind}", config, samples, {"stream": wanted})
    bands = [("peaking", 400, 2, 5), ("highshelf", 2500, 0.7, -4), ("peaking", 1500, 1, -9)]
    config = {"sampleRate": RATE, "bands": [{"type": k, "frequency": f, "q": q, "gain": g} for k, f, q, g in bands]}
    stereo = RANDOM.uniform(-1, 1, (60, 2))
    wanted = signal.sosfilt([cookbook(*band) for band in bands], stereo.astype(np.float32).astype(float), axis=0)
    sound("equalizer/scipy_stereo", config, stereo.ravel(), {"stream": wanted.ravel()}, channels=2)
    low, high = 500, 1800
    twice = {
        (kind, at): lambda x, kind=kind, at=at: signal.sosfilt([cookbook(kind, at, 0.707)] * 2, x)
        for kind in ("lowpass", "highpass")
        for at in (low, high)
    }
    rest = twice["highpass", low](samples.astype(float))
    outputs = {
        "low": twice["lowpass", low](samples.astype(float)),
        "mid": twice["lowpass", high](rest),
        "high": twice["highpass", high](rest),
    }
    sound("crossover/scipy", {"lowFrequency": low, "highFrequency": high, "sampleRate": RATE}, samples, outputs)


def spectra() -> None:
    """Add spectra, by `numpy.fft`, and a convolution, by `scipy.signal`."""
    samples = RANDOM.uniform(-1, 1, 150).astype(np.float32)
    size, hop = 45, 11
    window = signal.windows.hann(size, sym=True)
    frames = [np.abs(np.fft.rfft(samples[at : at + size] * window)) for at in range(0, len(samples) - size + 1, hop)]
    wanted = {
        "type": "@stream",
        "content_type": "audio/frequency-bins",
        "end": "end",
        "frames_f32": [floats(frame) for frame in frames],
    }
    case(
        "audio_spectrum/numpy_odd_size",
        {"fftSize": size, "hopSize": hop, "sampleRate": RATE},
        {"stream": stream([floats(samples[:64]), floats(samples[64:])])},
        {"stream": [wanted]},
        decode={"stream": "f32"},
        ignore=["size_hint", "begin"],
        tolerance=2e-5,
    )
    response = RANDOM.uniform(-1, 1, 333) * np.exp(-np.arange(333) / 80)
    wanted = signal.fftconvolve(samples.astype(float), response.astype(np.float32).astype(float))
    expect = {"type": "@stream", "content_type": "audio/raw-pcm-f32", "end": "end", "frames_f32": [floats(wanted)]}
    case(
        "convolve/scipy_long_response",
        {},
        {
            "impulse": {"type": "@bytes", "f32": floats(response)},
            "stream": stream([floats(samples[:50]), floats(samples[50:])]),
        },
        {"stream": [expect]},
        decode={"stream": "f32"},
        concat=["stream"],
        ignore=["size_hint", "begin"],
        tolerance=5e-5,
    )


def coded(picture: Image.Image, kind: str, **options: object) -> str:
    """Give a picture as a file, in base64."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def decoders() -> None:
    """Add picture files that Pillow has written, with the pixels that it reads."""
    x, y = np.meshgrid(np.arange(9), np.arange(7))
    rgba = Image.fromarray(np.stack([x * 28, y * 40, 255 - x * 20, 255 - y * 30], -1).astype(np.uint8), "RGBA")
    rgb, grey = rgba.convert("RGB"), rgba.convert("L")
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "png_palette": (rgb.quantize(16), "PNG", {}),
        "png_grey_alpha": (rgba.convert("LA"), "PNG", {}),
        "png_16_bit": (Image.fromarray((x * 7000).astype(np.uint16)), "PNG", {}),
        "jpeg_progressive": (rgb, "JPEG", {"progressive": True, "quality": 95, "subsampling": 0}),
        "jpeg_grey": (grey, "JPEG", {"quality": 95}),
        "jpeg_turned": (rgb, "JPEG", {"quality": 95, "subsampling": 0, "exif": turned}),
        "webp_lossless": (rgba, "WEBP", {"lossless": True, "exact": True}),
        "gif": (rgb, "GIF", {}),
        "tiff_lzw": (rgba, "TIFF", {"compression": "tiff_lzw"}),
    }
    for name, (picture, kind, options) in files.items():
        file = coded(picture, kind, **options)
        read = Image.open(io.BytesIO(base64.b64decode(file)))
        if name == "png_16_bit":
            read = Image.fromarray((np.asarray(read) / 257).round().astype(np.uint8))
        if name == "jpeg_turned":
            read = read.transpose(Image.Transpose.ROTATE_270)
        pixels = np.asarray(read.convert("RGBA"))
        wanted = {
            "type": "@stream",
            "content_type": "image/raw-rgba",
            "size_hint": int(pixels.size),
            "begin": {"content_type": "image/raw-rgba", "size_hint": int(pixels.size)},
            "end": "end",
            "frames_u8": [row.ravel().tolist() for row in pixels],
        }
        case(
            f"image_decode/pillow_{name}",
            {},
            {"input": {"type": "@bytes", "b64": file}},
            {"stream": [wanted]},
            decode={"stream": "u8"},
            abs_tolerance=3 if kind == "JPEG" else 0,
        )


def covered(count: int, to: int) -> np.ndarray:
    """Give how much of each of `to` equal parts of a row of pixels each pixel is."""
    begin, pixel = np.arange(to)[:, None] * count / to, np.arange(count)
    return np.clip(np.minimum(begin + count / to, pixel + 1) - np.maximum(begin, pixel), 0, 1) * to / count


def pictures() -> None:
    """Add scaling and blending, checked by Pillow; it takes or leaves whole pixels, so the mean of an area is NumPy's."""
    pixels = RANDOM.integers(0, 256, (10, 13, 3)).astype(np.uint8)
    mean = np.einsum("yj,xi,jic->yxc", covered(10, 4), covered(13, 5), pixels).round().astype(np.uint8)
    lanczos = np.asarray(Image.fromarray(pixels).resize((5, 4), Image.Resampling.LANCZOS))
    for name, by, scaled in [("area", "numpy", mean), ("lanczos", "pillow", lanczos)]:
        begin = {"content_type": "image/raw-rgb", "metadata": {"width": 13, "height": 10}}
        rows = [row.ravel().tolist() for row in pixels]
        case(
            f"image_resize/{by}_{name}",
            {"width": 5, "height": 4, "filter": name},
            {"stream": {"type": "@stream", "content_type": "image/raw-rgb", "begin": begin, "frames_u8": rows}},
            {"stream": [{"type": "@stream", "end": "end", "frames_u8": [row.ravel().tolist() for row in scaled]}]},
            decode={"stream": "u8"},
            ignore=["size_hint", "begin", "content_type"],
            abs_tolerance=1,
        )
    below, above = (RANDOM.integers(0, 256, (1, 40, 3)).astype(np.uint8) for _ in range(2))
    modes = {
        "multiply": ImageChops.multiply,
        "screen": ImageChops.screen,
        "overlay": ImageChops.overlay,
        "hardlight": ImageChops.hard_light,
        "add": ImageChops.add,
        "subtract": ImageChops.subtract,
        "difference": ImageChops.difference,
        "darken": ImageChops.darker,
        "lighten": ImageChops.lighter,
    }

    def opaque(colours: np.ndarray) -> list[int]:
        return np.concatenate([colours, np.full((*colours.shape[:2], 1), 255, np.uint8)], -1).ravel().tolist()

    for name, blend in modes.items():
        wanted = np.asarray(blend(Image.fromarray(below), Image.fromarray(above)))
        CASES.append(
            {
                "id": f"blend_mode/pillow_{name}",
                "template": "tpl_blend_mode",
                "config": {"mode": name},
                "ports_in": ["base", "overlay"],
                "ports_out": ["image"],
                "steps": [
                    {"base": {"type": "@bytes", "u8": opaque(below)}},
                    {"overlay": {"type": "@bytes", "u8": opaque(above)}},
                ],
                "decode": {"image": "u8"},
                "abs_tolerance": 2,
                "expect": [{}, {"image": [{"type": "Bytes", "u8": opaque(wanted)}]}],
            }
        )


if __name__ == "__main__":
    filters()
    spectra()
    decoders()
    pictures()
    target = Path(__file__).with_name("b-independent.jsonl")
    target.write_text("".join(json.dumps(case) + "\n" for case in CASES), encoding="utf-8")
    print(len(CASES), "cases")
