"""Compare the distances and pictures of generated shaders on a GPU with those of the CPU; see README.md."""

import json
import struct
import sys

TOLERANCE = 1e-4
SHADES = 2
EDGES = 0.01

PROBE = """
@group(1) @binding(0) var<storage, read> probe_points: array<f32>;
@group(1) @binding(1) var<storage, read_write> probe_out: array<f32>;

@compute @workgroup_size(64)
fn probe(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= arrayLength(&probe_out)) {
        return;
    }
    let at = id.x * 3u;
    probe_out[id.x] = sdf_scene(vec3f(probe_points[at], probe_points[at + 1u], probe_points[at + 2u]));
}
"""


def distances(wgpu, device, wgsl, points, count):
    """Run the distance function of a shader at some points."""
    shader = device.create_shader_module(code=wgsl + PROBE)
    data = struct.pack(f"<{3 * count}f", *points)
    read = device.create_buffer_with_data(data=data, usage=wgpu.BufferUsage.STORAGE)
    out = device.create_buffer(size=4 * count, usage=wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC)
    kinds = [wgpu.BufferBindingType.read_only_storage, wgpu.BufferBindingType.storage]
    entries = [
        {"binding": at, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
        for at, kind in enumerate(kinds)
    ]
    none = device.create_bind_group_layout(entries=[])
    layout = device.create_bind_group_layout(entries=entries)
    pipeline = device.create_compute_pipeline(
        layout=device.create_pipeline_layout(bind_group_layouts=[none, layout]),
        compute={"module": shader, "entry_point": "probe"},
    )
    group = device.create_bind_group(
        layout=layout,
        entries=[
            {"binding": at, "resource": {"buffer": buffer, "offset": 0, "size": buffer.size}}
            for at, buffer in enumerate([read, out])
        ],
    )
    encoder = device.create_command_encoder()
    compute = encoder.begin_compute_pass()
    compute.set_pipeline(pipeline)
    compute.set_bind_group(0, device.create_bind_group(layout=none, entries=[]))
    compute.set_bind_group(1, group)
    compute.dispatch_workgroups((count + 63) // 64)
    compute.end()
    device.queue.submit([encoder.finish()])
    return struct.unpack(f"<{count}f", device.queue.read_buffer(out))


def pixels(wgpu, device, case):
    """Run a shader as it is, and give the bytes of its picture."""
    width, height = case["width"], case["height"]
    shader = device.create_shader_module(code=case["wgsl"])
    block = struct.pack("<4f4f4f", width, height, 0, 0, *case["position"], 0, *case["target"], case["fov"])
    uniforms = device.create_buffer_with_data(data=block, usage=wgpu.BufferUsage.UNIFORM)
    usage = wgpu.TextureUsage.STORAGE_BINDING | wgpu.TextureUsage.COPY_SRC
    texture = device.create_texture(size=(width, height, 1), format="rgba8unorm", usage=usage)
    pipeline = device.create_compute_pipeline(layout="auto", compute={"module": shader, "entry_point": "main"})
    group = device.create_bind_group(
        layout=pipeline.get_bind_group_layout(0),
        entries=[
            {"binding": 0, "resource": {"buffer": uniforms, "offset": 0, "size": uniforms.size}},
            {"binding": 1, "resource": texture.create_view()},
        ],
    )
    encoder = device.create_command_encoder()
    compute = encoder.begin_compute_pass()
    compute.set_pipeline(pipeline)
    compute.set_bind_group(0, group)
    compute.dispatch_workgroups((width + 7) // 8, (height + 7) // 8)
    compute.end()
    device.queue.submit([encoder.finish()])
    layout = {"offset": 0, "bytes_per_row": 4 * width, "rows_per_image": height}
    return bytes(device.queue.read_texture({"texture": texture}, layout, (width, height, 1)))


def main():
    """Compare every field that comes in, and say how far the worst point is off."""
    try:
        import wgpu

        adapter = wgpu.gpu.request_adapter_sync()
        device = adapter.request_device_sync()
    except (ImportError, RuntimeError) as error:
        sys.exit(f"skipped: no GPU to compare with ({error})")
    print(adapter.summary)
    failed = 0
    for line in sys.stdin:
        case = json.loads(line)
        if "picture" in case:
            found = pixels(wgpu, device, case)
            off = [abs(a - b) for a, b in zip(found, case["pixels"], strict=True)]
            # At the edge of a shape one ray may hit and the other pass.
            beyond = sum(difference > SHADES for difference in off) / len(off)
            failed += beyond > EDGES
            print(f"{100 * beyond:.2f} % of the bytes differ by more than {SHADES}  {case['picture']}")
            continue
        expected = case["distances"]
        found = distances(wgpu, device, case["wgsl"], case["points"], len(expected))
        # A relative difference where the distance is large: 32-bit floats have no more digits there.
        off = [abs(a - b) / max(1.0, abs(b)) for a, b in zip(found, expected, strict=True)]
        beyond = sum(difference > TOLERANCE for difference in off)
        failed += beyond > 0
        verdict = f"{beyond} of {len(off)} points differ" if beyond else "agrees"
        print(f"{max(off):.1e}  {verdict:24}  {case['field'][:100]}")
    sys.exit(f"{failed} fields or pictures differ" if failed else 0)


if __name__ == "__main__":
    main()
