fn calc_ao(p: vec3f, n: vec3f) -> f32 {
    var occlusion = 0.0;
    var weight = 1.0;
    for (var i = 0; i < 5; i++) {
        let h = 0.01 + 0.12 * f32(i);
        occlusion += (h - sdf_scene(p + n * h)) * weight;
        weight *= 0.95;
    }
    return clamp(1.0 - 3.0 * occlusion, 0.0, 1.0);
}
