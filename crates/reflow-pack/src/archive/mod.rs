//! Zip files, as far as a pack needs them: read with suspicion, written the same way every time.

mod reader;
mod writer;

pub use reader::{Archive, Entry, Limits};
pub use writer::ArchiveWriter;

/// Marks of the three kinds of records.
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Compression methods.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
