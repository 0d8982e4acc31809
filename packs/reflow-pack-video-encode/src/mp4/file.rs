//! A whole file: everything a player needs to know first, then the samples in one chunk.

use super::boxes::{put, put_full, u32, u64};
use super::{Sample, Track};

/// Samples that become a file.
#[derive(Default)]
pub(crate) struct File {
    samples: Vec<Sample>,
    data: Vec<u8>,
}

impl File {
    pub(crate) fn push(&mut self, data: &[u8], duration: u32, is_key: bool) {
        self.data.extend_from_slice(data);
        self.samples.push(Sample { size: data.len() as u32, duration, is_key });
    }

    /// The bytes of the file.
    pub(crate) fn finish(self, track: &Track) -> Vec<u8> {
        let mut header = self.header(track, 0);
        // Where the samples begin depends on how long the header is, which does not depend on that.
        let is_long = self.is_long();
        let start = header.len() as u64 + if is_long { 16 } else { 8 };
        header = self.header(track, start);
        header.reserve_exact(16 + self.data.len());
        if is_long {
            u32(&mut header, 1);
            header.extend_from_slice(b"mdat");
            u64(&mut header, 16 + self.data.len() as u64);
        } else {
            u32(&mut header, 8 + self.data.len() as u32);
            header.extend_from_slice(b"mdat");
        }
        header.extend_from_slice(&self.data);
        header
    }

    /// Whether positions need 64 bits.
    fn is_long(&self) -> bool {
        let tables = self.samples.len() as u64 * 16 + 4096;
        self.data.len() as u64 + tables > u64::from(u32::MAX)
    }

    fn header(&self, track: &Track, start: u64) -> Vec<u8> {
        let mut out = Vec::new();
        track.put_type(&mut out, &[b"isom", b"iso2"]);
        let duration = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        track.put_movie(&mut out, duration, |out| self.put_tables(out, start), |_| {});
        out
    }

    fn put_tables(&self, out: &mut Vec<u8>, start: u64) {
        put_full(out, b"stts", 0, 0, |out| {
            let runs: Vec<_> = self.samples.chunk_by(|a, b| a.duration == b.duration).collect();
            u32(out, runs.len() as u32);
            for run in runs {
                u32(out, run.len() as u32);
                u32(out, run.first().map_or(0, |sample| sample.duration));
            }
        });
        put_full(out, b"stss", 0, 0, |out| {
            let keys: Vec<_> = (1..).zip(&self.samples).filter(|(_, sample)| sample.is_key).collect();
            u32(out, keys.len() as u32);
            keys.into_iter().for_each(|(number, _)| u32(out, number));
        });
        put_full(out, b"stsc", 0, 0, |out| {
            [1, 1, self.samples.len() as u32, 1].into_iter().for_each(|number| u32(out, number));
        });
        put_full(out, b"stsz", 0, 0, |out| {
            u32(out, 0);
            u32(out, self.samples.len() as u32);
            self.samples.iter().for_each(|sample| u32(out, sample.size));
        });
        if self.is_long() {
            put_full(out, b"co64", 0, 0, |out| {
                u32(out, 1);
                u64(out, start);
            });
        } else {
            put_full(out, b"stco", 0, 0, |out| {
                u32(out, 1);
                u32(out, start as u32);
            });
        }
        // Each sample is complete, and leans on earlier ones unless it is a key.
        put(out, b"sdtp", |out| {
            u32(out, 0);
            out.extend(self.samples.iter().map(|sample| if sample.is_key { 0x20 } else { 0x10 }));
        });
    }
}
