"""Compare what shader nodes compute on a GPU with NumPy; see README.md."""

import colorsys
import random
import struct
import sys

import numpy as np

from offbit_reflow import Network, template_actor

#: Relative; GPUs need not be better at asin and acos.
TOLERANCE = 5e-4
COUNT = 512

PROBE = """
@group(1) @binding(0) var<storage, read> probe_points: array<f32>;
@group(1) @binding(1) var<storage, read_write> probe_out: array<f32>;

@compute @workgroup_size(64)
fn probe(@builtin(global_invocation_id) id: vec3u) {
    let at = id.x * 3u;
    if (at >= arrayLength(&probe_out)) {
        return;
    }
    let place = vec3f(probe_points[at], probe_points[at + 1u], probe_points[at + 2u]);
    let color = shade_lit(place, vec3f(0.0, 0.0, 1.0), 0.0).base;
    probe_out[at] = color.x;
    probe_out[at + 1u] = color.y;
    probe_out[at + 2u] = color.z;
}
"""

P = {"type": "objectPosition"}
X, Y, Z = ({"type": "separateXYZ", "input": P, "component": axis} for axis in "xyz")
K = [0.3, -0.7, 1.1]
SHADE = [0.2, 0.6, 0.9]


def number(c):
    return {"type": "constFloat", "c": c}


def vector(c):
    return {"type": "constVec3", "c": c}


def operations(a, b, is_vector):
    """Give the result of every operation of `mathOp`."""
    wide = a if is_vector else np.repeat(a[:, None], 3, 1)
    wide_b = np.broadcast_to(b if is_vector else b[:, None], wide.shape)
    size = (lambda v: np.linalg.norm(v, axis=1)) if is_vector else np.abs
    divisor = np.where(np.abs(b) < 1e-5, 1e-5, b)
    eased = np.clip(a, 0, 1)
    with np.errstate(all="ignore"):
        return {
            "add": a + b,
            "subtract": a - b,
            "multiply": a * b,
            "divide": a / divisor,
            "power": np.maximum(a, 0) ** b,
            "sqrt": np.sqrt(np.abs(a)),
            "abs": np.abs(a),
            "sin": np.sin(a),
            "cos": np.cos(a),
            "tan": np.tan(a),
            "asin": np.arcsin(np.clip(a, -1, 1)),
            "acos": np.arccos(np.clip(a, -1, 1)),
            "atan2": np.arctan2(a, b),
            "min": np.minimum(a, b),
            "max": np.maximum(a, b),
            "floor": np.floor(a),
            "ceil": np.ceil(a),
            "fract": a - np.floor(a),
            "modulo": np.fmod(a, divisor),
            "smoothstep": eased * eased * (3 - 2 * eased),
            "lerp": (a + b) / 2,
            "step": (b >= a) * 1.0,
            "sign": np.sign(a),
            "log": np.log(np.maximum(a, 1e-7)),
            "exp": np.exp(a),
            "dot": (a * b).sum(1) if is_vector else a * b,
            "cross": np.cross(wide, wide_b),
            "normalize": wide / np.maximum(np.linalg.norm(wide, axis=1), 1e-7)[:, None],
            "length": size(a),
            "distance": size(a - b),
            "reflect": wide - 2 * (wide * wide_b).sum(1)[:, None] * wide_b,
            "negate": -a,
            "invert": 1 - a,
        }


