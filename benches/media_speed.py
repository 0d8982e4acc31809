"""Sound through components, and pictures scaled and blurred, beside SciPy, Pillow and OpenCV doing the same.

Run with NumPy and SciPy, and Pillow or OpenCV if they are to be compared, installed:

    python benches/media_speed.py [MINUTES]

The time of a component is that of one minute of 48 kHz stereo, in frames of 32 KiB, through a running network. SciPy gets the
same frames one after another, and keeps the state of a filter between them as one has to. Pillow and OpenCV use one thread.
"""

from __future__ import annotations

import importlib
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
LARGE, SMALL = (3840, 2160), (1920, 1080)


def found(name: str) -> Any:
    """Give a module, or nothing where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def best(work: Callable[[], object], rounds: int = 3) -> float:
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


def pillow() -> dict[str, float]:
    """Scale and blur with Pillow."""
    image, filters = found("PIL.Image"), found("PIL.ImageFilter")
    if image is None:
        return {}
    rng = np.random.default_rng(2)
    large = image.fromarray(rng.integers(0, 256, (LARGE[1], LARGE[0], 4), dtype=np.uint8))
    small = image.fromarray(rng.integers(0, 256, (SMALL[1], SMALL[0], 4), dtype=np.uint8))
    kinds = {"bilinear": image.BILINEAR, "area": image.BOX, "lanczos": image.LANCZOS}
    times = {f"resize_{name}": best(lambda kind=kind: large.resize(SMALL, kind)) for name, kind in kinds.items()}
    for radius in (3, 9, 30):
        blur = filters.GaussianBlur(radius / 3)
        times[f"blur_{radius}"] = best(lambda blur=blur: small.filter(blur))
    return times


def opencv() -> dict[str, float]:
    """Scale and blur with OpenCV."""
    cv2 = found("cv2")
    if cv2 is None:
        return {}
    cv2.setNumThreads(1)
    rng = np.random.default_rng(2)
    large = rng.integers(0, 256, (LARGE[1], LARGE[0], 4), dtype=np.uint8)
    small = rng.integers(0, 256, (SMALL[1], SMALL[0], 4), dtype=np.uint8)
    kinds = {"bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4}
    times = {
        f"resize_{name}": best(lambda kind=kind: cv2.resize(large, SMALL, interpolation=kind))
        for name, kind in kinds.items()
    }
    for radius in (3, 9, 30):
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
