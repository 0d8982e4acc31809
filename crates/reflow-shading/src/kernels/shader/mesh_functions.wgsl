// Bump mapping by the surface gradient (Mikkelsen, 2010).
fn shade_bump(s: Site, height: f32, strength: f32) -> vec3f {
    let px = dpdx(s.position);
    let py = dpdy(s.position);
    let rx = cross(py, s.normal);
    let ry = cross(s.normal, px);
    let area = dot(px, rx);
    let gradient = sign(area) * (dpdx(height) * rx + dpdy(height) * ry);
    let bumped = abs(area) * s.normal - strength * gradient;
    return select(s.normal, bumped / max(length(bumped), 0.0000001), dot(bumped, bumped) > 0.0000000001);
}

// The cotangent frame of position and uv (Schueler, 2013).
fn shade_normal_map(s: Site, color: vec3f, strength: f32) -> vec3f {
    let px = dpdx(s.position);
    let py = dpdy(s.position);
    let ux = dpdx(s.uv);
    let uy = dpdy(s.uv);
    let perpendicular_y = cross(py, s.normal);
    let perpendicular_x = cross(s.normal, px);
    let t = perpendicular_y * ux.x + perpendicular_x * uy.x;
    let b = perpendicular_y * ux.y + perpendicular_x * uy.y;
    let size = max(dot(t, t), dot(b, b));
    let scale = inverseSqrt(max(size, 0.0000000001));
    let flat = size < 0.0000000001;
    let tangent = select(t * scale, shade_tangent(s.normal), flat);
    let bitangent = select(b * scale, cross(s.normal, shade_tangent(s.normal)), flat);
    let m = color * 2.0 - vec3f(1.0);
    let bent = m.x * strength * tangent + m.y * strength * bitangent + max(m.z, 0.001) * s.normal;
    return normalize(bent);
}

fn shadow_light(position: vec3f) -> f32 {
    let clip = shadow.light_vp * vec4f(position, 1.0);
    let at = clip.xyz / max(abs(clip.w), 0.0001);
    let uv = vec2f(at.x * 0.5 + 0.5, 0.5 - at.y * 0.5);
    let size = vec2f(textureDimensions(shadow_map));
    var lit = 0.0;
    for (var x = -1; x <= 1; x++) {
        for (var y = -1; y <= 1; y++) {
            let offset = vec2f(f32(x), f32(y)) / size;
            lit += textureSampleCompareLevel(shadow_map, shadow_sampler, uv + offset, at.z - shadow.bias);
        }
    }
    let outside = any(uv < vec2f(0.0)) || any(uv > vec2f(1.0)) || at.z > 1.0 || shadow.enabled < 0.5;
    return select(lit / 9.0, 1.0, outside);
}

fn light_at(light: Light, position: vec3f) -> vec4f {
    let kind = i32(light.kind);
    if (kind == 0) {
        return vec4f(-normalize(light.direction + vec3f(0.0, 0.0, 0.0000001)), light.intensity);
    }
    let way = light.position - position;
    let far = max(length(way), 0.0001);
    let l = way / far;
    let falloff = max(1.0 - far / max(light.range, 0.0001), 0.0);
    var strength = light.intensity * falloff * falloff;
    if (kind == 2) {
        let angle = dot(-l, normalize(light.direction + vec3f(0.0, 0.0, 0.0000001)));
        strength *= clamp((angle - light.outer_cos) / max(light.inner_cos - light.outer_cos, 0.0001), 0.0, 1.0);
    }
    return vec4f(l, strength);
}