def mixes(a, b, share):
    """Give the result of every mode of `colorMix`."""
    b = np.broadcast_to(b, a.shape)
    hsv_a, hsv_b = (np.array([colorsys.rgb_to_hsv(*color) for color in colors]) for colors in (a, b))

    def with_parts(picks):
        parts = np.where(picks, hsv_b, hsv_a)
        return np.array([colorsys.hsv_to_rgb(*color) for color in parts])

    screen = 1 - (1 - a) * (1 - b)
    blended = {
        "mix": b,
        "multiply": a * b,
        "screen": screen,
        "overlay": np.where(a < 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b)),
        "darken": np.minimum(a, b),
        "lighten": np.maximum(a, b),
        "dodge": np.minimum(a / (1 - b), 1),
        "burn": 1 - np.minimum((1 - a) / b, 1),
        "softLight": np.where(
            b <= 0.5,
            a - (1 - 2 * b) * a * (1 - a),
            a + (2 * b - 1) * (np.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, np.sqrt(np.maximum(a, 0))) - a),
        ),
        "linearLight": a + 2 * b - 1,
        "difference": np.abs(a - b),
        "subtract": a - b,
        "divide": a / b,
        "hue": with_parts([True, False, False]),
        "saturation": with_parts([False, True, False]),
        "color": with_parts([True, True, False]),
        "value": with_parts([False, False, True]),
    }
    return {"add": a + share * b} | {mode: a * (1 - share) + color * share for mode, color in blended.items()}


