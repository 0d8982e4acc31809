"""Meshes that leave for other programs, read again by readers of their own, and those that come in."""

import json
import struct

import pytest

from offbit_reflow import Message, Network

np = pytest.importorskip("numpy")


def run(template, config, inputs, outports):
    net = Network()
    net.add_node("node", template, config)
    for port in outports:
        net.add_outport(port, "node", port)
    outputs = net.run({f"node.{port}": value for port, value in inputs.items()}, timeout=30).outputs
    return [outputs[port][0] if outputs.get(port) else None for port in outports]


def soup(count=40, seed=3):
    """Triangles anywhere, each with the normal of its face."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-2, 2, (count, 3, 3)).astype("<f4")
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.repeat(normals[:, None], 3, axis=1)
    return np.concatenate([corners, normals], axis=2).astype("<f4").reshape(-1, 6)


def test_stl_is_what_others_read_in_it():
    mesh = soup()
    output, facts = run("tpl_stl_export", {}, {"mesh": mesh.tobytes()}, ["output", "metadata"])
    assert not output.startswith(b"solid")
    (count,) = struct.unpack("<I", output[80:84])
    assert (count, facts["triangleCount"], len(output)) == (40, 40, 84 + 50 * 40)
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
    triangles = np.frombuffer(output[84:], record)
    assert np.allclose(triangles["corners"].reshape(-1, 3), mesh[:, :3])
    assert np.allclose(triangles["normal"], mesh[::3, 3:], atol=1e-5)


def test_obj_is_what_others_read_in_it():
    mesh = soup()
    output, _ = run("tpl_obj_export", {"name": "thing"}, {"mesh": mesh.tobytes()}, ["output", "metadata"])
    places, normals, corners = [], [], []
    for line in output.decode().splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            places.append([float(part) for part in rest])
        elif word == "vn":
            normals.append([float(part) for part in rest])
        elif word == "f":
            corners += [[int(index) if index else 0 for index in part.split("/")] for part in rest]
        elif word == "o":
            assert rest == ["thing"]
    read = np.array([[*places[corner[0] - 1], *normals[corner[2] - 1]] for corner in corners])
    assert np.allclose(read, mesh, atol=2e-6)


@pytest.mark.parametrize("shared", [False, True])
def test_gltf_is_what_others_read_in_it(shared):
    mesh = soup()
    if shared:
        mesh = np.concatenate([mesh, mesh])
    [file] = run("tpl_gltf_export", {"name": "thing"}, {"mesh": mesh.tobytes()}, ["output"])
    magic, version, length, size, kind = struct.unpack("<4sIIII", file[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(file), 0x4E4F534A)
    document = json.loads(file[20 : 20 + size])
    binary = file[28 + size :]
    [primitive] = document["meshes"][0]["primitives"]
    assert document["meshes"][0]["name"] == document["nodes"][0]["name"] == "thing"

    def column(number, width, kind):
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        assert view.get("byteStride", 0) in (0, 4 * width)
        return accessor, np.frombuffer(binary, kind, accessor["count"] * width, start).reshape(-1, width)

    accessor, places = column(primitive["attributes"]["POSITION"], 3, "<f4")
    _, normals = column(primitive["attributes"]["NORMAL"], 3, "<f4")
    assert np.allclose([accessor["min"], accessor["max"]], [places.min(axis=0), places.max(axis=0)])
    read = np.concatenate([places, normals], axis=1)
    if "indices" in primitive:
        kinds = {5121: "<u1", 5123: "<u2", 5125: "<u4"}
        kind = kinds[document["accessors"][primitive["indices"]]["componentType"]]
        read = read[column(primitive["indices"], 1, kind)[1].ravel()]
    assert np.allclose(read, mesh, atol=1e-6)


@pytest.mark.parametrize(("template", "name"), [("stl", "stl"), ("obj", "obj"), ("gltf", "glb")])
def test_what_left_comes_back(template, name):
    mesh = soup()
    [file] = run(f"tpl_{template}_export", {}, {"mesh": mesh.tobytes()}, ["output"])
    back, facts = run("tpl_mesh_import", {}, {"file_data": Message.bytes(file)}, ["mesh", "metadata"])
    assert np.allclose(np.frombuffer(back, "<f4").reshape(-1, 6), mesh, atol=1e-5)
    assert facts["vertexCount"] == len(mesh)
    named, _ = run("tpl_mesh_import", {"format": name}, {"file_data": Message.bytes(file)}, ["mesh", "metadata"])
    assert named == back


def test_a_cube_of_ascii_stl_and_text_obj_is_read():
    facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
    ascii_stl = f"solid x\n{facet}endsolid x\n"
    [mesh] = run("tpl_stl_import", {}, {"file_data": Message.bytes(ascii_stl.encode())}, ["mesh"])
    assert np.frombuffer(mesh, "<f4").reshape(-1, 6)[:, :3].tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    quad = "mtllib none.mtl\ng a\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n"
    mesh, facts = run("tpl_obj_import", {}, {"file_data": quad}, ["mesh", "metadata"])
    corners = np.frombuffer(mesh, "<f4").reshape(-1, 6)
    assert facts["triangleCount"] == 2
    assert corners[:, :3].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert (corners[:, 3:] == [0, 0, 1]).all()


@pytest.mark.parametrize(
    ("template", "data", "text"),
    [
        ("tpl_stl_import", b"x", "STL file too small"),
        ("tpl_stl_import", bytes(80) + struct.pack("<I", 9), "STL truncated: expected 534 bytes, got 84"),
        ("tpl_mesh_import", b"what is this", "Unknown format: unknown"),
        ("tpl_fbx_import", b"what is this", "FBX import failed: "),
    ],
)
def test_files_that_cannot_be_read_are_told(template, data, text):
    [error] = run(template, {}, {"file_data": Message.bytes(data)}, ["error"])
    assert str(error).startswith(text)
