"""World transforms, skinning and particles beside NumPy doing the same."""

import json
import math
import random

import pytest

from offbit_reflow import Message, Network, template_actor

np = pytest.importorskip("numpy")


def run(template, config, inputs, outports):
    net = Network()
    net.register_actor(template, template_actor(template))
    net.add_node("node", template, config)
    for port in outports:
        net.add_outport(port, "node", port)
    ports = {f"node.{port}": iter(values) for port, values in inputs.items()}
    return net.run(ports).outputs


def rotation(degrees):
    x, y, z = (math.radians(angle) for angle in degrees)
    about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def local(transform):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(transform["rotation"]) * np.array(transform["scale"])
    matrix[:3, 3] = transform["position"]
    return matrix


def test_objects_stand_where_their_parents_put_them():
    rng = random.Random(5)
    objects = {}
    for number in range(40):
        transform = {
            "position": [rng.uniform(-5, 5) for _ in range(3)],
            "rotation": [rng.uniform(-180, 180) for _ in range(3)],
            "scale": [rng.uniform(0.5, 1.5)] * 3,
        }
        # A parent may come before or behind its children.
        parent = f"o{rng.randrange(number)}" if number else None
        objects[f"o{number}"] = {"id": f"o{number}", "parent": parent, "transform": transform}
    order = list(objects.values())
    rng.shuffle(order)
    outputs = run("tpl_scene_graph", {"worldTransforms": True}, {"object": order}, ["objects"])

    def world(name):
        found = objects[name]
        matrix = local(found["transform"])
        return world(found["parent"]) @ matrix if found["parent"] else matrix

    shown = {item["id"]: item for item in outputs["objects"][-1]}
    assert len(shown) == 40
    for name, item in shown.items():
        assert np.allclose(np.array(item["worldTransform"]).reshape(4, 4).T, world(name), atol=1e-3), name


def test_objects_inside_of_themselves_are_told():
    circle = [{"id": "a", "parent": "b", "transform": {}}, {"id": "b", "parent": "a", "transform": {}}]
    outputs = run("tpl_scene_graph", {"worldTransforms": True, "expectedObjects": 2}, {"object": circle}, ["error"])
    assert outputs["error"][0].endswith("is inside of itself")


def test_vertices_go_where_the_matrices_of_their_bones_lead():
    rng = np.random.default_rng(7)
    bones, vertices = 4, 200
    pose = np.tile(np.eye(4, dtype=np.float32), (bones, 1, 1))
    for bone in range(bones):
        pose[bone, :3, :3] = rotation(rng.uniform(-90, 90, 3))
        pose[bone, :3, 3] = rng.uniform(-2, 2, 3)
    mesh = rng.uniform(-1, 1, (vertices, 6)).astype(np.float32)
    indices = rng.integers(0, bones, (vertices, 4)).astype(np.uint16)
    weights = rng.uniform(0.1, 1, (vertices, 4)).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    records = np.zeros((vertices, 4), dtype=[("bone", "<u2"), ("weight", "<f4")])
    records["bone"], records["weight"] = indices, weights
    net = Network()
    net.register_actor("skin", template_actor("tpl_skinning"))
    net.add_node("skin", "skin", {})
    for port in ("mesh", "skinned_mesh", "bone_transforms"):
        net.add_inport(port, "skin", port)
    net.add_outport("mesh", "skin", "deformed_mesh")
    net.start(collect=True)
    try:
        for port, data in [
            ("mesh", mesh.tobytes()),
            ("skinned_mesh", records.tobytes()),
            ("bone_transforms", pose.transpose(0, 2, 1).astype("<f4").tobytes()),
        ]:
            net.send("skin", port, Message.bytes(data))
            result = net.wait()
        moved = np.frombuffer(result.outputs["mesh"][0], dtype="<f4").reshape(vertices, 6)
    finally:
        net.shutdown()
    matrices = (pose[indices] * weights[:, :, None, None]).sum(axis=1)
    places = np.einsum("nij,nj->ni", matrices[:, :3, :3], mesh[:, :3]) + matrices[:, :3, 3]
    normals = np.einsum("nij,nj->ni", np.linalg.inv(matrices[:, :3, :3]).transpose(0, 2, 1), mesh[:, 3:])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.allclose(moved[:, :3], places, atol=1e-4)
    assert np.allclose(moved[:, 3:], normals, atol=1e-3)


def test_particles_that_go_on_fall_as_they_should():
    config = {"count": 50, "random": "hash", "lifetime": 60, "gravity": [0, -10, 0]}
    outputs = run("tpl_particle_emitter", config, {"dt": [0.0, 0.5, 0.5]}, ["particles"])
    first, _, last = (np.frombuffer(data, dtype="<f4").reshape(-1, 8) for data in outputs["particles"])
    # Semi-implicit steps: the velocity of the end of each step counts.
    expected = first[:, 1] + first[:, 4] * 1.0 - 10 * 0.5 * (0.5 + 1.0)
    assert np.allclose(last[:, 1], expected, atol=1e-4)
    assert np.allclose(last[:, 7], 1.0)


def test_a_simulation_is_the_same_each_time():
    from offbit_reflow import AssetStore

    def fallen(name):
        store = AssetStore(f":memory:{name}")
        for number in range(6):
            store.put(f"b{number}:rigidbody", {"mass": 1})
            store.put(f"b{number}:transform", {"position": [0.1 * number, 1.5 * number, 0], "name": "kept"})
            store.put(f"b{number}:collider", {"shape": "sphere", "radius": 0.5})
        store.put("floor:rigidbody", {"bodyType": "static"})
        store.put("floor:transform", {"position": [0, -1, 0]})
        store.put("floor:collider", {"shape": "box", "halfExtents": [9, 0.5, 9]})
        run("tpl_scene_physics", {"$db": f":memory:{name}"}, {"tick": [None] * 120}, ["metadata"])
        return [store[f"b{number}:transform"] for number in range(6)]

    one, other = fallen("physics one"), fallen("physics other")
    assert json.dumps(one) == json.dumps(other)
    assert all(body["name"] == "kept" and body["position"][1] > -0.6 for body in one)
