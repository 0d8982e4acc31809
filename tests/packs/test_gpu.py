"""reflow.pack.gpu: pictures of fields, scenes and drawings, and meshes of fields, with a GPU and without."""

from __future__ import annotations

import asyncio
import json
import math
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from offbit_reflow import Actor, Message, Network, list_packs

from .support import need, run_node

need("reflow.pack.gpu")

BALL = {"type": "primitive", "primitive": "sphere", "radius": 1.0}
BOX = {"type": "primitive", "primitive": "box", "size": [1, 1, 1]}


def run(template, config=None, /, *, ports, **inputs):
    """Run one node on packets; what left it."""
    return run_node(template, config, inputs, listen=[*ports, "error"])


def pixels(outputs, width, height, port="output"):
    return np.frombuffer(outputs.one(port), np.uint8).reshape(height, width, 4)


#: Whether there is a GPU, if only one in software.
GPU = run("tpl_sdf_render", {"width": 8, "height": 8, "backend": "gpu"}, ports=["metadata"], sdf=BALL)["metadata"]

needs_gpu = pytest.mark.skipif(
    not GPU, reason="no GPU: the Debian packages libvulkan1 and mesa-vulkan-drivers are missing"
)
BACKENDS = ["cpu", pytest.param("gpu", marks=needs_gpu)]

