struct Light {
    position: vec3f,
    kind: f32,
    direction: vec3f,
    intensity: f32,
    color: vec3f,
    range: f32,
    inner: f32,
    outer: f32,
    cast_shadow: f32,
    pad: f32,
}

struct Scene {
    view_proj: mat4x4f,
    light_dir: vec3f,
    ambient: f32,
    camera_pos: vec3f,
    time: f32,
    light_count: u32,
}

@group(0) @binding(0) var<uniform> scene: Scene;
@group(0) @binding(1) var<storage, read> lights: array<Light>;
@group(0) @binding(2) var picture: texture_2d<f32>;

struct Corner {
    @location(0) clip: vec4f,
    @location(1) position: vec3f,
    @location(2) normal: vec3f,
    @location(3) uv: vec2f,
    @location(4) color: vec3f,
    @location(5) textured: f32,
}

struct Point {
    @builtin(position) clip: vec4f,
    @location(0) @interpolate(perspective, centroid) position: vec3f,
    @location(1) @interpolate(perspective, centroid) normal: vec3f,
    @location(2) @interpolate(perspective, centroid) uv: vec2f,
    @location(3) @interpolate(perspective, centroid) color: vec3f,
    @location(4) @interpolate(perspective, centroid) textured: f32,
}

@vertex
fn vs_main(corner: Corner) -> Point {
    return Point(corner.clip, corner.position, corner.normal, corner.uv, corner.color, corner.textured);
}

fn unit(v: vec3f) -> vec3f {
    let size = length(v);
    if (size == 0.0) {
        return vec3f(0.0);
    }
    return v / size;
}

fn texel(at: vec2f) -> vec3f {
    let size = vec2f(textureDimensions(picture));
    let wrapped = at - floor(at / size) * size;
    return textureLoad(picture, vec2i(min(wrapped, size - vec2f(1.0))), 0).rgb;
}

// The texture at a place: v from the bottom, repeated.
fn texture_at(uv: vec2f) -> vec3f {
    let size = vec2f(textureDimensions(picture));
    let place = vec2f(uv.x - floor(uv.x), 1.0 - (uv.y - floor(uv.y))) * size - 0.5;
    let corner = floor(place);
    let part = place - corner;
    let upper = mix(texel(corner), texel(corner + vec2f(1.0, 0.0)), part.x);
    let lower = mix(texel(corner + vec2f(0.0, 1.0)), texel(corner + vec2f(1.0, 1.0)), part.x);
    return mix(upper, lower, part.y);
}

// What a light adds to a white surface.
fn light_on(light: Light, point: vec3f, normal: vec3f) -> vec3f {
    let color = light.color * light.intensity;
    let way = light.position - point;
    let near = unit(way);
    let direction = unit(light.direction);
    let lit = max(dot(normal, near), 0.0);
    var fade = 1.0;
    if (light.range > 0.0) {
        fade = pow(max(1.0 - length(way) / light.range, 0.0), 2.0);
    }
    switch i32(light.kind) {
        case 0: { return color * max(dot(normal, -direction), 0.0); }
        case 1: { return color * lit * fade; }
        case 2: {
            let along = dot(direction, -near);
            var cone = f32(along >= light.outer);
            if (light.inner > light.outer) {
                cone = clamp((along - light.outer) / (light.inner - light.outer), 0.0, 1.0);
            }
            return color * lit * fade * cone;
        }
        default: { return color; }
    }
}

@fragment
fn fs_main(point: Point) -> @location(0) vec4f {
    let normal = unit(point.normal);
    var base = point.color;
    if (point.textured > 0.5) {
        base = texture_at(point.uv);
    }
    var light = vec3f(scene.ambient);
    if (scene.light_count == 0u) {
        light += vec3f((1.0 - scene.ambient) * max(dot(normal, scene.light_dir), 0.0));
    }
    for (var at = 0u; at < scene.light_count; at++) {
        light += light_on(lights[at], point.position, normal);
    }
    return vec4f(base * light, 1.0);
}
