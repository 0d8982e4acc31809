"""reflow.pack.gpu: pictures of fields, scenes and drawings, and meshes of fields, without a GPU."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import pytest

from offbit_reflow import Actor, Message

from .support import need, run_node

need("reflow.pack.gpu")

BALL = {"type": "primitive", "primitive": "sphere", "radius": 1.0}
BOX = {"type": "primitive", "primitive": "box", "size": [1, 1, 1]}


def run(template, config=None, /, *, ports, **inputs):
    """Run one node on packets; what left it."""
    return run_node(template, config, inputs, listen=[*ports, "error"])


def pixels(outputs, width, height, port="output"):
    return np.frombuffer(outputs.one(port), np.uint8).reshape(height, width, 4)


FRONT = {"cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 5, "lightDir": [0, 0, 1]}


# Fields as pictures.


def test_a_ball_is_where_and_as_large_as_it_is():
    config = {**FRONT, "width": 128, "height": 96, "fov": 40, "background": [0, 0, 0]}
    outputs = run("tpl_sdf_render", config, ports=["output", "metadata"], sdf=BALL)
    picture = pixels(outputs, 128, 96)
    seen = picture[..., :3].max(axis=2) > 8
    # The silhouette of a unit ball from a distance of 5.
    radius = 96 / 2 / math.tan(math.radians(20)) * math.tan(math.asin(1 / 5))
    assert abs(seen[48].sum() / 2 - radius) <= 1
    assert abs(seen[:, 64].sum() / 2 - radius) <= 1
    assert (seen == seen[:, ::-1]).mean() > 0.999
    assert (picture[..., 3] == 255).all()
    told = outputs.one("metadata")
    assert (
        told.items()
        >= {"width": 128, "height": 96, "format": "RGBA8", "channels": 4, "nodeCount": 1, "adapter": "cpu"}.items()
    )
    assert told["shaderSize"] > 1000


def test_every_packet_draws_what_is_remembered():
    times = [Message.integer(1), Message.float(2.0)]
    outputs = run_node(
        "tpl_sdf_render", {"width": 16, "height": 16}, {"sdf": BALL, "time": times}, listen=["output", "error"]
    )
    assert len(outputs["output"]) + len(outputs["error"]) == 3
    outputs = run("tpl_sdf_render", {"width": 16, "height": 16}, ports=["output"], time=1)
    assert "sdf" in outputs["error"][0]


def test_a_picture_as_a_file():
    outputs = run("tpl_sdf_render", {"width": 16, "height": 8, "format": "png"}, ports=["output"], sdf=BALL)
    file = outputs.one("output")
    assert file.startswith(b"\x89PNG")
    assert struct.unpack(">II", file[16:24]) == (16, 8)


@pytest.mark.parametrize(
    ("config", "sdf"),
    [
        ({}, {"type": "nonsense"}),
        ({}, "text"),
        ({}, {"type": "ref", "name": "x"}),
        ({"width": 0}, BALL),
        ({"width": 1 << 20, "height": 1 << 20}, BALL),
        ({"backend": "gpu"}, BALL),
    ],
)
def test_what_cannot_be_drawn_is_told(config, sdf):
    outputs = run("tpl_sdf_render", config, ports=["output"], sdf=sdf)
    assert len(outputs["error"]) == 1
    assert outputs["output"] == []


def test_a_stream_of_pictures():
    class Times(Actor):
        outports = ["time"]

        def run(self, ctx):
            for number in range(20):
                ctx.send({"time": number / 10})
            ctx.finish()
            ctx.done()

    config = {"width": 16, "height": 16, "fps": 25}
    outputs = run_node(
        "tpl_sdf_live_render", config, {"sdf": BALL, "time": Times}, listen=["stream", "metadata", "error"]
    )
    begin, *frames, end = outputs.one("stream")
    assert begin["content_type"] == "video/raw-rgba"
    assert begin["metadata"] == {"width": 16, "height": 16, "fps": 25, "format": "RGBA8"}
    assert end == {"kind": "end"}
    assert 1 <= len(frames) <= 21
    assert all(len(frame["data"]) == 16 * 16 * 4 for frame in frames)
    assert [told["frame"] for told in outputs["metadata"]] == list(range(len(frames)))


# Fields as meshes.


def soup(outputs):
    return np.frombuffer(outputs.one("mesh"), "<f4").reshape(-1, 3, 6)


def test_the_mesh_of_a_ball():
    outputs = run("tpl_sdf_marching_cubes", {"resolution": 16, "bound": 1.5}, ports=["mesh", "metadata"], sdf=BALL)
    told = outputs.one("metadata")
    expected = {"vertexCount": 3192, "triangleCount": 1064, "resolution": 16, "bound": 1.5, "isoLevel": 0, "stride": 24}
    assert told.items() >= {**expected, "format": "pos3_normal3_f32"}.items()
    triangles = soup(outputs)
    assert triangles.shape == (1064, 3, 6)
    corners, normals = triangles[..., :3], triangles[..., 3:]
    # Counter-clockwise seen from outside, normals outwards.
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", faces, corners.mean(axis=1)) > 0).all()
    assert np.abs(normals - corners / np.linalg.norm(corners, axis=-1, keepdims=True)).max() < 1e-2


def test_meshes_are_closed():
    outputs = run(
        "tpl_sdf_marching_cubes", {"resolution": 48, "bound": 1.5, "indexed": True}, ports=["mesh", "indices"], sdf=BALL
    )
    indices = np.frombuffer(outputs.one("indices"), "<u4").reshape(-1, 3)
    vertices = np.frombuffer(outputs.one("mesh"), "<f4").reshape(-1, 6)
    edges = {(int(a), int(b)) for triangle in indices for a, b in zip(triangle, np.roll(triangle, -1), strict=True)}
    assert len(edges) == indices.size
    assert all((b, a) in edges for a, b in edges)
    assert len(vertices) - len(edges) // 2 + len(indices) == 2
    a, b, c = (vertices[indices[:, i], :3].astype(float) for i in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert abs(volume / (4 / 3 * math.pi) - 1) < 0.03


@pytest.mark.parametrize(("resolution", "count"), [(1, 0), (2, None)])
def test_coarse_grids(resolution, count):
    outputs = run(
        "tpl_sdf_marching_cubes", {"resolution": resolution, "bound": 1.5}, ports=["mesh", "metadata"], sdf=BALL
    )
    told = outputs.one("metadata")["triangleCount"]
    assert count is None or told == count
    assert len(outputs.one("mesh")) == told * 72


@pytest.mark.parametrize(
    "config", [{"resolution": 0}, {"resolution": -4}, {"resolution": 100_000}, {"bound": 0}, {"backend": "gpu"}]
)
def test_grids_that_cannot_be_are_told(config):
    assert len(run("tpl_sdf_marching_cubes", config, ports=["mesh"], sdf=BALL)["error"]) == 1


def cube(half=1.0):
    """Vertices of a cube, position and normal, counter-clockwise seen from outside."""
    corners = []
    for axis in range(3):
        for side in (-1, 1):
            normal = np.zeros(3)
            normal[axis] = side

            def place(u, v, axis=axis, side=side):
                point = np.zeros(3)
                point[axis], point[(axis + 1) % 3], point[(axis + 2) % 3] = side, u * side, v
                return point * half

            a, b, c, d = place(-1, -1), place(1, -1), place(1, 1), place(-1, 1)
            corners += [np.concatenate([point, normal]) for point in (a, b, c, a, c, d)]
    return np.array(corners, "<f4").tobytes()


def test_distances_to_a_cube():
    config = {"resolution": 16, "bound": 2.0}
    outputs = run("tpl_mesh_to_sdf", config, ports=["output", "metadata"], mesh=cube())
    assert (
        outputs.one("metadata").items()
        >= {"voxelCount": 4096, "triangleCount": 12, "dataType": "f32", "format": "sdf_volume"}.items()
    )
    distances = np.frombuffer(outputs.one("output"), "<f4").reshape(16, 16, 16)
    centres = -2 + (np.arange(16) + 0.5) * 4 / 16
    z, y, x = np.meshgrid(centres, centres, centres, indexing="ij")
    q = np.abs(np.stack([x, y, z])) - 1
    exact = np.linalg.norm(np.maximum(q, 0), axis=0) + np.minimum(q.max(axis=0), 0)
    np.testing.assert_allclose(distances, exact, atol=1e-4)
    unsigned = run("tpl_mesh_to_sdf", {**config, "signed": False}, ports=["output"], mesh=cube())
    np.testing.assert_allclose(np.frombuffer(unsigned.one("output"), "<f4"), np.abs(exact).ravel(), atol=1e-4)


@pytest.mark.parametrize(
    ("config", "mesh"),
    [({"stride": 0}, cube()), ({"stride": 13}, cube()), ({}, b""), ({}, "text"), ({"resolution": 0}, cube())],
)
def test_meshes_that_cannot_be_measured_are_told(config, mesh):
    assert len(run("tpl_mesh_to_sdf", config, ports=["output"], mesh=mesh)["error"]) == 1


# Scenes.


SIDES = [(axis, side) for axis in range(3) for side in (-1, 1)]


def colored_cube():
    """Give a cube with a colour for each side, 36 bytes a vertex."""
    plain = np.frombuffer(cube(), "<f4").reshape(36, 6)
    colors = np.repeat(
        [[axis == 0, axis == 1, axis == 2] if side > 0 else [axis != 0, axis != 1, axis != 2] for axis, side in SIDES],
        6,
        axis=0,
    )
    return np.concatenate([plain, colors.astype("<f4")], axis=1).tobytes()


@pytest.mark.parametrize(("axis", "side"), SIDES)
def test_a_cube_from_six_sides(axis, side):
    eye = [0.0, 0.0, 0.0]
    eye[axis] = 6.0 * side
    config = {
        "width": 32,
        "height": 32,
        "cameraPosX": eye[0],
        "cameraPosY": eye[1],
        "cameraPosZ": eye[2],
        "ambient": 1.0,
    }
    scene = {"objects": [{"id": "a", "transform": {"position": [0, 0, 0]}, "meshStride": 36}]}
    feed = {"meshes": colored_cube(), "scene": [scene]}
    outputs = run_node("tpl_scene_render", config, feed, listen=["output", "metadata", "error"])
    picture = pixels(outputs, 32, 32)
    expected = [255 * ((at == axis) == (side > 0)) for at in range(3)]
    assert picture[16, 16].tolist() == [*expected, 255]
    assert outputs.one("metadata").items() >= {"objectCount": 1, "width": 32, "adapter": "cpu"}.items()


def test_left_is_left_and_near_is_before():
    def at(x, y, z, color):
        return {"id": f"{x}{y}{z}", "transform": {"position": [x, y, z]}, "material": {"color": color}}

    scene = {
        "objects": [at(-2, 0, 0, [1, 0, 0]), at(2, 0, 0, [0, 1, 0]), at(0, 0, 3, [0, 0, 1]), at(0, 0, 0, [1, 1, 1])]
    }
    config = {"width": 64, "height": 32, "cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 8, "ambient": 1.0}
    picture = pixels(run("tpl_scene_render", config, ports=["output"], scene=scene), 64, 32)
    row = picture[16]
    reds, greens, blues = (
        np.flatnonzero((row[:, :3] == color).all(axis=1)) for color in ([255, 0, 0], [0, 255, 0], [0, 0, 255])
    )
    assert min(len(reds), len(greens), len(blues)) > 0
    assert reds.max() < 32 < greens.min()
    assert 32 in blues


def test_an_empty_scene():
    outputs = run("tpl_scene_render", {"width": 4, "height": 4}, ports=["output"], scene={"objects": []})
    assert set(outputs.one("output")) == {30}
    assert len(run("tpl_scene_render", ports=["output"], scene={"nothing": 1})["error"]) == 1
    assert len(run("tpl_scene_render", ports=["output"], scene=5)["error"]) == 1


# Drawings.


def drawn(config, ports=("image", "metadata"), **inputs):
    inputs = inputs or {"tick": Message.flow()}
    return run(
        "tpl_gpu_2d_render",
        {"width": 60, "height": 40, "background": [0, 0, 0, 1], **config},
        ports=list(ports),
        **inputs,
    )


def test_shapes_are_where_they_are():
    shapes = [
        {"type": "rect", "bounds": [10, 10, 20, 10], "color": [1, 0, 0, 1]},
        {"type": "circle", "bounds": [35, 10, 20, 20], "color": [0, 1, 0, 0.5]},
        {"type": "polygon", "points": [[2, 30], [8, 30], [8, 38], [2, 38]], "color": [0, 0, 1, 1]},
    ]
    outputs = drawn({"shapes": shapes})
    picture = pixels(outputs, 60, 40, "image")
    assert picture[15, 20].tolist() == [255, 0, 0, 255]
    assert picture[20, 45].tolist() == [0, 128, 0, 255]
    assert picture[34, 5].tolist() == [0, 0, 255, 255]
    assert picture[5, 5].tolist() == [0, 0, 0, 255]
    # Outside of the circle, inside of its box.
    assert picture[11, 36].tolist() == [0, 0, 0, 255]
    assert outputs.one("metadata").items() >= {"width": 60, "height": 40, "primitiveCount": 3, "adapter": "cpu"}.items()


def test_later_shapes_are_above_earlier_ones_by_number():
    shapes = [{"bounds": [0, 0, 60, 40], "color": [at / 20, 0, 0, 1], "z": 1} for at in range(12)]
    assert pixels(drawn({"shapes": shapes}), 60, 40, "image")[20, 30, 0] == round(11 / 20 * 255)


def test_shadows_and_borders():
    shape = {
        "bounds": [20, 10, 20, 20], "color": [1, 1, 1, 1],
        "shadow": {"x": 0, "y": 0, "blur": 8, "color": [1, 0, 0, 1]}, "border": {"width": 2, "color": [0, 0, 1, 1]},
    }  # fmt: skip
    picture = pixels(drawn({"shapes": [shape]}), 60, 40, "image")
    assert picture[20, 30].tolist() == [255, 255, 255, 255]
    assert picture[20, 20].tolist() == [0, 0, 255, 255]
    # At the edge half of the blur is inside.
    assert 80 < picture[20, 18, 0] < 128
    assert picture[20, 3, 0] < 3


def test_values_move_shapes():
    shapes = [{"bounds": [0, 0, 10, 10], "color": [1, 0, 0, 1]}]
    moved = drawn({"shapes": shapes}, values={"s0_x": 40.0, "s0_y": 20.0, "s0_scale": 2})
    picture = pixels(moved, 60, 40, "image")
    assert picture[12, 32].tolist() == [255, 0, 0, 255]
    assert picture[5, 5].tolist() == [0, 0, 0, 255]
    hidden = drawn({"shapes": shapes}, values={"s0_opacity": 0})
    assert pixels(hidden, 60, 40, "image")[5, 5].tolist() == [0, 0, 0, 255]


def test_a_transparent_background_keeps_straight_colours():
    shapes = [{"bounds": [0, 0, 60, 40], "color": [1, 0.5, 0, 0.5]}]
    picture = pixels(drawn({"shapes": shapes, "background": [0, 0, 0, 0]}), 60, 40, "image")
    assert picture[20, 30].tolist() == [255, 128, 0, 128]


def test_text_stands_on_its_baseline():
    text = [{"content": "H", "x": 5, "y": 2, "size": 32}]
    picture = pixels(drawn({"text": text}), 60, 40, "image")
    rows = np.flatnonzero(picture[..., 0].max(axis=1) > 128)
    assert abs(rows.max() + 1 - (2 + 0.78 * 32)) <= 1.5
    assert picture[..., 0].max() == 255


def test_a_picture_layer():
    layer = np.zeros((40, 60, 4), np.uint8)
    layer[:, :30] = [255, 0, 0, 255]
    layer[:, 30:] = [0, 0, 255, 255]
    picture = pixels(drawn({}, data=layer.tobytes()), 60, 40, "image")
    assert (picture == layer).all()


def test_nothing_to_draw_draws_nothing():
    outputs = drawn({})
    assert outputs["image"] == outputs["error"] == []
    assert len(drawn({"shapes": [{"type": "blob"}]})["error"]) == 1
    assert len(drawn({"width": 0, "shapes": [{}]})["error"]) == 1


def test_the_same_in_is_the_same_out():
    shapes = [{"type": "circle", "bounds": [0, 0, 40, 40], "shadow": {}, "border": {}}]
    first, second = (zlib.crc32(drawn({"shapes": shapes}).one("image")) for _ in range(2))
    assert first == second