FRONT = {"cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 5, "lightDir": [0, 0, 1]}


# Fields as pictures.


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ball_is_where_and_as_large_as_it_is(backend):
    config = {**FRONT, "backend": backend, "width": 128, "height": 96, "fov": 40, "background": [0, 0, 0]}
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
    assert told.items() >= {"width": 128, "height": 96, "format": "RGBA8", "channels": 4, "nodeCount": 1}.items()
    assert told["shaderSize"] > 1000
    assert told["adapter"] == ("cpu" if backend == "cpu" else GPU[0]["adapter"])


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
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_cannot_be_drawn_is_told(config, sdf, backend):
    outputs = run("tpl_sdf_render", {"backend": backend, **config}, ports=["output"], sdf=sdf)
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


@pytest.mark.parametrize("policy", ["block", "drop"])
def test_a_slow_reader_gets_frames_in_order_and_memory_stays(policy):
    shades, told = [], []

    class Trees(Actor):
        """Sends balls that grow, so that each frame can be told from the others."""

        outports = ["sdf"]

        async def run(self, ctx):
            for number in range(60):
                await ctx.send_async({"sdf": {**BALL, "radius": 0.2 + number / 60}})
            ctx.finish()
            ctx.done()

    class Slow(Actor):
        inports = ["in"]
        outports = []

        async def run(self, ctx):
            async for frame in ctx.message("in").take_stream():
                if frame["kind"] == "data":
                    picture = np.frombuffer(frame["data"], np.uint8).reshape(32, 32, 4)
                    shades.append(int((picture[..., :3].max(axis=2) > 60).sum()))
                    await asyncio.sleep(0.005)
            ctx.done()

    class Told(Actor):
        inports = ["in"]
        outports = []

        def run(self, ctx):
            told.append(ctx["in"])
            ctx.done()

    with Network() as net:
        for name, class_ in (("trees", Trees), ("slow", Slow), ("told", Told)):
            net.register_actor(name, class_)
            net.add_node(name, name)
        config = {**FRONT, "width": 32, "height": 32, "backend": "cpu", "dropPolicy": policy, "background": [0, 0, 0]}
        net.add_node("node", "tpl_sdf_live_render", config)
        net.add_connection("trees", "sdf", "node", "sdf")
        net.add_connection("node", "stream", "slow", "in")
        net.add_connection("node", "metadata", "told", "in")
        assert net.run(timeout=50).ok
    assert shades == sorted(shades)
    assert len(told) == 60
    assert len(shades) == sum(not one["dropped"] for one in told)
    if policy == "block":
        assert len(shades) == 60


def test_a_stream_that_nobody_reads_holds_nothing_up():
    trees = [{**BALL, "radius": 0.5 + number / 100} for number in range(12)]
    config = {"width": 8, "height": 8, "backend": "cpu"}
    outputs = run("tpl_sdf_live_render", config, ports=["metadata"], sdf=trees)
    assert len(outputs["metadata"]) == 12
    assert outputs["error"] == []


def test_a_stream_ends_when_its_network_is_stopped():
    with Network() as net:
        net.add_node("node", "tpl_sdf_live_render", {"width": 8, "height": 8, "backend": "cpu"})
        heard = net.listen("node", "stream")
        net.start()
        net.send("node", "sdf", BALL)
        reader = heard.recv(timeout=20).take_stream()
        assert [reader.recv(20_000)["kind"] for _ in range(2)] == ["begin", "data"]
        net.shutdown()
        assert reader.recv(5_000)["kind"] == "end"


MATERIAL = {"color": [0.9, 0.4, 0.2], "roughness": 0.4, "metallic": 0.3, "emission": [0, 0.02, 0.05], "ior": 1.5}


def primitive(kind, **fields):
    return {"type": "primitive", "primitive": kind, **fields, "material": MATERIAL}


def moved(kind, child=BALL, **fields):
    return {"type": "transform", "transform": kind, **fields, "child": child}


def both(op, **fields):
    right = moved("translate", BOX, offset=[0.6, 0.3, 0])
    return {"type": "operation", "op": op, "left": primitive("sphere", radius=1), "right": right, **fields}


FIELDS = {
    "sphere": primitive("sphere", radius=1),
    "box": primitive("box", size=[1, 0.5, 0.7]),
    "roundBox": primitive("roundBox", size=[0.8, 0.5, 0.7], radius=0.2),
    "ellipsoid": primitive("ellipsoid", radii=[1.2, 0.6, 0.9]),
    "roundBoxShell": primitive("roundBoxShell", size=[0.8, 0.5, 0.7], radius=0.2, thickness=0.1),
    "cylinder": primitive("cylinder", radius=0.7, height=0.8),
    "capsule": primitive("capsule", radius=0.5, height=1),
    "torus": primitive("torus", major_radius=1, minor_radius=0.3),
    "cone": moved("translate", primitive("cone", angle=0.5, height=1), offset=[0, 1, 0]),
    "plane": primitive("plane", normal=[0, 1, 0], offset=0.5),
    "taperedCapsule": primitive("taperedCapsule", a=[-1, 0, 0], b=[1, 0.5, 0], radius_a=0.5, radius_b=0.2),
    "tubePath": primitive("tubePath", points=[[-1, 0, 0], [0, 1, 0], [1, 0, 0.5]], radii=[0.2, 0.4, 0.1], k=0.1),
    "infRepeat": moved("round", primitive("infRepeat", spacing=[2, 2, 2]), radius=0.4),
    "puddle": primitive("puddle", radius=1.2, height=0.2, noise_freq=2, noise_amp=0.1, bevel=0.08, meniscus=0.01),
    "volume": primitive("volume", resolution=2, bound=1, values=[-0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, -0.2]),
    **{op: both(op) for op in ("union", "intersection", "difference")},
    **{op: both(op, k=0.3) for op in ("smoothUnion", "smoothIntersection", "smoothDifference")},
    "translate": moved("translate", offset=[0.4, -0.3, 0.2]),
    "rotate": moved("rotate", BOX, angles=[20, 30, 40]),
    "scale": moved("scale", BOX, factor=[1, 0.5, 0.7]),
    "twist": moved("twist", BOX, strength=0.5),
    "bend": moved("bend", BOX, strength=0.3),
    "elongate": moved("elongate", amount=[0.5, 0.1, 0]),
    "round": moved("round", BOX, radius=0.2),
    "shell": moved("shell", thickness=0.1),
    "repeat": moved("repeat", primitive("sphere", radius=0.4), spacing=[1, 1, 1], count=[1, 0, 1]),
    "mirror": moved("mirror", moved("translate", primitive("sphere", radius=0.5), offset=[0.7, 0, 0]), axis=[1, 0, 0]),
    "displace": moved("displace", frequency=3, amplitude=0.1, octaves=3),
    "material": {"type": "material", "material": MATERIAL, "child": BALL},
}


@needs_gpu
@pytest.mark.parametrize("name", FIELDS)
def test_both_backends_draw_the_same_field(name):
    config = {"width": 64, "height": 64, "softShadows": True}
    cpu, gpu = (
        pixels(run("tpl_sdf_render", {**config, "backend": backend}, ports=["output"], sdf=FIELDS[name]), 64, 64)
        for backend in ("cpu", "gpu")
    )
    same = np.abs(cpu.astype(int) - gpu).max(axis=2) <= 3
    assert same.mean() >= 0.995, same.mean()


@needs_gpu
def test_a_shade_in_wgsl_counts_on_a_gpu():
    def scene(text):
        return {"type": "scene", "root": BALL, "settings": {"customShadeWgsl": text}}

    green = "fn shade(ro: vec3f, rd: vec3f, t: f32) -> vec3f { return vec3f(0.0, 1.0, 0.0); }"
    config = {**FRONT, "width": 32, "height": 32, "backend": "gpu"}
    red, green, blue, _ = pixels(run("tpl_sdf_render", config, ports=["output"], sdf=scene(green)), 32, 32)[16, 16]
    assert (red, blue) == (0, 0)
    assert green > 200
    wrong = run("tpl_sdf_render", config, ports=["output"], sdf=scene("fn shade() -> f32 { return true; }"))
    assert "customShadeWgsl" in wrong["error"][0]


@needs_gpu
def test_a_hundred_pictures_of_a_gpu_take_no_memory():
    from ..runtime.support import resident_mb

    config = {"width": 64, "height": 64, "backend": "gpu"}
    times = [Message.float(at / 10) for at in range(50)]
    draw = {"sdf": BALL, "time": times}
    run_node("tpl_sdf_render", config, draw, listen=["metadata"])
    before = resident_mb()
    for _ in range(2):
        run_node("tpl_sdf_render", config, draw, listen=["metadata"])
    assert resident_mb() - before < 30


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


def test_a_mesh_of_more_than_64_mib():
    # A lattice of 32³ small balls, four samples each.
    balls = moved("round", primitive("infRepeat", spacing=[0.125] * 3), radius=0.05)
    outputs = run("tpl_sdf_marching_cubes", {"resolution": 128, "bound": 2.0}, ports=["mesh", "metadata"], sdf=balls)
    told, triangles = outputs.one("metadata"), soup(outputs)
    assert len(triangles) == told["triangleCount"]
    assert triangles.nbytes > 64 << 20
    assert np.abs(triangles[..., :3]).max() <= 2
    assert np.isfinite(triangles).all()


@pytest.mark.parametrize("config", [{"resolution": 0}, {"resolution": -4}, {"resolution": 100_000}, {"bound": 0}])
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


def test_what_was_measured_is_a_field():
    outputs = run("tpl_mesh_to_sdf", {"resolution": 24, "bound": 1.5}, ports=["sdf", "metadata"], mesh=cube())
    volume = outputs.one("sdf")
    assert (volume["primitive"], volume["resolution"], len(volume["values"])) == ("volume", 24, 24**3)
    config = {"resolution": 32, "bound": 1.5}
    corners = soup(run("tpl_sdf_marching_cubes", config, ports=["mesh"], sdf=volume))[..., :3]
    # The edges of a cube are a little rounded.
    assert np.abs(np.abs(corners).max(axis=-1) - 1).max() < 0.1
    wrong = run("tpl_sdf_render", ports=["output"], sdf={**volume, "resolution": 23})
    assert "12167" in wrong["error"][0]


@pytest.mark.parametrize("listens", [False, True])
def test_the_field_leaves_for_an_outport_of_the_network_and_for_a_listener_alone(listens):
    with Network() as net:
        net.add_node("n", "tpl_mesh_to_sdf", {"resolution": 4})
        net.add_initial("n", "mesh", cube())
        heard = net.listen("n", "sdf") if listens else None
        if not listens:
            net.add_outport("sdf", "n", "sdf")
        result = net.run(timeout=60)
        (field,) = [heard.recv(timeout=30).data()] if heard else result.collected()["sdf"]
    assert field["resolution"] == 4


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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("axis", "side"), SIDES)
def test_a_cube_from_six_sides(axis, side, backend):
    eye = [0.0, 0.0, 0.0]
    eye[axis] = 6.0 * side
    config = {
        "width": 32,
        "height": 32,
        "cameraPosX": eye[0],
        "cameraPosY": eye[1],
        "cameraPosZ": eye[2],
        "ambient": 1.0,
        "backend": backend,
    }
    scene = {"objects": [{"id": "a", "transform": {"position": [0, 0, 0]}, "meshStride": 36}]}
    feed = {"meshes": colored_cube(), "scene": [scene]}
    outputs = run_node("tpl_scene_render", config, feed, listen=["output", "metadata", "error"])
    picture = pixels(outputs, 32, 32)
    expected = [255 * ((at == axis) == (side > 0)) for at in range(3)]
    assert picture[16, 16].tolist() == [*expected, 255]
    assert outputs.one("metadata").items() >= {"objectCount": 1, "width": 32}.items()


