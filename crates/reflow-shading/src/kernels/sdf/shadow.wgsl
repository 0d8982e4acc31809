fn calc_shadow(p: vec3f, direction: vec3f) -> f32 {
    var light = 1.0;
    var t = 0.02;
    for (var step = 0; step < 64; step++) {
        let d = sdf_scene(p + direction * t);
        if (d < EPSILON) {
            return 0.0;
        }
        light = min(light, SHADOW_K * d / t);
        t += clamp(d, 0.01, 0.2);
    }
    return clamp(light, 0.0, 1.0);
}
