"""A skinned figure that goes from standing to walking through a blend tree."""

from __future__ import annotations

import math
import struct
import sys

from film import Canvas, Film

from offbit_reflow import Message, Network, template_actor

BONES, SIDES, RINGS = 6, 10, 24


def tube() -> bytes:
    """Make a tube along y around the bones: positions and normals, three vertices a triangle."""

    def vertex(ring: int, side: int) -> tuple[float, ...]:
        angle = 2 * math.pi * side / SIDES
        height = ring / RINGS
        radius = 0.28 * (1.1 - 0.7 * height)
        x, z = math.cos(angle), math.sin(angle)
        return (radius * x, height * (BONES - 1) * 0.5, radius * z, x, 0.0, z)

    corners = []
    for ring in range(RINGS):
        for side in range(SIDES):
            a, b = vertex(ring, side), vertex(ring, side + 1)
            c, d = vertex(ring + 1, side), vertex(ring + 1, side + 1)
            corners += [a, c, b, b, c, d]
    return b"".join(struct.pack("<6f", *corner) for corner in corners)


def network() -> Network:
    """Lead a skeleton, two clips and a mesh through samplers, a blend tree and skinning."""
    net = Network()
    still = {"type": "breathe", "boneCount": BONES, "duration": 4.0, "scaleAmount": 0.1}
    walk = {
        "type": "wave",
        "boneCount": BONES,
        "duration": 1.0,
        "speed": 1.0,
        "amplitude": 0.35,
        "waveLength": 0.9,
        "rotationAxis": "z",
        "amplitudeCurve": "tailHeavy",
    }
    nodes = {
        "skeleton": ("tpl_skeleton", {"boneCount": BONES, "axis": "y", "spacing": 0.5}),
        "still": ("tpl_animation_clip", still),
        "walk": ("tpl_animation_clip", walk),
        "bind": ("tpl_skin_bind", {"falloff": 4.0}),
        "still_pose": ("tpl_animation_sampler", {}),
        "walk_pose": ("tpl_animation_sampler", {}),
        "blend": ("tpl_animation_blend_tree", {"mode": "1d", "thresholds": [0.0, 1.0]}),
        "skin": ("tpl_skinning", {}),
    }
    for template in {template for template, _ in nodes.values()}:
        net.register_actor(template, template_actor(template))
    for name, (template, config) in nodes.items():
        net.add_node(name, template, config)
    wires = [
        ("skeleton", "skeleton", "bind", "skeleton"),
        ("still", "clip", "still_pose", "clip"),
        ("walk", "clip", "walk_pose", "clip"),
        ("still_pose", "bone_transforms", "blend", "input_0"),
        ("walk_pose", "bone_transforms", "blend", "input_1"),
        ("bind", "skinned_mesh", "skin", "skinned_mesh"),
        ("bind", "skin", "skin", "skin"),
        ("blend", "bone_transforms", "skin", "bone_transforms"),
    ]
    for pose in ("still_pose", "walk_pose"):
        wires.append(("skeleton", "skeleton", pose, "skeleton"))
        wires.append(("skeleton", "inverse_bind_matrices", pose, "inverse_bind_matrices"))
    for wire in wires:
        net.add_connection(*wire)
    return net


def meshes(frames: int) -> list[bytes]:
    """Give the mesh of each frame."""
    net, mesh = network(), tube()
    for node, port in [
        ("skeleton", "bones"),
        ("still", "clip_data"),
        ("walk", "clip_data"),
        ("bind", "mesh"),
        ("skin", "mesh"),
        ("still_pose", "time"),
        ("walk_pose", "time"),
        ("blend", "parameter"),
    ]:
        net.add_inport(f"{node}.{port}", node, port)
    net.add_outport("mesh", "skin", "deformed_mesh")
    net.start(collect=True)
    try:
        for node, port, value in [
            ("skeleton", "bones", Message.flow()),
            ("still", "clip_data", Message.flow()),
            ("walk", "clip_data", Message.flow()),
            ("bind", "mesh", Message.bytes(mesh)),
            ("skin", "mesh", Message.bytes(mesh)),
        ]:
            net.send(node, port, value)
        net.wait()
        frames_made: list[bytes] = []
        for frame in range(frames):
            time = frame / 20
            # Standing, walking, standing.
            weight = min(max(1.5 * math.sin(math.pi * frame / frames), 0.0), 1.0)
            net.send("still_pose", "time", Message.float(time))
            net.send("walk_pose", "time", Message.float(time))
            net.wait()
            net.send("blend", "parameter", Message.float(weight))
            frames_made += net.wait().outputs["mesh"]
        return frames_made
    finally:
        net.shutdown()


def draw(mesh: bytes, width: int = 240, height: int = 240) -> Canvas:
    """Draw a mesh from the side, its far triangles first."""
    vertices = list(struct.iter_unpack("<6f", mesh))
    triangles = [vertices[at : at + 3] for at in range(0, len(vertices), 3)]
    triangles.sort(key=lambda corners: sum(corner[2] for corner in corners))
    canvas = Canvas(width, height)
    for corners in triangles:
        light = max(0.15, sum(0.5 * corner[3] + 0.8 * corner[5] for corner in corners) / 3)
        color = (int(60 + 180 * light), int(50 + 120 * light), int(40 + 40 * light))
        flat = [(width / 2 + 70 * corner[0], height - 20 - 75 * corner[1]) for corner in corners]
        canvas.triangle(flat, color)
    return canvas


def film(frames: int = 60) -> Film:
    """Make the film."""
    return Film(draw(mesh) for mesh in meshes(frames))


if __name__ == "__main__":
    film().save(sys.argv[1] if len(sys.argv) > 1 else "walking.png")