@pytest.mark.parametrize("backend", BACKENDS)
def test_left_is_left_and_near_is_before(backend):
    def at(x, y, z, color):
        return {"id": f"{x}{y}{z}", "transform": {"position": [x, y, z]}, "material": {"color": color}}

    scene = {
        "objects": [at(-2, 0, 0, [1, 0, 0]), at(2, 0, 0, [0, 1, 0]), at(0, 0, 3, [0, 0, 1]), at(0, 0, 0, [1, 1, 1])]
    }
    camera = {"cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 8}
    config = {"width": 64, "height": 32, "backend": backend, "ambient": 1.0, **camera}
    picture = pixels(run("tpl_scene_render", config, ports=["output"], scene=scene), 64, 32)
    row = picture[16]
    reds, greens, blues = (
        np.flatnonzero((row[:, :3] == color).all(axis=1)) for color in ([255, 0, 0], [0, 255, 0], [0, 0, 255])
    )
    assert min(len(reds), len(greens), len(blues)) > 0
    assert reds.max() < 32 < greens.min()
    assert 32 in blues


def test_two_renders_have_nothing_in_common():
    textured = {"objects": [{"id": "a", "meshStride": 32}]}
    corners = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, -9, 0], [9, 9, 0], [-9, 9, 0]], np.float32)
    uv = np.full((6, 2), 0.5, np.float32)
    mesh = np.hstack([corners, np.tile(np.float32([0, 0, 1]), (6, 1)), uv]).astype("<f4").tobytes()
    colors = {"red": [200, 0, 0], "green": [0, 200, 0]}
    plain = {"objects": [{"id": "a", "material": {"color": [0, 0, 1]}, "transform": {"scale": [8, 8, 8]}}]}
    config = {"width": 8, "height": 8, "ambient": 1.0, "cameraPosX": 0, "cameraPosY": 0, "cameraPosZ": 5}
    for backend in ["cpu", "auto"]:
        with Network() as net:
            for name, color in colors.items():
                net.add_node(name, "tpl_scene_render", {**config, "backend": backend})
                net.add_outport(name, name, "output")
                texture = zlib_png(np.tile(np.uint8(color), (4, 4, 1)))
                for port, value in {"texture": texture, "meshes": mesh, "scene": textured}.items():
                    net.add_initial(name, port, value)
            # A third has no mesh and no texture of its own: a cube.
            net.add_node("plain", "tpl_scene_render", {**config, "backend": backend})
            net.add_outport("plain", "plain", "output")
            net.add_initial("plain", "scene", plain)
            collected = net.run(timeout=50).collected()
        for name, expected in {**colors, "plain": [0, 0, 255]}.items():
            (picture,) = collected[name]
            assert list(picture[36 * 4 : 36 * 4 + 3]) == expected, (backend, name)


