//! The boxes that describe a track, the same in whole and in fragmented files.

use super::boxes::{identity, put, put_full, sized, u16, u32};

/// The one video track of a file.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) timescale: u32,
    pub(crate) description: Description,
}

/// What a player has to know before the first sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Description {
    /// H.264: its parameter sets.
    Avc { sps: Vec<u8>, pps: Vec<u8> },
    /// AV1: what the box `av1C` holds.
    #[cfg_attr(not(feature = "av1"), expect(dead_code, reason = "made by the encoder of that feature alone"))]
    Av1 { configuration: Vec<u8> },
}

impl Description {
    /// The kind of the sample entry, which is a brand of the file, too.
    fn kind(&self) -> &'static [u8; 4] {
        match self {
            Self::Avc { .. } => b"avc1",
            Self::Av1 { .. } => b"av01",
        }
    }
}

/// Units of time in a second of the movie as a whole.
const MOVIE_TIMESCALE: u32 = 1000;

impl Track {
    /// `ftyp`, with the brands that a file has beside `isom`.
    pub(super) fn put_type(&self, out: &mut Vec<u8>, brands: &[&[u8; 4]]) {
        put(out, b"ftyp", |out| {
            out.extend_from_slice(b"isom");
            u32(out, 512);
            brands.iter().for_each(|brand| out.extend_from_slice(*brand));
            out.extend_from_slice(self.description.kind());
            out.extend_from_slice(b"mp41");
        });
    }

    /// `moov`, with the sample tables that `tables` writes behind the sample description, and what `behind` adds at the end.
    pub(super) fn put_movie(
        &self,
        out: &mut Vec<u8>,
        duration: u64,
        tables: impl FnOnce(&mut Vec<u8>),
        behind: impl FnOnce(&mut Vec<u8>),
    ) {
        let seconds =
            |scale: u32| (u128::from(duration) * u128::from(scale)).div_ceil(u128::from(self.timescale)) as u64;
        let movie_duration = seconds(MOVIE_TIMESCALE);
        put(out, b"moov", |out| {
            let version = u8::from(movie_duration > u64::from(u32::MAX));
            put_full(out, b"mvhd", version, 0, |out| {
                // Created and changed: no time is known, so that the same frames are the same bytes.
                sized(out, version, 0);
                sized(out, version, 0);
                u32(out, MOVIE_TIMESCALE);
                sized(out, version, movie_duration);
                u32(out, 0x1_0000);
                u16(out, 0x100);
                out.extend_from_slice(&[0; 10]);
                identity(out);
                out.extend_from_slice(&[0; 24]);
                u32(out, 2);
            });
            put(out, b"trak", |out| self.put_track(out, duration, movie_duration, tables));
            behind(out);
        });
    }

    fn put_track(&self, out: &mut Vec<u8>, duration: u64, movie_duration: u64, tables: impl FnOnce(&mut Vec<u8>)) {
        let version = u8::from(duration.max(movie_duration) > u64::from(u32::MAX));
        // Enabled, in the movie, in the preview.
        put_full(out, b"tkhd", version, 7, |out| {
            sized(out, version, 0);
            sized(out, version, 0);
            u32(out, 1);
            u32(out, 0);
            sized(out, version, movie_duration);
            out.extend_from_slice(&[0; 16]);
            identity(out);
            u32(out, self.width << 16);
            u32(out, self.height << 16);
        });
        put(out, b"edts", |out| {
            put_full(out, b"elst", version, 0, |out| {
                u32(out, 1);
                // All of it, from its first sample, at its own speed.
                sized(out, version, movie_duration);
                sized(out, version, 0);
                u32(out, 0x1_0000);
            });
        });
        put(out, b"mdia", |out| {
            put_full(out, b"mdhd", version, 0, |out| {
                sized(out, version, 0);
                sized(out, version, 0);
                u32(out, self.timescale);
                sized(out, version, duration);
                // The language `und`.
                u16(out, 0x55c4);
                u16(out, 0);
            });
            put_full(out, b"hdlr", 0, 0, |out| {
                u32(out, 0);
                out.extend_from_slice(b"vide");
                out.extend_from_slice(&[0; 12]);
                out.extend_from_slice(b"VideoHandler\0");
            });
            put(out, b"minf", |out| {
                put_full(out, b"vmhd", 0, 1, |out| out.extend_from_slice(&[0; 8]));
                put(out, b"dinf", |out| {
                    put_full(out, b"dref", 0, 0, |out| {
                        u32(out, 1);
                        // The data is in this file.
                        put_full(out, b"url ", 0, 1, |_| {});
                    });
                });
                put(out, b"stbl", |out| {
                    put_full(out, b"stsd", 0, 0, |out| {
                        u32(out, 1);
                        put(out, self.description.kind(), |out| self.put_description(out));
                    });
                    tables(out);
                });
            });
        });
    }

    fn put_description(&self, out: &mut Vec<u8>) {
        let even = |size: u32| size.next_multiple_of(2);
        out.extend_from_slice(&[0; 6]);
        u16(out, 1);
        out.extend_from_slice(&[0; 16]);
        u16(out, even(self.width) as u16);
        u16(out, even(self.height) as u16);
        // 72 dots an inch, both ways.
        u32(out, 72 << 16);
        u32(out, 72 << 16);
        u32(out, 0);
        u16(out, 1);
        out.extend_from_slice(&[0; 32]);
        u16(out, 24);
        u16(out, 0xffff);
        match &self.description {
            Description::Avc { sps, pps } => put(out, b"avcC", |out| put_parameter_sets(out, sps, pps)),
            Description::Av1 { configuration } => put(out, b"av1C", |out| out.extend_from_slice(configuration)),
        }
        put(out, b"colr", |out| {
            out.extend_from_slice(b"nclx");
            // BT.709 primaries, transfer and matrix; limited range.
            [1, 1, 1].into_iter().for_each(|code| u16(out, code));
            out.push(0);
        });
        put(out, b"pasp", |out| [1, 1].into_iter().for_each(|part| u32(out, part)));
        if !self.width.is_multiple_of(2) || !self.height.is_multiple_of(2) {
            // Chroma cannot be cut in half, so the last column or row of an odd size is cut off by the file.
            put(out, b"clap", |out| {
                let offset = |size: u32| if size.is_multiple_of(2) { 0 } else { -1_i32 };
                for part in [self.width, 1, self.height, 1] {
                    u32(out, part);
                }
                for part in [offset(self.width), 2, offset(self.height), 2] {
                    u32(out, part as u32);
                }
            });
        }
    }
}

/// `avcC`: the parameter sets (ISO/IEC 14496-15, 5.3.3.1).
fn put_parameter_sets(out: &mut Vec<u8>, sps: &[u8], pps: &[u8]) {
    let profile = sps.get(1..4).unwrap_or(&[66, 0, 30]);
    out.push(1);
    out.extend_from_slice(profile);
    // Lengths have four bytes; one set of each kind.
    out.push(0xff);
    out.push(0xe1);
    u16(out, sps.len() as u16);
    out.extend_from_slice(sps);
    out.push(1);
    u16(out, pps.len() as u16);
    out.extend_from_slice(pps);
    if matches!(profile.first(), Some(100 | 110 | 122 | 144)) {
        // 4:2:0, 8 bits, no further sets.
        out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
    }
}
