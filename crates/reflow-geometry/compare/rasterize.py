"""Time filling and stroking curves beside Skia; see README.md."""

import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import skia

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
    """Time one run of Skia."""
    begun = time.perf_counter()
    fill = skia.Paint(Color=skia.Color(40, 120, 200), AntiAlias=True)
    line = skia.Paint(
        Color=skia.Color(20, 20, 20),
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=3,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )
    for points in paths:
        surface = skia.Surface(SIZE, SIZE)
        canvas = surface.getCanvas()
        canvas.clear(skia.ColorWHITE)
        path = skia.Path()
        path.moveTo(*points[0])
        for at in range(0, len(points), 3):
            ends = [points[(at + step) % len(points)] for step in (1, 2, 3)]
            path.cubicTo(*ends[0], *ends[1], *ends[2])
        path.close()
        canvas.drawPath(path, fill)
        canvas.drawPath(path, line)
        surface.makeImageSnapshot().tobytes()
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
    skias = statistics.median(theirs(paths) for _ in range(RUNS))
    print(f"{PATHS} pictures of {SIZE} × {SIZE}: ours {ours:.1f} ms, Skia {skias:.1f} ms, {skias / ours:.2f} times")


if __name__ == "__main__":
    main()
