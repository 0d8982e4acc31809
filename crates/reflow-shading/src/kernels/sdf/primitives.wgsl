fn sdf_sphere(p: vec3f, radius: f32) -> f32 {
    return length(p) - radius;
}

fn sdf_box(p: vec3f, size: vec3f) -> f32 {
    let q = abs(p) - size;
    return length(max(q, vec3f(0.0))) + min(max(q.x, max(q.y, q.z)), 0.0);
}

fn sdf_round_box(p: vec3f, size: vec3f, radius: f32) -> f32 {
    return sdf_box(p, size) - radius;
}

fn sdf_ellipsoid(p: vec3f, radii_in: vec3f) -> f32 {
    let radii = max(radii_in, vec3f(0.0001));
    let k0 = length(p / radii);
    let k1 = length(p / (radii * radii));
    if (k1 < 0.0001) {
        return -min(radii.x, min(radii.y, radii.z));
    }
    return k0 * (k0 - 1.0) / k1;
}

fn sdf_round_box_shell(p: vec3f, size: vec3f, radius: f32, thickness: f32) -> f32 {
    let half = max(thickness, 0.0001) / 2.0;
    return abs(sdf_round_box(p, size, radius) + half) - half;
}

fn sdf_cylinder(p: vec3f, radius: f32, height: f32) -> f32 {
    let d = vec2f(length(p.xz) - radius, abs(p.y) - height);
    return min(max(d.x, d.y), 0.0) + length(max(d, vec2f(0.0)));
}

fn sdf_capsule(p: vec3f, radius: f32, height: f32) -> f32 {
    let y = p.y - clamp(p.y, 0.0, max(height, 0.0));
    return length(vec3f(p.x, y, p.z)) - radius;
}

fn sdf_torus(p: vec3f, major: f32, minor: f32) -> f32 {
    return length(vec2f(length(p.xz) - major, p.y)) - minor;
}

fn sdf_cone(p: vec3f, angle: f32, height: f32) -> f32 {
    let s = sin(angle);
    let c = cos(angle);
    let q = vec2f(length(p.xz), p.y);
    if (height <= 0.0 || abs(c) < 0.000001) {
        let axis = vec2f(s, c);
        let d = length(q - axis * max(dot(q, axis), 0.0));
        return select(d, -d, q.x * c - q.y * s < 0.0);
    }
    let rim = vec2f(height * s / c, height);
    let side = q - rim * clamp(dot(q, rim) / dot(rim, rim), 0.0, 1.0);
    let base = q - vec2f(clamp(q.x, 0.0, max(rim.x, 0.0)), height);
    let d = min(length(side), length(base));
    return select(d, -d, q.y <= height && q.x * rim.y - q.y * rim.x <= 0.0);
}

fn sdf_plane(p: vec3f, normal: vec3f, offset: f32) -> f32 {
    return dot(p, normal) + offset;
}

fn sdf_tapered_capsule(p: vec3f, a: vec3f, b: vec3f, radius_a: f32, radius_b: f32) -> f32 {
    let axis = b - a;
    let square = dot(axis, axis);
    let slope = radius_a - radius_b;
    let rest = square - slope * slope;
    let from_a = length(p - a) - radius_a;
    let from_b = length(p - b) - radius_b;
    if (rest <= 0.0) {
        return select(from_a, from_b, slope < 0.0);
    }
    let size = sqrt(square);
    let along = dot(p - a, axis) / size;
    let away = length(p - a - axis * (along / size));
    let shift = away * slope / sqrt(rest);
    if (along < shift) {
        return from_a;
    }
    if (along > size + shift) {
        return from_b;
    }
    return (away * sqrt(rest) + along * slope) / size - radius_a;
}

fn sdf_nearest(p: vec3f, spacing: vec3f, count: vec3f) -> vec3f {
    let none = spacing == vec3f(0.0);
    let pitch = select(spacing, vec3f(1.0), none);
    // Rust rounds halves away from zero, WGSL to even: this is the former.
    let cell = sign(p / pitch) * floor(abs(p / pitch) + 0.5);
    return select(clamp(cell, -count, count) * pitch, vec3f(0.0), none);
}

fn sdf_inf_repeat(p: vec3f, spacing: vec3f) -> f32 {
    return length(p - sdf_nearest(p, spacing, vec3f(3.0e38)));
}

fn rot_xyz(p: vec3f, angles: vec3f) -> vec3f {
    let s = sin(angles);
    let c = cos(angles);
    let x = vec3f(p.x, c.x * p.y - s.x * p.z, s.x * p.y + c.x * p.z);
    let y = vec3f(c.y * x.x + s.y * x.z, x.y, c.y * x.z - s.y * x.x);
    return vec3f(c.z * y.x - s.z * y.y, s.z * y.x + c.z * y.y, y.z);
}

fn warp_twist(p: vec3f, strength: f32) -> vec3f {
    let a = strength * p.y;
    return vec3f(cos(a) * p.x - sin(a) * p.z, p.y, sin(a) * p.x + cos(a) * p.z);
}

fn warp_bend(p: vec3f, strength: f32) -> vec3f {
    let a = strength * p.x;
    return vec3f(cos(a) * p.x - sin(a) * p.y, sin(a) * p.x + cos(a) * p.y, p.z);
}

fn warp_elongate(p: vec3f, amount: vec3f) -> vec3f {
    return p - clamp(p, -amount, amount);
}

fn warp_repeat(p: vec3f, spacing: vec3f, count: vec3f) -> vec3f {
    return p - sdf_nearest(p, spacing, count);
}
