fn backdrop(rd: vec3f) -> vec3f {
    let sky = mix(BG_COLOR * 1.2, BG_COLOR * 0.7, clamp(rd.y, 0.0, 1.0));
    return select(sky, BG_COLOR * mix(0.5, 1.0, exp(8.0 * rd.y)), rd.y < 0.0);
}

fn tone_map(x: vec3f) -> vec3f {
    return clamp((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), vec3f(0.0), vec3f(1.0));
}

@compute @workgroup_size(8, 8, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let size = textureDimensions(output);
    if (id.x >= size.x || id.y >= size.y) {
        return;
    }
    let extent = vec2f(size);
    let pixel = vec2f(f32(id.x) + 0.5, extent.y - f32(id.y) - 0.5);
    let uv = (pixel - 0.5 * extent) / extent.y;
    let view = u.camera_target - u.camera_pos;
    let forward = select(normalize(view), vec3f(0.0, 0.0, -1.0), dot(view, view) == 0.0);
    let upward = select(vec3f(0.0, 1.0, 0.0), vec3f(0.0, 0.0, 1.0), abs(forward.y) > 0.999);
    let right = normalize(cross(forward, upward));
    let focal = 0.5 / tan(radians(clamp(u.fov, 1.0, 179.0)) * 0.5);
    let rd = normalize(uv.x * right + uv.y * cross(right, forward) + focal * forward);
    let t = ray_march(u.camera_pos, rd);
    var color = backdrop(rd);
    if (t >= 0.0) {
        color = shade(u.camera_pos, rd, t);
    }
    let shown = pow(tone_map(max(color, vec3f(0.0))), vec3f(1.0 / 2.2));
    textureStore(output, vec2i(id.xy), vec4f(shown, 1.0));
}
