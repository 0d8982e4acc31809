//! Curves in the plane, written as the path data of SVG.

use std::fmt::Write;

use kurbo::{BezPath, ParamCurveArclen, PathEl, PathSeg, Point, Shape};

/// The largest number in path data: what is beyond would be cut into more pieces than anybody draws.
pub const LARGEST: f64 = 1e9;

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// It is malformed.
    #[error("Invalid path: {0}")]
    Syntax(String),
    /// A number is too large.
    #[error("Invalid path: a number is beyond {LARGEST}")]
    TooLarge,
}

/// Reads path data: M L H V C S Q T A Z, upper case for absolute and lower case for relative coordinates.
///
/// # Errors
/// When it is malformed.
pub fn parse(text: &str) -> Result<BezPath, CurveError> {
    if numbers(text).any(|number| number.is_nan() || number.abs() > LARGEST) {
        return Err(CurveError::TooLarge);
    }
    let path = BezPath::from_svg(text).map_err(|error| CurveError::Syntax(error.to_string()))?;
    let far = path.elements().iter().filter_map(PathEl::end_point).any(|end| !end.x.is_finite() || !end.y.is_finite());
    if far { Err(CurveError::TooLarge) } else { Ok(path) }
}

/// The numbers of path data, signs apart.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| byte.is_ascii_digit() || *byte == b'.')?;
        let digits = |from: usize| from + rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(start);
        if rest.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let after = digits((end + 1 + sign).min(rest.len()));
            end = if after > end + 1 + sign { after } else { end };
        }
        let number = std::str::from_utf8(&rest[start..end]).ok().and_then(|text| text.parse().ok());
        rest = &rest[end..];
        Some(number.unwrap_or(0.0))
    })
}

/// Path data with upper-case commands and shortest numbers.
pub fn to_text(path: &BezPath) -> String {
    let mut text = String::new();
    for element in path.elements() {
        if !text.is_empty() {
            text.push(' ');
        }
        let (command, points): (char, &[Point]) = match element {
            PathEl::MoveTo(end) => ('M', &[*end]),
            PathEl::LineTo(end) => ('L', &[*end]),
            PathEl::QuadTo(control, end) => ('Q', &[*control, *end]),
            PathEl::CurveTo(first, second, end) => ('C', &[*first, *second, *end]),
            PathEl::ClosePath => ('Z', &[]),
        };
        text.push(command);
        for (index, point) in points.iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            // Zero is written without a sign.
            let _ = write!(text, "{blank}{},{}", point.x + 0.0, point.y + 0.0);
        }
    }
    text
}

/// How large a path is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Left, top, width and height of the smallest box around it.
    pub bounds: [f64; 4],
    /// Its length; gaps between its parts do not count.
    pub length: f64,
}

/// Measures a path; one without any line has no size.
pub fn measure(path: &BezPath) -> Extent {
    if path.segments().next().is_none() {
        return Extent::default();
    }
    let bounds = path.bounding_box();
    let accuracy = 1e-7 * bounds.width().hypot(bounds.height()).max(1e-3);
    let length = path
        .segments()
        .map(|segment| match segment {
            PathSeg::Line(line) => (line.p1 - line.p0).hypot(),
            curve => curve.arclen(accuracy),
        })
        .sum();
    Extent { bounds: [bounds.x0, bounds.y0, bounds.width(), bounds.height()], length }
}

/// A line through points that follows the path to a ten-thousandth of its size; parts of the path are joined.
pub fn polyline(path: &BezPath) -> Vec<[f64; 2]> {
    let bounds = path.control_box();
    let tolerance = 1e-4 * bounds.width().hypot(bounds.height()).max(1e-6);
    let (mut points, mut start): (Vec<[f64; 2]>, _) = (Vec::new(), None);
    kurbo::flatten(path.iter(), tolerance, |element| {
        let point = match element {
            PathEl::MoveTo(point) => {
                start = Some(point);
                Some(point)
            }
            PathEl::ClosePath => start,
            other => other.end_point(),
        };
        points.extend(point.map(|point| [point.x, point.y]).filter(|point| points.last() != Some(point)));
    });
    points
}

/// `count` points at equal distances along a line, both ends included; none when the line has no length.
pub fn resample(points: &[[f64; 2]], count: usize) -> Vec<[f64; 2]> {
    let mut lengths = vec![0.0];
    for pair in points.windows(2) {
        let step = (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
        lengths.push(lengths[lengths.len() - 1] + step);
    }
    let total = lengths[lengths.len() - 1];
    if points.len() < 2 || total.is_nan() || total <= 0.0 {
        return Vec::new();
    }
    let mut piece = 0;
    let at = |index: usize| {
        let target = total * index as f64 / (count.max(2) - 1) as f64;
        while piece + 2 < points.len() && lengths[piece + 1] < target {
            piece += 1;
        }
        let (from, to) = (points[piece], points[piece + 1]);
        let along = ((target - lengths[piece]) / (lengths[piece + 1] - lengths[piece])).clamp(0.0, 1.0);
        [from[0] + (to[0] - from[0]) * along, from[1] + (to[1] - from[1]) * along]
    };
    (0..count).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rewritten(text: &str) -> String {
        to_text(&parse(text).unwrap())
    }

    #[test]
    fn path_data_becomes_absolute() {
        assert_eq!(rewritten("M0,0 h10 v10 l-5 5 z"), "M0,0 L10,0 L10,10 L5,15 Z");
        assert_eq!(rewritten("m1 1 2 2 M-0,0L.5.5"), "M1,1 L3,3 M0,0 L0.5,0.5");
    }

    #[test]
    fn circles_are_measured() {
        let circle = parse("M10,0 A10,10 0 0 1 -10,0 A10,10 0 0 1 10,0 Z").unwrap();
        let Extent { bounds, length } = measure(&circle);
        assert!((length - std::f64::consts::TAU * 10.0).abs() < 0.02, "{length}");
        let expected = [-10.0, -10.0, 20.0, 20.0];
        assert!(bounds.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.05), "{bounds:?}");
        assert_eq!(measure(&parse("M5,5").unwrap()), Extent::default());
        assert_eq!(measure(&parse("M0,0 L1,0 M9,9 L9,10").unwrap()).length, 2.0);
    }

    #[test]
    fn numbers_are_told_apart_as_the_reader_does() {
        let found: Vec<f64> = numbers("M1.5.5-2e3,4e+L9e99.5 1e").collect();
        assert_eq!(found, [1.5, 0.5, 2e3, 4.0, 9e99, 0.5, 1.0]);
    }

    #[test]
    fn numbers_that_would_take_for_ever_are_refused() {
        for text in ["M0,0 A1e300 1e300 0 0 1 1 1", "M0,0L1e+10,0", "M 99999999999 0", "M0 0a9e99.5 1 0 0 1 1 1"] {
            assert_eq!(parse(text), Err(CurveError::TooLarge), "{text}");
        }
        assert!(matches!(parse("L1,1"), Err(CurveError::Syntax(_))));
        assert!(matches!(parse("M1,x"), Err(CurveError::Syntax(_))));
    }

    #[test]
    fn resampling_keeps_equal_distances() {
        let points = resample(&[[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]], 5);
        assert_eq!(points, [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]);
        assert!(resample(&[[1.0, 1.0], [1.0, 1.0]], 5).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_an_error(text in "[MLHVCSQTAZmzlca0-9., eE+-]{0,60}") {
            if let Ok(path) = parse(&text) {
                let again = parse(&to_text(&path)).unwrap();
                prop_assert_eq!(to_text(&again), to_text(&path));
                let _ = (measure(&path), polyline(&path));
            }
        }
    }
}
