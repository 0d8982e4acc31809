struct Site {
    position: vec3f,
    time: f32,
    normal: vec3f,
    view: vec3f,
    uv: vec2f,
    color: vec3f,
}

// The noise of distance fields once more: a shade stands beside one, and not every field brings its noise.
fn shade_hash(point: vec3f) -> f32 {
    let f = fract(point * 0.1031);
    let g = f + dot(f, f.yzx + 19.19);
    return fract((g.x + g.y) * g.z);
}

fn shade_noise(point: vec3f) -> f32 {
    let cell = floor(point);
    let f = point - cell;
    let t = f * f * (3.0 - 2.0 * f);
    let low = mix(
        mix(shade_hash(cell), shade_hash(cell + vec3f(1.0, 0.0, 0.0)), t.x),
        mix(shade_hash(cell + vec3f(0.0, 1.0, 0.0)), shade_hash(cell + vec3f(1.0, 1.0, 0.0)), t.x),
        t.y,
    );
    let high = mix(
        mix(shade_hash(cell + vec3f(0.0, 0.0, 1.0)), shade_hash(cell + vec3f(1.0, 0.0, 1.0)), t.x),
        mix(shade_hash(cell + vec3f(0.0, 1.0, 1.0)), shade_hash(cell + vec3f(1.0, 1.0, 1.0)), t.x),
        t.y,
    );
    return mix(low, high, t.z);
}

// Layers of noise, from 0 to 1: `detail` of them, each twice as fine and weaker by `gain`.
fn shade_fractal(point: vec3f, detail: f32, gain: f32) -> f32 {
    let layers = i32(clamp(detail, 1.0, 16.0));
    var sum = 0.0;
    var total = 0.0;
    var weight = 1.0;
    var at = point;
    for (var layer = 0; layer < layers; layer++) {
        sum += weight * shade_noise(at);
        total += weight;
        weight *= clamp(gain, 0.0, 1.0);
        at *= 2.0;
    }
    return sum / total;
}

// The distance to the nearest of the jittered points of the cells around.
fn shade_voronoi(point: vec3f, randomness: f32) -> f32 {
    let cell = floor(point);
    var nearest = 8.0;
    for (var x = -1; x <= 1; x++) {
        for (var y = -1; y <= 1; y++) {
            for (var z = -1; z <= 1; z++) {
                let other = cell + vec3f(f32(x), f32(y), f32(z));
                let jitter = vec3f(
                    shade_hash(other),
                    shade_hash(other + vec3f(17.0, 0.0, 5.0)),
                    shade_hash(other + vec3f(3.0, 31.0, 0.0)),
                );
                let middle = other + mix(vec3f(0.5), jitter, clamp(randomness, 0.0, 1.0));
                nearest = min(nearest, distance(point, middle));
            }
        }
    }
    return nearest;
}

fn shade_checker(point: vec3f) -> bool {
    let cell = floor(point);
    let sum = cell.x + cell.y + cell.z;
    return sum - 2.0 * floor(sum * 0.5) < 1.0;
}

// Bricks two wide and one high, every other row moved by half of one.
fn shade_brick(point: vec3f, mortar: f32, color1: vec3f, color2: vec3f, mortar_color: vec3f) -> vec3f {
    let row = floor(point.y);
    let shifted = point.x * 0.5 + 0.5 * (row - 2.0 * floor(row * 0.5));
    let column = floor(shifted);
    let inside = vec2f(shifted - column, point.y - row);
    let edge = min(min(inside.x, 1.0 - inside.x) * 2.0, min(inside.y, 1.0 - inside.y));
    let brick = mix(color1, color2, shade_hash(vec3f(column, row, 0.0)));
    return select(brick, mortar_color, edge < mortar);
}

fn shade_rotate(p: vec3f, angles: vec3f) -> vec3f {
    let s = sin(angles);
    let c = cos(angles);
    let x = vec3f(p.x, c.x * p.y - s.x * p.z, s.x * p.y + c.x * p.z);
    let y = vec3f(c.y * x.x + s.y * x.z, x.y, c.y * x.z - s.y * x.x);
    return vec3f(c.z * y.x - s.z * y.y, s.z * y.x + c.z * y.y, y.z);
}

