// A tube is `count` corners of the table from `first` on; of each it has the place, the way to it along the tube, and the radius.
fn sdf_tube(p: vec3f, first: i32, count: i32) -> f32 {
    var nearest = 3.0e38;
    var along = 0.0;
    for (var i = first; i < first + count - 1; i++) {
        let a = vec3f(TUBES[5 * i], TUBES[5 * i + 1], TUBES[5 * i + 2]);
        let axis = vec3f(TUBES[5 * i + 5], TUBES[5 * i + 6], TUBES[5 * i + 7]) - a;
        let h = clamp(dot(p - a, axis) / max(dot(axis, axis), 0.00000001), 0.0, 1.0);
        let d = length(p - a - h * axis);
        if (d < nearest) {
            nearest = d;
            along = TUBES[5 * i + 3] + h * length(axis);
        }
    }
    let whole = TUBES[5 * (first + count - 1) + 3];
    let place = clamp(along / max(whole, 0.0001), 0.0, 1.0) * f32(count - 1);
    let before = min(i32(place), count - 2);
    let radius = 5 * (first + before) + 4;
    return nearest - mix(TUBES[radius], TUBES[radius + 5], place - f32(before));
}

