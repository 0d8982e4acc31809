"""The films: they are made, and what is in them moves."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "animation"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["walking", "fountain", "title"])
def test_a_film_moves(name, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import {name}; {name}.film(8).save(sys.argv[1])"
    path = tmp_path / "film.png"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=100)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    frames, at = [], 8
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            frames.append(zlib.decompress(body))
        elif kind == b"fdAT":
            frames.append(zlib.decompress(body[4:]))
        at += 12 + length
    assert len(frames) == 8
    assert len(set(frames)) > 4
    # Something is drawn: there are lighter pixels than the ground.
    assert max(frames[-1]) > 150
