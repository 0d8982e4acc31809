//! The nearest of some points, for every cell of a grid.

use super::noise::{mix, value};

/// Points that lie in the unit square, sorted into buckets.
pub struct Sites {
    points: Vec<[f64; 2]>,
    /// Buckets on a side.
    side: usize,
    /// The points of each bucket, row by row of buckets.
    buckets: Vec<Vec<u32>>,
}

impl Sites {
    /// Sorts points into buckets, about two in each.
    pub fn new(points: Vec<[f64; 2]>) -> Self {
        let side = (((points.len() / 2) as f64).sqrt().ceil() as usize).clamp(1, 256);
        let mut buckets = vec![Vec::new(); side * side];
        for (index, point) in points.iter().enumerate() {
            let [x, y] = point.map(|part| bucket(part, side));
            buckets[y * side + x].push(index as u32);
        }
        Self { points, side, buckets }
    }

    /// The nearest point and the distance to it, when a step along x counts `stretch` times. Of points that are equally near
    /// it is the first; the farthest number there is without any.
    pub fn nearest(&self, [x, y]: [f64; 2], stretch: f64) -> (u32, f64) {
        let (cell_x, cell_y) = (bucket(x, self.side), bucket(y, self.side));
        // Whatever is in a ring further out is at least as many buckets away.
        let reach = stretch.min(1.0) / self.side as f64;
        let mut best = (0, f64::MAX);
        for ring in 0..self.side {
            if ring > 0 && best.1 <= ((ring - 1) as f64 * reach).powi(2) {
                break;
            }
            let rows = cell_y.saturating_sub(ring)..=(cell_y + ring).min(self.side - 1);
            for row in rows {
                let is_edge = row.abs_diff(cell_y) == ring;
                let columns = cell_x.saturating_sub(ring)..=(cell_x + ring).min(self.side - 1);
                for column in columns.filter(|column| is_edge || column.abs_diff(cell_x) == ring) {
                    for index in &self.buckets[row * self.side + column] {
                        let [px, py] = self.points[*index as usize];
                        let distance = ((px - x) * stretch).powi(2) + (py - y).powi(2);
                        if distance < best.1 || (distance == best.1 && *index < best.0) {
                            best = (*index, distance);
                        }
                    }
                }
            }
        }
        (best.0, if best.1 == f64::MAX { f64::MAX } else { best.1.sqrt() })
    }
}

fn bucket(part: f64, side: usize) -> usize {
    ((part * side as f64) as usize).min(side - 1)
}

/// Points where value noise puts them: saved projects depend on these, though they crowd in the middle.
pub fn from_noise(count: u32, seed: f64) -> Vec<[f64; 2]> {
    (0..count)
        .map(|index| {
            let index = f64::from(index);
            [value(index * 7.13 + seed, 0.0, 0.0), value(0.0, index * 11.37 + seed, 0.0)]
        })
        .collect()
}

/// Points spread evenly: one at random in each cell of a grid that has room for all.
pub fn jittered(count: u32, seed: f64) -> Vec<[f64; 2]> {
    let side = f64::from(count).sqrt().ceil().max(1.0);
    let cells = (side * side) as u64;
    // Which cells stay empty must not show: the grid is walked in a stride that has no factor in common with it.
    let stride = (cells * 5 / 8 + 1..cells * 2).find(|stride| gcd(*stride, cells) == 1).unwrap_or(1);
    let random = |index: u32, axis: u64| {
        let bits = mix(mix(seed.to_bits()) ^ (u64::from(index) << 1 | axis));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count)
        .map(|index| {
            let cell = u64::from(index) * stride % cells;
            let (column, row) = ((cell % side as u64) as f64, (cell / side as u64) as f64);
            [(column + random(index, 0)) / side, (row + random(index, 1)) / side]
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_nearest_of_all(
            points in prop::collection::vec(prop::array::uniform2(0.0..1.0_f64), 1..200),
            at in prop::array::uniform2(0.0..1.0_f64), stretch in 0.1..10.0_f64,
        ) {
            let distance = |point: &[f64; 2]| (((point[0] - at[0]) * stretch).powi(2) + (point[1] - at[1]).powi(2)).sqrt();
            let least = points.iter().map(distance).fold(f64::INFINITY, f64::min);
            let first = points.iter().position(|point| distance(point) == least).unwrap();
            let (index, found) = Sites::new(points).nearest(at, stretch);
            prop_assert!((found - least).abs() < 1e-12);
            prop_assert_eq!(index as usize, first);
        }
    }

    #[test]
    fn jittered_points_are_spread_evenly() {
        let points = jittered(400, 3.0);
        for quarter in 0..4 {
            let (x, y) = (f64::from(quarter % 2) / 2.0, f64::from(quarter / 2) / 2.0);
            let inside = points.iter().filter(|[px, py]| (x..x + 0.5).contains(px) && (y..y + 0.5).contains(py));
            assert_eq!(inside.count(), 100);
        }
        assert_eq!(points, jittered(400, 3.0));
        assert_ne!(points, jittered(400, 4.0));
    }
}
