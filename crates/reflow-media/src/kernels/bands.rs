//! Work on the rows of a picture, on all cores.

use std::num::NonZero;
use std::thread;

/// Less than so many bytes are not worth another thread.
const SMALLEST: usize = 512 << 10;

/// Lets `work` fill the rows of `target`: a band of rows on each core, with the number of its first row. A band has `least` rows at
/// least, which is how work that has to look at rows beyond a band's own is kept from doing little else; small pictures are one band.
///
/// Threads end with the call, so that nothing is left behind for a forked child to wait for.
pub fn in_bands(target: &mut [u8], row: usize, least: usize, work: impl Fn(usize, &mut [u8]) + Sync) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let count = cores.min(target.len() / SMALLEST).max(1);
    let rows = target.len().checked_div(row).unwrap_or(0);
    let height = rows.div_ceil(count).max(least).max(1);
    if count == 1 || rows <= height {
        return work(0, target);
    }
    let work = &work;
    thread::scope(|scope| {
        let mut bands = target.chunks_mut(height * row).enumerate();
        let first = bands.next();
        for (number, band) in bands {
            scope.spawn(move || work(number * height, band));
        }
        if let Some((_, band)) = first {
            work(0, band);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_filled_once() {
        for (rows, least) in [(0, 1), (1, 1), (3, 1), (1000, 0), (1000, 300), (1000, 999), (1000, 5000)] {
            let mut target = vec![0_u8; rows * 4096];
            in_bands(&mut target, 4096, least, |first, band| {
                assert!(band.len() >= least.min(rows) * 4096 || (first + band.len() / 4096) == rows);
                for (at, row) in band.chunks_mut(4096).enumerate() {
                    row.iter_mut().for_each(|byte| *byte += ((first + at) % 255) as u8 + 1);
                }
            });
            assert!(
                target.chunks(4096).enumerate().all(|(at, row)| row.iter().all(|byte| *byte == (at % 255) as u8 + 1))
            );
        }
    }
}
