//! Shapes as paths. y points down.

use kurbo::{BezPath, Point};

/// The control offset of a quarter of a circle of radius 1 (Goldapp, *Approximation of circular arcs by cubic polynomials*, 1991).
const QUARTER: f64 = 0.552_284_749_8;

/// A rectangle around a centre, clockwise from its top left corner. `radius` rounds its corners, by half of its shorter side at
/// most.
pub fn rectangle([cx, cy]: [f64; 2], width: f64, height: f64, radius: f64) -> BezPath {
    let (x, y) = (cx - width / 2.0, cy - height / 2.0);
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let mut path = BezPath::new();
    if radius <= 0.0 {
        path.move_to((x, y));
        for corner in [(x + width, y), (x + width, y + height), (x, y + height)] {
            path.line_to(corner);
        }
        path.close_path();
        return path;
    }
    let c = QUARTER * radius;
    path.move_to((x + radius, y));
    path.line_to((x + width - radius, y));
    path.curve_to((x + width - radius + c, y), (x + width, y + radius - c), (x + width, y + radius));
    path.line_to((x + width, y + height - radius));
    path.curve_to(
        (x + width, y + height - radius + c),
        (x + width - radius + c, y + height),
        (x + width - radius, y + height),
    );
    path.line_to((x + radius, y + height));
    path.curve_to((x + radius - c, y + height), (x, y + height - radius + c), (x, y + height - radius));
    path.line_to((x, y + radius));
    path.curve_to((x, y + radius - c), (x + radius - c, y), (x + radius, y));
    path.close_path();
    path
}

/// An ellipse around a centre: four curves from its right end through the bottom.
pub fn ellipse([cx, cy]: [f64; 2], rx: f64, ry: f64) -> BezPath {
    let (ox, oy) = (QUARTER * rx, QUARTER * ry);
    let mut path = BezPath::new();
    path.move_to((cx + rx, cy));
    path.curve_to((cx + rx, cy + oy), (cx + ox, cy + ry), (cx, cy + ry));
    path.curve_to((cx - ox, cy + ry), (cx - rx, cy + oy), (cx - rx, cy));
    path.curve_to((cx - rx, cy - oy), (cx - ox, cy - ry), (cx, cy - ry));
    path.curve_to((cx + ox, cy - ry), (cx + rx, cy - oy), (cx + rx, cy));
    path.close_path();
    path
}

/// Corners around a centre, the first on top, each at the next of the radii; empty with fewer than 3.
pub fn polygon([cx, cy]: [f64; 2], radii: &[f64], corners: usize) -> BezPath {
    let mut path = BezPath::new();
    if corners < 3 || radii.is_empty() {
        return path;
    }
    for corner in 0..corners {
        let angle = std::f64::consts::TAU * corner as f64 / corners as f64 - std::f64::consts::FRAC_PI_2;
        let radius = radii[corner % radii.len()];
        let point = Point::new(cx + radius * angle.cos(), cy + radius * angle.sin());
        if corner == 0 {
            path.move_to(point);
        } else {
            path.line_to(point);
        }
    }
    path.close_path();
    path
}

/// A line between two points.
pub fn line(from: [f64; 2], to: [f64; 2]) -> BezPath {
    let mut path = BezPath::new();
    path.move_to((from[0], from[1]));
    path.line_to((to[0], to[1]));
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::curve::measure;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shapes_are_as_large_as_they_are_said_to_be(
            center in prop::array::uniform2(-100.0..100.0_f64), width in 0.1..100.0_f64, height in 0.1..100.0_f64,
            radius in 0.0..60.0_f64,
        ) {
            let expected = [center[0] - width / 2.0, center[1] - height / 2.0, width, height];
            for path in [rectangle(center, width, height, radius), ellipse(center, width / 2.0, height / 2.0)] {
                let bounds = measure(&path).bounds;
                prop_assert!(bounds.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{:?} {:?}", bounds, expected);
            }
        }

        #[test]
        fn corners_are_where_they_should_be(corners in 3..20_usize) {
            let length = measure(&polygon([0.0, 0.0], &[1.0], corners)).length;
            let expected = 2.0 * corners as f64 * (std::f64::consts::PI / corners as f64).sin();
            prop_assert!((length - expected).abs() < 1e-9);
        }
    }
}