@pytest.mark.parametrize(
    ("port", "value", "said"),
    [
        ("light_count", "many", "light_count"),
        ("light_count", -1, "light_count"),
        ("camera", 5, "camera"),
        ("mesh_metadata", "text", "mesh_metadata"),
        ("lights", "text", "lights"),
        ("texture", b"no picture", "texture"),
        ("material", {}, "vertexWgsl"),
    ],
)
def test_what_a_scene_cannot_be_drawn_with_is_told(port, value, said):
    outputs = run("tpl_scene_render", {"width": 4, "height": 4}, ports=["output"], **{port: value})
    assert said in outputs["error"][0]


def test_an_object_inside_of_itself_is_told():
    objects = [{"id": "a", "parent": "b"}, {"id": "b", "parent": "c"}, {"id": "c", "parent": "b"}]
    (error,) = run("tpl_scene_render", ports=["output"], scene={"objects": objects})["error"]
    assert "inside of itself" in error
    assert "`a`" not in error


def test_an_empty_scene():
    outputs = run("tpl_scene_render", {"width": 4, "height": 4}, ports=["output"], scene={"objects": []})
    assert set(outputs.one("output")) == {30}
    assert len(run("tpl_scene_render", ports=["output"], scene={"nothing": 1})["error"]) == 1
    assert len(run("tpl_scene_render", ports=["output"], scene=5)["error"]) == 1


def lamp(kind, position, direction, color, cast=0.0):
    numbers = [*position, kind, *direction, 2.0, *color, 20.0, 0.9, 0.6, cast, 0.0]
    return struct.pack("<16f", *numbers)


