"""Time reading a mesh of a million triangles beside trimesh; see README.md."""

import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import trimesh

SIDE = 708
RUNS = 3


def landscape():
    """Give a bumpy square of a million triangles."""
    axis = np.linspace(-1, 1, SIDE)
    x, z = np.meshgrid(axis, axis)
    vertices = np.stack([x, 0.1 * np.sin(9 * x) * np.cos(7 * z), z], axis=-1).reshape(-1, 3)
    at = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=-1), np.stack([c, b, d], axis=-1)])
    return trimesh.Trimesh(vertices, faces, process=False)


def theirs(data, kind, process):
    """Time one run of trimesh, its triangles with normals included."""
    begun = time.perf_counter()
    mesh = trimesh.load(io.BytesIO(data), file_type=kind, force="mesh", process=process)
    corners = np.concatenate([mesh.triangles, np.repeat(mesh.face_normals[:, None], 3, axis=1)], axis=-1)
    corners.astype(np.float32).tobytes()
    return (time.perf_counter() - begun) * 1e3, len(mesh.faces)


def main():
    """Print the medians of both for every format."""
    mesh = landscape()
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("stl", "obj", "glb", "ply"):
            path = Path(folder) / f"mesh.{kind}"
            mesh.export(path)
            data = path.read_bytes()
            lines = subprocess.run(
                [sys.argv[1], str(path), str(RUNS)], check=True, capture_output=True, text=True
            ).stdout.splitlines()
            ours = statistics.median(float(line.split()[0]) for line in lines)
            for process in (True, False):
                runs = [theirs(data, kind, process) for _ in range(RUNS)]
                median = statistics.median(run[0] for run in runs)
                note = "" if process else ", without merging vertices"
                print(
                    f"{kind}: {runs[0][1]} triangles, {len(data) / 1e6:.0f} MB; ours {ours:.0f} ms, "
                    f"trimesh{note} {median:.0f} ms, {median / ours:.1f} times"
                )


if __name__ == "__main__":
    main()
