fn calc_normal(p: vec3f) -> vec3f {
    let x = vec3f(EPSILON, 0.0, 0.0);
    let y = vec3f(0.0, EPSILON, 0.0);
    let z = vec3f(0.0, 0.0, EPSILON);
    let gradient = vec3f(
        sdf_scene(p + x) - sdf_scene(p - x),
        sdf_scene(p + y) - sdf_scene(p - y),
        sdf_scene(p + z) - sdf_scene(p - z),
    );
    let size = length(gradient);
    if (size == 0.0) {
        return vec3f(0.0, 1.0, 0.0);
    }
    return gradient / size;
}

// How far a ray goes until it hits something; -1 when it hits nothing.
fn ray_march(ro: vec3f, rd: vec3f) -> f32 {
    var t = 0.0;
    for (var step = 0; step < MAX_STEPS; step++) {
        let d = sdf_scene(ro + rd * t);
        if (d < EPSILON) {
            return t;
        }
        t += d * SDF_STEP;
        if (t > MAX_DIST) {
            break;
        }
    }
    return -1.0;
}

fn ray_march_from(ro: vec3f, rd: vec3f, start: f32, end: f32) -> f32 {
    var t = start;
    for (var step = 0; step < MAX_STEPS; step++) {
        let d = sdf_scene(ro + rd * t);
        if (d < EPSILON) {
            return t;
        }
        t += max(d * SDF_STEP, 1.5 * EPSILON);
        if (t > end) {
            break;
        }
    }
    return -1.0;
}