@needs_gpu
@pytest.mark.parametrize("msaa", [1, 4])
def test_both_backends_draw_the_same_scene(msaa):
    texture = zlib_png(np.dstack([np.indices((8, 8))[0] * 30, np.indices((8, 8))[1] * 30, np.full((8, 8), 90)]))
    corners = np.array([[-2, -1, 0], [2, -1, 0], [2, 2, 0], [-2, -1, 0], [2, 2, 0], [-2, 2, 0]], np.float32)
    uv = np.array([[0, 0], [2, 0], [2, 2], [0, 0], [2, 2], [0, 2]], np.float32)
    mesh = np.hstack([corners, np.tile(np.float32([0, 0, 1]), (6, 1)), uv]).astype("<f4").tobytes()
    objects = [
        {"id": "a", "meshStride": 32, "transform": {"position": [0, 0, 0], "rotation": [20, 30, 0]}},
        {"id": "b", "meshStride": 32, "transform": {"position": [1, 1, -2], "scale": [0.5, 0.5, 0.5]}},
        {"id": "ground", "type": "terrain", "transform": {"position": [0, -1, 0]}},
    ]
    lights = lamp(0, [0, 0, 0], [0, -1, -1], [1, 1, 0.8]) + lamp(1, [2, 2, 3], [0, 0, -1], [0.2, 0.4, 1])
    lights += lamp(2, [-2, 3, 3], [0.5, -0.7, -0.5], [1, 0.3, 0.3]) + lamp(3, [0] * 3, [0] * 3, [0.05] * 3)
    config = {"width": 96, "height": 72, "msaa": msaa}
    pictures = []
    for backend in ("cpu", "gpu"):
        inputs = {"texture": texture, "meshes": mesh, "lights": lights, "scene": {"objects": objects}}
        outputs = run_node("tpl_scene_render", {**config, "backend": backend}, inputs, listen=["output", "error"])
        pictures.append(pixels(outputs, 96, 72))
    same = np.abs(pictures[0].astype(int) - pictures[1]).max(axis=2) <= 3
    assert same.mean() >= 0.97, same.mean()
    assert pictures[0].std() > 20


def zlib_png(rgb):
    """A PNG file of an array of rows, columns and three colours."""
    rows = b"".join(b"\0" + row.tobytes() for row in rgb.astype(np.uint8))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@needs_gpu
def test_a_compiled_material_is_drawn_by_a_gpu():
    numbers = {"metallic": 0, "roughness": 0.5, "emission_strength": 0, "alpha": 1}
    bsdf = {name: {"type": "constFloat", "c": number} for name, number in numbers.items()}
    bsdf |= {"base_color": {"type": "constVec3", "c": [1, 0, 0]}, "emission": {"type": "constVec3", "c": [0, 0, 0]}}
    shader = {"type": "materialOutput", "surface": {"type": "principledBsdf", **bsdf}}
    material = run_node("tpl_shader_compiler", {}, {"shader": shader}, listen=["material", "error"]).one("material")
    inputs = {"material": material, "scene": {"objects": [{"id": "a", "transform": {"scale": [8, 8, 8]}}]}}
    outputs = run_node(
        "tpl_scene_render", {"width": 32, "height": 32, "backend": "gpu"}, inputs, listen=["output", "error"]
    )
    red, green, blue, _ = (int(part) for part in pixels(outputs, 32, 32)[16, 16])
    assert red > 60
    assert red > 2 * max(green, blue)


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


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "polygon", "points": [[0, 0], [1e30, 0], [0, 1e30]]},
        {"type": "line", "points": [[0, 0], [5, 5]], "width": 1e30},
        {"type": "path", "d": "M0,0 L1e12,5"},
        {"type": "polygon", "points": [[0, 0], [9, 0], [0, 9]], "border": {"width": 1e30}},
    ],
)
def test_numbers_that_cannot_be_drawn_are_told(shape):
    assert "shape 0" in drawn({"shapes": [shape]})["error"][0]


def test_a_pose_that_cannot_be_drawn_is_told_and_the_next_picture_comes():
    shapes = [{"type": "polygon", "points": [[0, 0], [9, 0], [0, 9]]}]
    values = [{"s0_x": math.nan}, {"s0_x": 20.0}]
    outputs = drawn({"shapes": shapes}, values=values)
    # Only the newest values count where both are there at once.
    assert len(outputs["image"]) == 1
    assert all("shape 0" in text for text in outputs["error"])


