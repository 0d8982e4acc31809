fn shade(ro: vec3f, rd: vec3f, t: f32) -> vec3f {
    let p = ro + rd * t;
    let n = calc_normal(p);
    let v = -rd;
    let h = normalize(LIGHT_DIR + v + vec3f(0.0, 0.0000001, 0.0));
    let surface = surface_at(p);
    let lit = calc_shadow(p + n * 0.01, LIGHT_DIR);
    let diffuse = max(dot(n, LIGHT_DIR), 0.0) * lit;
    let shine = mix(64.0, 4.0, surface.roughness);
    let specular = 0.5 * pow(max(dot(n, h), 0.0), shine) * lit;
    let rim = 0.3 * pow(1.0 - max(dot(n, v), 0.0), 3.0);
    let tint = mix(vec3f(1.0), surface.color, surface.metallic);
    let base = surface.color * (AMBIENT + diffuse * LIGHT_COLOR) * (1.0 - 0.5 * surface.metallic);
    return (base + specular * tint * LIGHT_COLOR) * calc_ao(p, n) + rim * tint * LIGHT_COLOR + surface.emission;
}