def turned(v, angles):
    """Turn vectors about x, then y, then z."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles), np.cos(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return v @ (about_z @ about_y @ about_x).T


def cases(p):
    """Give shaders by name, each with what it is to compute at the points."""
    x, y, z = p.T

    def eased(t):
        t = np.clip(t, 0, 1)
        return t * t * (3 - 2 * t)

    for op, result in operations(x, y, False).items():
        yield f"number {op}", {"type": "mathOp", "op": op, "a": X, "b": Y}, result
    for op, result in operations(p, np.array(K), True).items():
        yield f"vector {op}", {"type": "mathOp", "op": op, "a": P, "b": vector(K)}, result
    unit = {"type": "mapRange", "input": P, "fromMin": -2, "fromMax": 2, "toMin": 0, "toMax": 1}
    for mode, result in mixes((p + 2) / 4, np.array(SHADE), 0.7).items():
        yield mode, {"type": "colorMix", "mode": mode, "fac": number(0.7), "a": unit, "b": vector(SHADE)}, result
    stops = [(1, [1, 0, 0]), (-1, [0, 1, 0]), (0.25, [0, 0, 1])]
    ramp = [{"position": position, "color": [*color, 1]} for position, color in stops]
    places, colors = zip(*sorted(stops), strict=True)
    shown = np.stack([np.interp(x, places, part) for part in zip(*colors, strict=True)], 1)
    yield "ramp", {"type": "colorRamp", "stops": ramp, "input": X}, shown
    yield "clamp", {"type": "clamp", "input": P, "minVal": -0.5, "maxVal": 1}, np.clip(p, -0.5, 1)
    down = {"type": "mapRange", "input": X, "fromMin": 2, "fromMax": -1, "toMin": 0, "toMax": 10}
    yield "range", down, (x - 2) / -3 * 10
    moved = {"type": "mapping", "input": P, "location": [1, 2, 3], "rotation": [0.3, -0.5, 0.9], "scale": [2, 0.5, 1]}
    yield "mapping", moved, turned((p + np.array([1, 2, 3])) * [2, 0.5, 1], [0.3, -0.5, 0.9])
    board = {"type": "checkerTexture", "scale": number(1.7), "color1": vector([1, 0, 0]), "color2": vector([0, 1, 0])}
    is_even = np.floor(p * 1.7).sum(1) % 2 < 1
    yield "checker", board, np.where(is_even[:, None], [0, 1, 0], [1, 0, 0])
    gradients = {
        "linear": np.clip(x, 0, 1),
        "quadratic": np.clip(x, 0, 1) ** 2,
        "easing": eased(x),
        "diagonal": np.clip((x + y) / 2, 0, 1),
        "spherical": np.maximum(1 - np.linalg.norm(p, axis=1), 0),
        "radial": np.arctan2(y, x) / (2 * np.pi) + 0.5,
    }
    for kind, result in gradients.items():
        yield kind, {"type": "gradientTexture", "gradientType": kind}, result
    weighed = {"type": "mathOp", "op": "lerp", "a": X, "b": Y, "c": number(0.25)}
    yield "lerp by c", weighed, 0.75 * x + 0.25 * y
    within = {"type": "mathOp", "op": "smoothstep", "a": X, "b": number(-1), "c": number(1.5)}
    yield "smoothstep to c", within, eased((x + 1) / 2.5)
    yield "combine", {"type": "combineXYZ", "x": Z, "y": X, "z": number(2)}, np.stack([z, x, 0 * x + 2], 1)


def compiled(shader):
    """Give the WGSL of a scene that is shaded by a shader."""
    net = Network()
    for template in ("tpl_shader_compiler", "tpl_sdf_scene"):
        net.register_actor(template, template_actor(template))
    net.add_node("compiler", "tpl_shader_compiler")
    net.add_node("scene", "tpl_sdf_scene", {"requireShade": True})
    net.add_connection("compiler", "shade", "scene", "shade")
    net.add_outport("wgsl", "scene", "wgsl")
    ball = {"type": "primitive", "primitive": "sphere", "radius": 1}
    return net.run({"compiler.shader": iter([shader]), "scene.sdf": iter([ball])}).outputs["wgsl"][-1]


def computed(wgpu, device, wgsl, points):
    """Run the shade at some points."""
    shader = device.create_shader_module(code=wgsl + PROBE)
    data = struct.pack(f"<{points.size}f", *points.flat)
    read = device.create_buffer_with_data(data=data, usage=wgpu.BufferUsage.STORAGE)
    out = device.create_buffer(size=len(data), usage=wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC)
    block = device.create_buffer_with_data(data=bytes(48), usage=wgpu.BufferUsage.UNIFORM)
    kinds = wgpu.BufferBindingType
    layouts, groups = [], []
    for wanted in ([(kinds.uniform, block)], [(kinds.read_only_storage, read), (kinds.storage, out)]):
        entries = [
            {"binding": at, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
            for at, (kind, _) in enumerate(wanted)
        ]
        layouts.append(device.create_bind_group_layout(entries=entries))
        bound = [
            {"binding": at, "resource": {"buffer": buffer, "offset": 0, "size": buffer.size}}
            for at, (_, buffer) in enumerate(wanted)
        ]
        groups.append(device.create_bind_group(layout=layouts[-1], entries=bound))
    pipeline = device.create_compute_pipeline(
        layout=device.create_pipeline_layout(bind_group_layouts=layouts),
        compute={"module": shader, "entry_point": "probe"},
    )
    encoder = device.create_command_encoder()
    compute = encoder.begin_compute_pass()
    compute.set_pipeline(pipeline)
    for at, group in enumerate(groups):
        compute.set_bind_group(at, group)
    compute.dispatch_workgroups((len(points) + 63) // 64)
    compute.end()
    device.queue.submit([encoder.finish()])
    return np.frombuffer(device.queue.read_buffer(out), np.float32).reshape(points.shape).astype(float)


def main():
    """Compare every shader, and say how far the worst point is off."""
    try:
        import wgpu

        device = wgpu.gpu.request_adapter_sync().request_device_sync()
    except (ImportError, RuntimeError) as error:
        sys.exit(f"skipped: no GPU to compare with ({error})")
    dice = random.Random(5)
    points = np.array([[dice.uniform(-2, 2) for _ in range(3)] for _ in range(COUNT)], np.float32).astype(float)
    failed = 0
    for name, shader, expected in cases(points):
        found = computed(wgpu, device, compiled(shader), points)
        expected = np.broadcast_to(expected if expected.ndim == 2 else expected[:, None], found.shape)
        # What NumPy has no number for is the shader's affair.
        known = np.isfinite(expected)
        off = (np.abs(found - expected) / np.maximum(1, np.abs(expected)))[known].max()
        failed += off > TOLERANCE
        print(f"{off:.1e}  {'differs' if off > TOLERANCE else 'agrees'}  {name}")
    sys.exit(f"{failed} shaders differ by more than {TOLERANCE}" if failed else 0)


if __name__ == "__main__":
    main()
