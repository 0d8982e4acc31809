//! MP4 files (ISO/IEC 14496-12, -15): written whole or in fragments, and read back.

mod boxes;
mod file;
mod fragment;
mod movie;
mod read;

pub(crate) use file::File;
pub(crate) use fragment::Fragments;
pub(crate) use movie::{Description, Track};
pub(crate) use read::{Samples, read};

/// What is known of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) size: u32,
    /// In units of the track's time scale.
    pub(crate) duration: u32,
    pub(crate) is_key: bool,
}

#[cfg(test)]
mod tests;
