//! Distances to the edge of a shape (Felzenszwalb, Huttenlocher, *Distance Transforms of Sampled Functions*, 2012).

use super::font::Picture;

/// What is inside: at least half of the pixel is covered.
const THRESHOLD: u8 = 127;

/// A picture of the signed distance to the edge, 128 at the edge and more inside, with `spread` pixels around the glyph. A byte
/// reaches its limits `spread` pixels from the edge.
pub fn field(picture: &Picture, spread: u32) -> Picture {
    let mut field = picture.padded(spread);
    let is_inside: Vec<bool> = field.coverage.iter().map(|byte| *byte > THRESHOLD).collect();
    let size = (field.width as usize, field.height as usize);
    let [to_inside, to_outside] = [true, false].map(|side| {
        let seeds = is_inside.iter().map(|inside| if *inside == side { 0.0 } else { f32::INFINITY });
        squared_distances(seeds.collect(), size)
    });
    let distances = to_outside.iter().zip(&to_inside).map(|(outside, inside)| outside.sqrt() - inside.sqrt());
    let byte = |distance: f32| (128.0 + 127.0 * distance / spread as f32).clamp(0.0, 255.0) as u8;
    field.coverage = distances.map(byte).collect();
    field
}

/// The squared distance from each cell to the nearest one that is 0; infinite without any.
pub fn squared_distances(mut cells: Vec<f32>, (width, height): (usize, usize)) -> Vec<f32> {
    let mut hull = Hull::default();
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| cells[y * width + x]).collect();
        for (y, distance) in hull.transform(&column).into_iter().enumerate() {
            cells[y * width + x] = distance;
        }
    }
    for row in cells.chunks_exact_mut(width.max(1)) {
        let transformed = hull.transform(row);
        row.copy_from_slice(&transformed);
    }
    cells
}

/// The lower envelope of parabolas.
#[derive(Default)]
struct Hull {
    places: Vec<usize>,
    starts: Vec<f32>,
}

impl Hull {
    fn transform(&mut self, values: &[f32]) -> Vec<f32> {
        self.places.clear();
        self.starts.clear();
        for (place, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let square = |at: usize| (at * at) as f32;
            let mut start = f32::NEG_INFINITY;
            while let (Some(last), Some(begun)) = (self.places.last().copied(), self.starts.last().copied()) {
                let over = 2.0 * (place - last) as f32;
                start = ((value + square(place)) - (values[last] + square(last))) / over;
                if start > begun {
                    break;
                }
                self.places.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.places.push(place);
            self.starts.push(start);
        }
        let mut current = 0;
        let at = |place: usize| {
            if self.places.is_empty() {
                return f32::INFINITY;
            }
            while self.starts.get(current + 1).is_some_and(|start| *start < place as f32) {
                current += 1;
            }
            let nearest = self.places[current];
            place.abs_diff(nearest).pow(2) as f32 + values[nearest]
        };
        (0..values.len()).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_are_those_of_the_nearest(
            width in 1..12_usize, height in 1..12_usize, seeds in prop::collection::vec(any::<bool>(), 144),
        ) {
            let cells: Vec<f32> =
                (0..width * height).map(|at| if seeds[at] { 0.0 } else { f32::INFINITY }).collect();
            let found = squared_distances(cells.clone(), (width, height));
            for (at, found) in found.iter().enumerate() {
                let distance = |other: usize| {
                    ((at % width).abs_diff(other % width).pow(2) + (at / width).abs_diff(other / width).pow(2)) as f32
                };
                let zeros = (0..cells.len()).filter(|other| cells[*other] == 0.0);
                let expected = zeros.map(distance).fold(f32::INFINITY, f32::min);
                prop_assert_eq!(*found, expected);
            }
        }
    }

    #[test]
    fn a_field_is_above_the_middle_inside_only() {
        let square = Picture { width: 4, height: 4, left: 0, bottom: 0, coverage: vec![255; 16] };
        let field = field(&square, 8);
        assert_eq!((field.width, field.height, field.left, field.bottom), (20, 20, -8, -8));
        let at = |x: usize, y: usize| field.coverage[y * 20 + x];
        // Two pixels from the outside, and one and a root of 50 from the inside.
        assert_eq!((at(9, 9), at(7, 10), at(3, 3)), (159, 112, 15));
        let empty = Picture::default();
        assert!(super::field(&empty, 1).coverage.iter().all(|byte| *byte == 0));
    }
}
