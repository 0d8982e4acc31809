//! Plane curves written as SVG path data, as tubes need them: points at even distances, and a width at each.

use kurbo::{BezPath, PathEl, Point};

/// Points of a cubic piece, and of a quadratic one: as many as stored graphs were made with.
const CUBIC_POINTS: usize = 20;
const QUADRATIC_POINTS: usize = 15;

/// Why there is no curve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Not one command can be read; what is wrong with the first, if there is one.
    #[error("Empty or invalid path")]
    Empty(Option<String>),
    /// The text is no path data, but begins like some.
    #[error("Empty or invalid path: {0}")]
    Invalid(String),
    /// The path, or its sample, has no length.
    #[error("Path produced fewer than 2 points")]
    Short,
}

/// The corners of a path: straight pieces as they are, curved ones by some points on them. Several subpaths are joined.
///
/// # Errors
/// [`PathError`] when the text is no path data.
pub fn polyline(text: &str) -> Result<Vec<Point>, PathError> {
    let text = text.trim();
    if !text.contains(|letter: char| "MLHVCSQTAZmlhvcsqtaz".contains(letter)) {
        return Err(PathError::Empty(None));
    }
    // A path that begins with a line begins where that ends.
    let begun = match text.as_bytes() {
        [b'L' | b'l', ..] => format!("M{}", &text[1..]),
        _ => text.to_string(),
    };
    let path = BezPath::from_svg(&begun).map_err(|error| {
        let is_command = |letter: char| letter.is_alphabetic() && !matches!(letter, 'e' | 'E');
        let second = begun.char_indices().skip(1).find(|(_, letter)| is_command(*letter));
        let first = &begun[..second.map_or(begun.len(), |(at, _)| at)];
        match BezPath::from_svg(first) {
            Ok(_) => PathError::Invalid(error.to_string()),
            Err(_) => PathError::Empty(Some(error.to_string())),
        }
    })?;
    let mut points: Vec<Point> = Vec::new();
    let mut start = Point::ZERO;
    for element in path.elements() {
        let from = points.last().copied().unwrap_or(start);
        match *element {
            PathEl::MoveTo(to) => {
                start = to;
                points.push(to);
            }
            PathEl::LineTo(to) => points.push(to),
            PathEl::QuadTo(control, to) => points.extend(steps(QUADRATIC_POINTS).map(|t| {
                let (a, b) = (from.lerp(control, t), control.lerp(to, t));
                a.lerp(b, t)
            })),
            PathEl::CurveTo(first, second, to) => points.extend(steps(CUBIC_POINTS).map(|t| {
                let (a, b, c) = (from.lerp(first, t), first.lerp(second, t), second.lerp(to, t));
                a.lerp(b, t).lerp(b.lerp(c, t), t)
            })),
            PathEl::ClosePath if from != start => points.push(start),
            PathEl::ClosePath => {}
        }
    }
    // A length that is none has no places along it.
    if !length(&points).is_finite() {
        return Err(PathError::Invalid("a coordinate is not finite, or too large".into()));
    }
    if points.len() < 2 { Err(PathError::Short) } else { Ok(points) }
}

fn steps(count: usize) -> impl Iterator<Item = f64> {
    (1..=count).map(move |step| step as f64 / count as f64)
}

/// `count` points at even distances along a polyline, both ends among them.
///
/// # Errors
/// [`PathError::Short`] for fewer than two points.
pub fn sample(polyline: &[Point], count: usize) -> Result<Vec<Point>, PathError> {
    let [first, rest @ ..] = polyline else { return Err(PathError::Short) };
    if rest.is_empty() || count < 2 {
        return Err(PathError::Short);
    }
    let total: f64 = length(polyline);
    let (mut from, mut begun, mut at) = (*first, 0.0, 0);
    let point = |index: usize| {
        let wanted = total * index as f64 / (count - 1) as f64;
        loop {
            let Some(to) = rest.get(at) else { return from };
            let piece = from.distance(*to);
            if begun + piece >= wanted {
                return if piece > 0.0 { from.lerp(*to, ((wanted - begun) / piece).max(0.0)) } else { from };
            }
            (from, begun, at) = (*to, begun + piece, at + 1);
        }
    };
    Ok((0..count).map(point).collect())
}

/// The length of a polyline.
pub fn length(polyline: &[Point]) -> f64 {
    polyline.windows(2).map(|pair| pair[0].distance(pair[1])).sum()
}

/// The value at a share of the way through a list whose items are at even distances; `otherwise` for an empty one.
pub fn along(values: &[f64], share: f64, otherwise: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return otherwise };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let before = (place as usize).min(last);
    let next = values[(before + 1).min(last)];
    values[before] + (next - values[before]) * (place - before as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(text: &str) -> Result<[f64; 2], PathError> {
        let points = polyline(text)?;
        let last = points[points.len() - 1];
        Ok([last.x, last.y])
    }

    #[test]
    fn all_of_svg_is_understood() {
        for (text, end) in [
            ("M 1,1 L 2,3", [2.0, 3.0]),
            ("M1 1l1 2 1-2", [3.0, 1.0]),
            ("M0 0H5V+2e0", [5.0, 2.0]),
            ("M0 0 C0 1 1 2 3 4 S 5 5 6 6", [6.0, 6.0]),
            ("M0 0 Q 1 1 2 0 T 4 0", [4.0, 0.0]),
            ("M0 0 A 1 1 0 0 1 2 0", [2.0, 0.0]),
            ("M1 1 L 2 1 L 2 2 Z", [1.0, 1.0]),
            ("L 1 1 L 2 5", [2.0, 5.0]),
        ] {
            let found = ends(text).unwrap();
            assert!((found[0] - end[0]).hypot(found[1] - end[1]) < 1e-9, "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_path_is_told() {
        assert_eq!(ends(""), Err(PathError::Empty(None)));
        assert_eq!(ends("5 5"), Err(PathError::Empty(None)));
        for text in ["hello", "Z", "M", "M 1", "M + L"] {
            assert!(matches!(ends(text), Err(PathError::Empty(Some(_)))), "{text}: {:?}", ends(text));
        }
        assert_eq!(ends("M 1 1"), Err(PathError::Short));
        for text in ["M 0 0 L", "M 0 0 X 5", "M 0 0 L 1e999 0", "M 0 0 L 1e308 0 L -1e308 0", "M 0 0 A 1 1 0 7 9 2 0"] {
            assert!(matches!(ends(text), Err(PathError::Invalid(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn samples_are_on_the_way_and_evenly_far(points in prop::collection::vec((-9.0..9.0, -9.0..9.0), 2..20), count in 2_usize..50) {
            let points: Vec<Point> = points.into_iter().map(Point::from).collect();
            let sampled = sample(&points, count).unwrap();
            prop_assert_eq!(sampled.len(), count);
            prop_assert!(length(&sampled) <= length(&points) + 1e-9);
            prop_assert!(sampled[0].distance(points[0]) < 1e-9);
            prop_assert!(sampled[count - 1].distance(points[points.len() - 1]) < 1e-6);
            let step = length(&points) / (count - 1) as f64;
            prop_assert!(sampled.windows(2).all(|pair| pair[0].distance(pair[1]) <= step + 1e-9));
        }

        #[test]
        fn no_text_panics(text in "[MLHVCSQTAZmlhvcsqtaz0-9eE+., \\-]{0,60}") {
            let _ = polyline(&text).and_then(|points| sample(&points, 7));
        }
    }
}
