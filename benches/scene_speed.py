"""Skinning, particles and tweens beside NumPy doing the same, and the figures of the asset store.

Run with NumPy installed:  python benches/scene_speed.py
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
EXAMPLE = ["cargo", "run", "-q", "--release", "-p", "reflow-scene", "--no-default-features", "--example", "scene_speed"]


def best(work: Callable[[], object], rounds: int) -> float:
    """Give the seconds of the best of some rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def skinning() -> float:
    """Skin 100,000 vertices by 4 bones each."""
    count = 100_000
    mesh = (np.arange(count * 6, dtype=np.float32) % 97 * np.float32(0.01)).reshape(count, 6)
    bones = np.tile(np.eye(4, dtype=np.float32), (64, 1, 1))
    indices = (np.arange(count * 4) % 64).reshape(count, 4)
    weights = np.full((count, 4), 0.25, dtype=np.float32)

    def work() -> object:
        matrices = (bones[indices] * weights[:, :, None, None]).sum(axis=1)
        places = np.einsum("nij,nj->ni", matrices[:, :3, :3], mesh[:, :3]) + matrices[:, :3, 3]
        normals = np.einsum("nij,nj->ni", matrices[:, :3, :3], mesh[:, 3:])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-8)
        return np.hstack([places, normals])

    return best(work, 5)


def particles() -> float:
    """Let 10,000 particles go on and make those anew that are over."""
    rng = np.random.default_rng(1)
    position, velocity = rng.random((10_000, 3), dtype=np.float32), rng.random((10_000, 3), dtype=np.float32)
    age, life = np.zeros(10_000, dtype=np.float32), np.full(10_000, 1e6, dtype=np.float32)
    gravity = np.array([0, -9.81, 0], dtype=np.float32)

    def work() -> None:
        np.add(age, np.float32(0.016), out=age)
        np.add(velocity, gravity * np.float32(0.016), out=velocity)
        np.add(position, velocity * np.float32(0.016), out=position)
        over = age >= life
        age[over] = 0
        position[over] = 0

    return best(work, 200)


def tweens() -> float:
    """Ease 1,000 tweens of three numbers."""
    elapsed = np.arange(1000) * 0.001
    start, end = np.zeros((1000, 3)), np.tile([8.0, -4.0, 2.0], (1000, 1))

    def work() -> object:
        t = np.clip(elapsed + 0.016, 0, 1)
        eased = np.where(t < 0.5, 4 * t**3, (2 * t - 2) ** 3 / 2 + 1)
        return start + (end - start) * eased[:, None]

    return best(work, 2000)


def main() -> None:
    """Print the table."""
    lines = subprocess.run(EXAMPLE, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    ours = {name: float(seconds) for name, seconds in (line.split() for line in lines if line)}
    numpy = {"skinning_100k_x4": skinning(), "particles_10k": particles(), "tweens_1k": tweens()}
    print(f"{'':34}{'here':>14}{'NumPy':>14}{'times':>8}")
    for name, seconds in ours.items():
        other = numpy.get(name)
        beside = f"{other * 1e6:>11.1f} µs{other / seconds:>8.1f}" if other else ""
        print(f"{name:34}{seconds * 1e6:>11.1f} µs{beside}")


if __name__ == "__main__":
    main()
