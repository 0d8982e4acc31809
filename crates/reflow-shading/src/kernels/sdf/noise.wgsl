fn noise_hash(point: vec3f) -> f32 {
    let f = fract(point * 0.1031);
    let g = f + dot(f, f.yzx + 19.19);
    return fract((g.x + g.y) * g.z);
}

fn noise3d(point: vec3f) -> f32 {
    let cell = floor(point);
    let f = point - cell;
    let t = f * f * (3.0 - 2.0 * f);
    let low = mix(
        mix(noise_hash(cell), noise_hash(cell + vec3f(1.0, 0.0, 0.0)), t.x),
        mix(noise_hash(cell + vec3f(0.0, 1.0, 0.0)), noise_hash(cell + vec3f(1.0, 1.0, 0.0)), t.x),
        t.y,
    );
    let high = mix(
        mix(noise_hash(cell + vec3f(0.0, 0.0, 1.0)), noise_hash(cell + vec3f(1.0, 0.0, 1.0)), t.x),
        mix(noise_hash(cell + vec3f(0.0, 1.0, 1.0)), noise_hash(cell + vec3f(1.0, 1.0, 1.0)), t.x),
        t.y,
    );
    return mix(low, high, t.z);
}

fn fbm(point: vec3f, octaves: i32) -> f32 {
    var sum = 0.0;
    var weight = 0.5;
    var at = point;
    for (var layer = 0; layer < octaves; layer++) {
        sum += weight * noise3d(at);
        weight *= 0.5;
        at *= 2.0;
    }
    return sum;
}

fn sdf_puddle(p: vec3f, radius: f32, height: f32, freq: f32, amp: f32, bevel: f32, meniscus: f32) -> f32 {
    let coarse = noise3d(vec3f(p.x * freq, p.z * freq, 0.0));
    let fine = noise3d(vec3f(p.x * freq * 2.3, p.z * freq * 2.3, 5.0));
    let outline = max(radius + amp * (2.0 * coarse - 1.0 + 0.5 * fine), 0.001);
    let rim = clamp(bevel, 0.0005, max(0.7 * outline, 0.0005));
    let inner = max(outline - rim, 0.0005);
    let r = length(p.xz);
    let e = clamp((r - inner) / max(rim, 0.0001), 0.0, 1.0);
    let lip = meniscus * smoothstep(0.18, 0.85, e) * (1.0 - smoothstep(0.85, 1.0, e));
    let top = max(height * (1.0 - smoothstep(0.0, 1.0, e)), lip);
    return max(r - outline, max(-p.y, p.y - max(top, 0.0004)));
}
