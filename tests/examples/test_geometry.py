"""A landscape and a poster: they are made, and look like what they should."""

import json
import struct
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "geometry"


@pytest.fixture(autouse=True)
def _from_the_folder(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("landscape", "poster"):
        sys.modules.pop(name, None)


@pytest.mark.timeout(120)
def test_a_landscape_is_a_mesh_a_picture_and_a_file():
    import landscape

    made = landscape.make()
    assert len(made.mesh) == 2 * (landscape.SIDE - 1) ** 2
    # Water, grass and snow.
    colors = {made.map.pixels[at : at + 3] for at in range(0, len(made.map.pixels), 4)}
    assert any(blue > 180 > green for _, green, blue in colors)
    assert any(green > max(red, blue) for red, green, blue in colors)
    magic, version, length, size, kind = struct.unpack("<4sIIII", made.file[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(made.file), 0x4E4F534A)
    document = json.loads(made.file[20 : 20 + size])
    [primitive] = document["meshes"][0]["primitives"]
    assert {"POSITION", "NORMAL", "TEXCOORD_0", "COLOR_0"} <= set(primitive["attributes"])
    drawn = made.picture.pixels[3::4]
    assert 0.2 < sum(alpha == 255 for alpha in drawn) / len(drawn) < 0.9


@pytest.mark.timeout(120)
def test_a_poster_has_shapes_and_text():
    import poster

    made = poster.make()

    def color(x, y):
        at = 4 * (y * poster.WIDTH + x)
        return tuple(made.pixels[at : at + 4])

    assert color(5, 5) == (18, 24, 48, 255)
    assert color(300, 290)[0] > 200
    # The frame is dashed, and letters are light on dark.
    assert (250, 240, 220, 255) in {color(x, 30) for x in range(60, 540)}
    assert (18, 24, 48, 255) in {color(x, 30) for x in range(60, 540)}
    assert max(color(x, y)[0] for x in range(100, 500) for y in range(520, 570)) > 240