// Some direction along the surface.
fn shade_tangent(n: vec3f) -> vec3f {
    let helper = select(vec3f(0.0, 1.0, 0.0), vec3f(1.0, 0.0, 0.0), abs(n.y) > 0.9);
    return normalize(cross(helper, n));
}

// Schlick, 1994.
fn shade_fresnel(ior: f32, s: Site) -> f32 {
    let ratio = (ior - 1.0) / max(ior + 1.0, 0.0001);
    let f0 = ratio * ratio;
    return f0 + (1.0 - f0) * pow(1.0 - clamp(dot(s.normal, s.view), 0.0, 1.0), 5.0);
}

fn shade_sky(direction: vec3f, sun_in: vec3f, turbidity: f32) -> vec3f {
    let d = direction / max(length(direction), 0.0001);
    let sun = sun_in / max(length(sun_in), 0.0001);
    let haze = clamp(turbidity / 10.0, 0.0, 1.0);
    let sky = mix(vec3f(0.25, 0.45, 0.9), vec3f(0.7, 0.75, 0.8), haze);
    let horizon = mix(sky, vec3f(0.9, 0.9, 0.95), exp(-4.0 * max(d.y, 0.0)));
    return horizon + vec3f(1.0, 0.9, 0.7) * pow(max(dot(d, sun), 0.0), mix(512.0, 32.0, haze));
}

fn shade_to_hsv(c: vec3f) -> vec3f {
    let high = max(c.r, max(c.g, c.b));
    let low = min(c.r, min(c.g, c.b));
    let span = high - low;
    if (span < 0.00001) {
        return vec3f(0.0, 0.0, high);
    }
    var hue = (c.r - c.g) / span + 4.0;
    if (high == c.r) {
        hue = (c.g - c.b) / span;
    } else if (high == c.g) {
        hue = (c.b - c.r) / span + 2.0;
    }
    return vec3f(fract(hue / 6.0), span / max(high, 0.00001), high);
}

fn shade_from_hsv(c: vec3f) -> vec3f {
    let k = abs(fract(vec3f(c.x) + vec3f(1.0, 2.0 / 3.0, 1.0 / 3.0)) * 6.0 - vec3f(3.0));
    return c.z * mix(vec3f(1.0), clamp(k - vec3f(1.0), vec3f(0.0), vec3f(1.0)), c.y);
}

// What one light adds: Cook-Torrance with GGX, Smith and Schlick, and Lambert for what goes in.
fn shade_light(n: vec3f, v: vec3f, l: vec3f, base: vec3f, metallic: f32, roughness: f32) -> vec3f {
    return shade_light_along(n, v, l, base, metallic, roughness, shade_tangent(n), 0.0);
}

// The same with highlights that are longer along the tangent (Burley, 2012).
fn shade_light_along(
    n: vec3f, v: vec3f, l: vec3f, base: vec3f, metallic: f32, roughness_in: f32, tangent: vec3f, anisotropic: f32,
) -> vec3f {
    let roughness = clamp(roughness_in, 0.04, 1.0);
    let h = normalize(v + l + vec3f(0.0, 0.0000001, 0.0));
    let nl = max(dot(n, l), 0.0);
    let nv = max(dot(n, v), 0.0001);
    let nh = max(dot(n, h), 0.0);
    let alpha = roughness * roughness;
    let aspect = sqrt(1.0 - 0.9 * clamp(anisotropic, 0.0, 1.0));
    let wide = vec2f(alpha / aspect, alpha * aspect);
    let across = vec2f(dot(h, tangent), dot(h, cross(n, tangent))) / wide;
    let spread = dot(across, across) + nh * nh;
    let distribution = 1.0 / max(3.14159265 * alpha * alpha * spread * spread, 0.0000001);
    let k = (roughness + 1.0) * (roughness + 1.0) / 8.0;
    let geometry = (nl / (nl * (1.0 - k) + k)) * (nv / (nv * (1.0 - k) + k));
    let f0 = mix(vec3f(0.04), base, metallic);
    let fresnel = f0 + (vec3f(1.0) - f0) * pow(1.0 - clamp(dot(h, v), 0.0, 1.0), 5.0);
    let specular = distribution * geometry * fresnel / max(4.0 * nl * nv, 0.0001);
    let diffuse = (vec3f(1.0) - fresnel) * (1.0 - metallic) * base / 3.14159265;
    return (diffuse + specular) * nl;
}

