"""Time marching cubes beside scikit-image's, sampling included; see README.md."""

import statistics
import subprocess
import sys
import time

import numpy as np
from skimage.measure import marching_cubes

CELLS = 128
RUNS = 7


def field(x, y, z):
    """Give what `examples/marching_cubes.rs` gives: a ring blended with a box, cut by a ball."""
    ring = np.hypot(np.hypot(x, z) - 1.0, y) - 0.3
    q = np.stack([np.abs(x) - 0.5, np.abs(y) - 0.8, np.abs(z) - 0.5])
    box = np.linalg.norm(np.maximum(q, 0.0), axis=0) + np.minimum(q.max(axis=0), 0.0)
    h = np.clip(0.5 + 0.5 * (box - ring) / 0.3, 0.0, 1.0)
    both = box * (1.0 - h) + ring * h - 0.3 * h * (1.0 - h)
    return np.maximum(both, -(np.sqrt(x * x + y * y + z * z) - 0.6))


def theirs():
    """Time one run of NumPy and scikit-image."""
    begun = time.perf_counter()
    axis = np.linspace(-1.5, 1.5, CELLS + 1, dtype=np.float32)
    values = field(*np.meshgrid(axis, axis, axis, indexing="ij", sparse=False))
    sampled = time.perf_counter()
    _, faces, _, _ = marching_cubes(values, 0.0, spacing=(3.0 / CELLS,) * 3)
    return (time.perf_counter() - begun) * 1e3, (sampled - begun) * 1e3, len(faces)


def main():
    """Print the medians of both."""
    runs = [theirs() for _ in range(RUNS)]
    whole, sampling = (statistics.median(run[at] for run in runs) for at in (0, 1))
    print(f"scikit-image: {whole:.1f} ms, of which sampling in NumPy {sampling:.1f} ms; {runs[0][2]} triangles")
    for threads in (1, 2):
        lines = subprocess.run(
            [sys.argv[1], str(CELLS), str(RUNS), str(threads)], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        ours = statistics.median(float(line.split()[0]) for line in lines)
        print(f"{threads} threads: {ours:.1f} ms, {whole / ours:.1f} times as fast; {lines[0].split(', ')[1]}")


if __name__ == "__main__":
    main()