@pytest.mark.parametrize("inputs", [{"values": 5}, {"values": "text"}, {"data": 3}, {"data": "text"}, {"data": b"abc"}])
def test_what_is_no_frame_and_no_number_by_name_is_told(inputs):
    outputs = drawn({"shapes": [{}]}, **inputs)
    assert next(iter(inputs)) in outputs["error"][0]
    assert outputs["image"] == []


def test_the_same_in_is_the_same_out():
    shapes = [{"type": "circle", "bounds": [0, 0, 40, 40], "shadow": {}, "border": {}}]
    first, second = (zlib.crc32(drawn({"shapes": shapes}).one("image")) for _ in range(2))
    assert first == second


WITHOUT = """
import json, sys
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
ball = {"type": "primitive", "primitive": "sphere", "radius": 1.0}
scene = {"objects": [{"id": "a"}]}
made = {}
with Network() as net:
    for backend in ("auto", "gpu"):
        for template, port, value in (
            ("tpl_sdf_render", "sdf", ball), ("tpl_sdf_live_render", "sdf", ball), ("tpl_scene_render", "scene", scene),
        ):
            name = f"{template} {backend}"
            net.add_node(name, template, {"width": 16, "height": 16, "backend": backend})
            net.add_initial(name, port, value)
            net.add_outport(f"{name} metadata", name, "metadata")
            net.add_outport(f"{name} error", name, "error")
    net.add_node("drawing", "tpl_gpu_2d_render", {"width": 16, "height": 16, "shapes": [{}]})
    net.add_initial("drawing", "tick", 1)
    net.add_node("mesh", "tpl_sdf_marching_cubes", {"resolution": 8})
    net.add_initial("mesh", "sdf", ball)
    for name in ("drawing", "mesh"):
        net.add_outport(f"{name} metadata", name, "metadata")
    collected = net.run(timeout=50).collected()
print(json.dumps({name: [str(one) if "error" in name else one for one in told] for name, told in collected.items()}))
"""


QUIET = """
import sys
from offbit_reflow import Network, load_pack
load_pack(sys.argv[1])
with Network() as net:
    net.add_node("node", "tpl_sdf_render", {"width": 8, "height": 8, "backend": "gpu"})
    net.add_initial("node", "sdf", {"type": "primitive", "primitive": "sphere", "radius": 1.0})
    net.add_outport("metadata", "node", "metadata")
    (told,) = net.run(timeout=50).collected()["metadata"]
print(told["adapter"])
"""


@needs_gpu
def test_a_gpu_draws_on_a_server_without_a_word():
    path = next(one["source_path"] for one in list_packs() if one["name"] == "reflow.pack.gpu")
    sessions = ("XDG_RUNTIME_DIR", "WAYLAND_DISPLAY", "DISPLAY")
    env = {name: value for name, value in os.environ.items() if name not in sessions}
    done = subprocess.run([sys.executable, "-c", QUIET, path], env=env, capture_output=True, text=True, timeout=50)
    assert (done.stdout, done.stderr) == (GPU[0]["adapter"] + "\n", "")


@pytest.mark.parametrize("missing", ["drivers", "library"])
def test_without_a_gpu_the_processor_draws_and_who_insists_is_told_what_is_missing(missing, tmp_path):
    nowhere = str(tmp_path / "nothing.json")
    env = {**os.environ, "VK_ICD_FILENAMES": nowhere, "VK_DRIVER_FILES": nowhere}
    if missing == "library":
        # A file that is no library stands in front of the one that is there.
        (tmp_path / "libvulkan.so.1").write_bytes(b"none")
        (tmp_path / "libvulkan.so").write_bytes(b"none")
        env["LD_LIBRARY_PATH"] = str(tmp_path)
    path = next(one["source_path"] for one in list_packs() if one["name"] == "reflow.pack.gpu")
    command = [sys.executable, "-c", WITHOUT, path]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    # The runtime tells what failed; no driver and no panic says anything beside it.
    assert all(line.startswith("node `tpl_") for line in done.stderr.splitlines()), done.stderr
    told = json.loads(done.stdout)
    for template in ("tpl_sdf_render", "tpl_sdf_live_render", "tpl_scene_render"):
        assert [one["adapter"] for one in told[f"{template} auto metadata"]] == ["cpu"]
        assert told.get(f"{template} gpu metadata", []) == []
        (error,) = told[f"{template} gpu error"]
        assert "libvulkan1" in error
        assert "mesa-vulkan-drivers" in error
    assert [one["adapter"] for name in ("drawing", "mesh") for one in told[f"{name} metadata"]] == ["cpu", "cpu"]
