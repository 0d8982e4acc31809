@group(0) @binding(2) var<storage, read> volumes: array<f32>;

// Distances between the centres of voxels. Beyond them at least the way to them, and no more than there can be.
fn sdf_volume(p: vec3f, first: i32, resolution: i32, bound: f32) -> f32 {
    let pitch = 2.0 * bound / f32(resolution);
    let reach = bound - 0.5 * pitch;
    let inside = clamp(p, vec3f(-reach), vec3f(reach));
    let place = (inside + reach) / pitch;
    let low = clamp(vec3i(floor(place)), vec3i(0), vec3i(max(resolution - 2, 0)));
    let high = min(low + 1, vec3i(resolution - 1));
    let part = place - vec3f(low);
    let layer = resolution * resolution;
    let a = first + low.z * layer + low.y * resolution;
    let b = first + low.z * layer + high.y * resolution;
    let c = first + high.z * layer + low.y * resolution;
    let d = first + high.z * layer + high.y * resolution;
    let near = mix(
        mix(volumes[a + low.x], volumes[a + high.x], part.x),
        mix(volumes[b + low.x], volumes[b + high.x], part.x),
        part.y,
    );
    let far = mix(
        mix(volumes[c + low.x], volumes[c + high.x], part.x),
        mix(volumes[d + low.x], volumes[d + high.x], part.x),
        part.y,
    );
    let value = mix(near, far, part.z);
    let out = length(p - inside);
    return select(value, max(out, value - out), out > 0.0);
}

