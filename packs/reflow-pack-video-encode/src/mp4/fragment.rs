//! A file in fragments, each of which leaves as soon as it is full.

use super::boxes::{put, put_full, u32, u64};
use super::{Sample, Track};

/// Flags of a sample that leans on no other, and of one that does.
const KEY: u32 = 0x0200_0000;
const DELTA: u32 = 0x0101_0000;

/// Samples that leave in fragments.
pub(crate) struct Fragments {
    samples: Vec<Sample>,
    data: Vec<u8>,
    number: u32,
    /// Time at which the current fragment begins.
    time: u64,
    /// Bytes that have left.
    position: u64,
    /// Time and position of the fragments that begin with a key.
    entries: Vec<(u64, u64)>,
    /// The longest time that a fragment takes.
    longest: u64,
}

impl Fragments {
    /// The writer, and the bytes that stand before the first fragment.
    pub(crate) fn new(track: &Track, longest: u64) -> (Self, Vec<u8>) {
        let mut out = Vec::new();
        track.put_type(&mut out, &[b"isom", b"iso5", b"iso6"]);
        let empty = |out: &mut Vec<u8>| {
            for kind in [b"stts", b"stsc"] {
                put_full(out, kind, 0, 0, |out| u32(out, 0));
            }
            put_full(out, b"stsz", 0, 0, |out| [0, 0].into_iter().for_each(|number| u32(out, number)));
            put_full(out, b"stco", 0, 0, |out| u32(out, 0));
        };
        track.put_movie(&mut out, 0, empty, |out| {
            put(out, b"mvex", |out| {
                put_full(out, b"trex", 0, 0, |out| [1, 1, 0, 0, DELTA].into_iter().for_each(|number| u32(out, number)));
            });
        });
        let position = out.len() as u64;
        let fragments =
            Self { samples: Vec::new(), data: Vec::new(), number: 0, time: 0, position, entries: Vec::new(), longest };
        (fragments, out)
    }

    /// Takes a sample; the fragment before it, if that is full now.
    pub(crate) fn push(&mut self, data: &[u8], duration: u32, is_key: bool) -> Option<Vec<u8>> {
        let span: u64 = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let full = if is_key || span >= self.longest { self.flush() } else { None };
        self.data.extend_from_slice(data);
        self.samples.push(Sample { size: data.len() as u32, duration, is_key });
        full
    }

    /// The last fragment, if there is one, and the index.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let mut out = self.flush().unwrap_or_default();
        let start = out.len();
        put(&mut out, b"mfra", |out| {
            put_full(out, b"tfra", 1, 0, |out| {
                u32(out, 1);
                // Numbers of track fragment, run and sample have one byte each.
                u32(out, 0);
                u32(out, self.entries.len() as u32);
                for (time, position) in &self.entries {
                    u64(out, *time);
                    u64(out, *position);
                    out.extend_from_slice(&[1, 1, 1]);
                }
            });
            let size = (out.len() - start + 16) as u32;
            put_full(out, b"mfro", 0, 0, |out| u32(out, size));
        });
        out
    }

    fn flush(&mut self) -> Option<Vec<u8>> {
        let first = self.samples.first()?;
        if first.is_key {
            self.entries.push((self.time, self.position));
        }
        self.number += 1;
        let mut out = Vec::with_capacity(self.data.len() + 128 + self.samples.len() * 12);
        let mut offset_at = 0;
        put(&mut out, b"moof", |out| {
            put_full(out, b"mfhd", 0, 0, |out| u32(out, self.number));
            put(out, b"traf", |out| {
                // Positions count from the beginning of this fragment.
                put_full(out, b"tfhd", 0, 0x2_0000, |out| u32(out, 1));
                put_full(out, b"tfdt", 1, 0, |out| u64(out, self.time));
                // The position of the data; duration, size and flags of each sample.
                put_full(out, b"trun", 0, 0x701, |out| {
                    u32(out, self.samples.len() as u32);
                    offset_at = out.len();
                    u32(out, 0);
                    for sample in &self.samples {
                        u32(out, sample.duration);
                        u32(out, sample.size);
                        u32(out, if sample.is_key { KEY } else { DELTA });
                    }
                });
            });
        });
        let offset = (out.len() + 8) as u32;
        out[offset_at..offset_at + 4].copy_from_slice(&offset.to_be_bytes());
        put(&mut out, b"mdat", |out| out.extend_from_slice(&self.data));
        self.time += self.samples.iter().map(|sample| u64::from(sample.duration)).sum::<u64>();
        self.position += out.len() as u64;
        self.samples.clear();
        self.data.clear();
        Some(out)
    }
}
