"""Sound through components, and pictures scaled and blurred, beside SciPy, Pillow and OpenCV doing the same.

Run with NumPy and SciPy, and Pillow or OpenCV if they are to be compared, installed:

    python benches/media_speed.py [MINUTES]

The time of a component is that of one minute of 48 kHz stereo, in frames of 32 KiB, through a running network. SciPy gets the
same frames one after another, and keeps the state of a filter between them as one has to.

A picture of 3840 by 2160 pixels is scaled to 1920 by 1080 (half) and to 1901 by 1071 (odd): it is opaque, and what is compared
does not look at alpha. With alpha, colours count as far as they are opaque, but for the bilinear one; Pillow does that, too.
OpenCV takes the mean of four pixels for half the size, also where it is asked for a bilinear picture, and Pillow a triangle as
wide as what is covered. Pillow has one thread, and everything else as many as there are cores to run on: `taskset -c 0` gives
one to all.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
EXAMPLE = ["cargo", "run", "-q", "--release", "-p", "reflow-media", "--no-default-features", "--example", "speed"]
RATE, FRAME = 48_000, 4096
LARGE, HALF, ODD = (3840, 2160), (1920, 1080), (1901, 1071)
RADII = (1, 3, 9, 30, 100)


def found(name: str) -> Any:
    """Give a module, or nothing where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def best(work: Callable[[], object], rounds: int = 9) -> float:
    """Give the seconds of the best of some rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def sound() -> dict[str, float]:
    """Filter, transform and convolve a minute with SciPy, frame by frame."""
    signal = found("scipy.signal")
    if signal is None:
        return {}
    rng = np.random.default_rng(1)
    frames = [rng.uniform(-0.5, 0.5, (FRAME, 2)).astype(np.float32) for _ in range(60 * RATE // FRAME)]
    response = rng.uniform(-0.5, 0.5, RATE // 2).astype(np.float32)
    section = signal.butter(2, 80, "highpass", fs=RATE, output="sos")

    def biquad() -> None:
        state = np.zeros((1, 2, 2))
        for frame in frames:
            filtered, state = signal.sosfilt(section, frame, axis=0, zi=state)
            filtered.astype(np.float32)

    def spectrum() -> None:
        window = np.hanning(2048).astype(np.float32)
        fft = found("scipy.fft")
        rest = np.zeros((0, 2), np.float32)
        for frame in frames:
            rest = np.concatenate([rest, frame])
            count = max((len(rest) - 2048) // 512 + 1, 0)
            if count:
                windows = np.lib.stride_tricks.sliding_window_view(rest, 2048, axis=0)[: 512 * count : 512]
                np.abs(fft.rfft(windows * window, axis=-1))
                rest = rest[512 * count :]

    def convolve() -> None:
        tail = np.zeros((len(response) - 1, 2), np.float32)
        for frame in frames:
            whole = signal.oaconvolve(frame, response[:, None], axes=0)
            whole[: len(tail)] += tail
            tail = whole[FRAME:]

    works = {"tpl_biquad_filter": biquad, "tpl_audio_spectrum": spectrum, "tpl_convolve": convolve}
    return {name: best(work, 1) for name, work in works.items()}


def picture(size: tuple[int, int]) -> Any:
    """Give an RGBA picture of noise."""
    return np.random.default_rng(2).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)


def pillow() -> dict[str, float]:
    """Scale and blur with Pillow."""
    image, filters = found("PIL.Image"), found("PIL.ImageFilter")
    if image is None:
        return {}
    alpha, small = image.fromarray(picture(LARGE)), image.fromarray(picture(HALF))
    opaque = image.frombytes("RGBX", LARGE, picture(LARGE).tobytes())
    kinds = {"bilinear": image.BILINEAR, "area": image.BOX, "lanczos": image.LANCZOS}
    times = {}
    for name, kind in kinds.items():
        for of, source, size in (("half", opaque, HALF), ("odd", opaque, ODD), ("alpha", alpha, HALF)):
            times[f"{name}_{of}"] = best(lambda kind=kind, source=source, size=size: source.resize(size, kind))
    for radius in RADII:
        blur = filters.GaussianBlur(radius / 3)
        times[f"blur_{radius}"] = best(lambda blur=blur: small.filter(blur))
    return times


def opencv() -> dict[str, float]:
    """Scale and blur with OpenCV."""
    cv2 = found("cv2")
    if cv2 is None:
        return {}
    cv2.setNumThreads(len(os.sched_getaffinity(0)))
    large, small = picture(LARGE), picture(HALF)
    kinds = {"bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4}
    times = {}
    for name, kind in kinds.items():
        for of, size in (("half", HALF), ("odd", ODD)):
            times[f"{name}_{of}"] = best(lambda kind=kind, size=size: cv2.resize(large, size, interpolation=kind))
    for radius in RADII:
        side = 2 * radius + 1
        times[f"blur_{radius}"] = best(
            lambda side=side, radius=radius: cv2.GaussianBlur(
                small, (side, side), radius / 3, borderType=cv2.BORDER_REPLICATE
            )
        )
    return times


def main() -> None:
    """Print the table."""
    command = [*EXAMPLE, "--", *sys.argv[1:]]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split()[1:] for line in lines if line.startswith("row ")]
    print(*(line for line in lines if not line.startswith("row ")), sep="\n")
    others = {"SciPy": sound(), "Pillow": pillow(), "OpenCV": opencv()}
    print(f"{'':22}{'here':>12}" + "".join(f"{name:>22}" for name in others))
    for name, seconds in rows:
        line = f"{name:22}{float(seconds) * 1e3:>9.1f} ms"
        for times in others.values():
            other = times.get(name)
            line += f"{other * 1e3:>9.1f} ms{other / float(seconds):>7.1f} x" + "  " if other else " " * 22
        print(line)


if __name__ == "__main__":
    main()
