"""Time filling and stroking curves beside Cairo; see README.md."""

import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cairo

PATHS = 40
SIZE = 512
RUNS = 5


def curves():
    """Give closed paths of curves through random points around the middle."""
    chance = random.Random(7)
    for _ in range(PATHS):
        count = chance.randint(5, 40)
        points = []
        for at in range(3 * count):
            angle, radius = 2 * math.pi * at / (3 * count), SIZE * chance.uniform(0.15, 0.45)
            points.append((SIZE / 2 + radius * math.cos(angle), SIZE / 2 + radius * math.sin(angle)))
        yield points


def theirs(paths):
    """Time one run of Cairo, pixels with straight alpha not included."""
    begun = time.perf_counter()
    for points in paths:
        surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, SIZE, SIZE)
        context = cairo.Context(surface)
        context.set_source_rgb(1, 1, 1)
        context.paint()
        context.move_to(*points[0])
        for at in range(0, len(points), 3):
            ends = [points[(at + step) % len(points)] for step in (1, 2, 3)]
            context.curve_to(*ends[0], *ends[1], *ends[2])
        context.close_path()
        context.set_source_rgb(0.16, 0.47, 0.78)
        context.fill_preserve()
        context.set_source_rgb(0.08, 0.08, 0.08)
        context.set_line_width(3)
        context.set_line_cap(cairo.LINE_CAP_ROUND)
        context.set_line_join(cairo.LINE_JOIN_ROUND)
        context.stroke()
        surface.flush()
    return (time.perf_counter() - begun) * 1e3


def text(points):
    """Write a path as path data."""
    curve = "".join(
        " C" + " ".join(f"{x:.6f},{y:.6f}" for x, y in (points[(at + step) % len(points)] for step in (1, 2, 3)))
        for at in range(0, len(points), 3)
    )
    return f"M{points[0][0]:.6f},{points[0][1]:.6f}{curve} Z"


def main():
    """Print the medians of both."""
    paths = list(curves())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paths.txt"
        file.write_text("\n".join(map(text, paths)), encoding="utf-8")
        lines = subprocess.run(
            [sys.argv[1], str(file), str(SIZE), str(RUNS)], check=True, capture_output=True, text=True
        ).stdout.splitlines()
    ours = statistics.median(float(line.split()[0]) for line in lines)
    cairos = statistics.median(theirs(paths) for _ in range(RUNS))
    print(f"{PATHS} pictures of {SIZE} × {SIZE}: ours {ours:.1f} ms, Cairo {cairos:.1f} ms, {cairos / ours:.2f} times")


if __name__ == "__main__":
    main()
