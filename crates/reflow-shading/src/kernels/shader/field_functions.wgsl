// A surface where a ray has hit it.
struct Lit {
    n: vec3f,
    base: vec3f,
    metallic: f32,
    roughness: f32,
    emission: vec3f,
    through: f32,
    ior: f32,
    ao: f32,
}

fn site_at(s: Site, position: vec3f) -> Site {
    var moved = s;
    moved.position = position;
    moved.uv = position.xz;
    return moved;
}

fn shade_normal_map(s: Site, color: vec3f, strength: f32) -> vec3f {
    let t = shade_tangent(s.normal);
    let m = color * 2.0 - vec3f(1.0);
    return normalize(m.x * strength * t + m.y * strength * cross(s.normal, t) + max(m.z, 0.001) * s.normal);
}

// What comes from a direction where nothing is.
fn shade_around(rd: vec3f) -> vec3f {
    let sky = mix(BG_COLOR * 1.2, BG_COLOR * 0.7, clamp(rd.y, 0.0, 1.0));
    let sun = LIGHT_COLOR * pow(max(dot(rd, LIGHT_DIR), 0.0), 64.0);
    return select(sky, BG_COLOR * 0.5, rd.y < 0.0) + sun;
}

fn shade_reflectance(rd: vec3f, lit: Lit) -> vec3f {
    let ratio = (lit.ior - 1.0) / (lit.ior + 1.0);
    let f0 = mix(vec3f(ratio * ratio), lit.base, lit.metallic);
    let facing = pow(1.0 - clamp(dot(lit.n, -rd), 0.0, 1.0), 5.0);
    return (f0 + (vec3f(1.0) - f0) * facing) * (1.0 - lit.roughness * lit.roughness);
}

fn shade_direct(p: vec3f, rd: vec3f, lit: Lit) -> vec3f {
    let light = shade_light(lit.n, -rd, LIGHT_DIR, lit.base, lit.metallic, lit.roughness);
    let arriving = LIGHT_COLOR * calc_shadow(p + lit.n * 0.01, LIGHT_DIR) * 3.14159265;
    let around = AMBIENT * lit.base * calc_ao(p, lit.n) * lit.ao;
    return light * arriving + around + lit.emission;
}

// What is seen through the surface: bent by its index, weakened on the way by its colour (Beer and Lambert).
fn shade_through(p: vec3f, rd: vec3f, lit: Lit) -> vec3f {
    let bent = refract(rd, lit.n, 1.0 / lit.ior);
    let inward = select(bent, rd, dot(bent, bent) == 0.0);
    var way = 0.02;
    for (var step = 0; step < 48; step++) {
        let d = -sdf_scene(p + inward * way);
        if (d < EPSILON && step > 0) {
            break;
        }
        way += max(d, 0.01);
    }
    let kept = exp(-(vec3f(1.0) - clamp(lit.base, vec3f(0.0), vec3f(1.0))) * way * 2.0);
    let out = p + inward * way;
    let far = ray_march_from(out + inward * 0.02, inward, 0.02, MAX_DIST);
    if (far > 0.0) {
        return kept * shade_probe(out + inward * 0.02, inward, far);
    }
    return kept * shade_around(inward);
}

