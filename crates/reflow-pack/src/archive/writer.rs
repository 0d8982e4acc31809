//! Writing zip files: the same files give the same bytes, whenever and wherever that is done.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::{CENTRAL, DEFLATED, END, LOCAL, STORED};

/// 1 January 1980, the first day that a zip file knows.
const DATE: u16 = 0x21;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// Made on Unix, after version 2.0 of the format.
const MADE_BY: u16 = 0x0314;
/// A plain file that everybody may read.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// An archive in the making, in memory.
#[derive(Debug, Default)]
pub struct ArchiveWriter {
    data: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl ArchiveWriter {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. Names are the caller's care: the reader refuses what could escape.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        let deflated = deflate(content);
        let (method, packed) = if deflated.len() < content.len() { (DEFLATED, &*deflated) } else { (STORED, content) };
        let header_at = self.data.len() as u32;
        let mut common = Vec::with_capacity(26);
        for word in [20, FLAGS, method, 0, DATE] {
            common.extend(word.to_le_bytes());
        }
        for long in [crc32fast::hash(content), packed.len() as u32, content.len() as u32] {
            common.extend(long.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes());

        self.data.extend(LOCAL.to_le_bytes());
        self.data.extend(&common);
        self.data.extend(name.as_bytes());
        self.data.extend(packed);

        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend(MADE_BY.to_le_bytes());
        self.directory.extend(&common);
        // No comment, disk 0, no internal attributes.
        self.directory.extend([0; 6]);
        self.directory.extend(ATTRIBUTES.to_le_bytes());
        self.directory.extend(header_at.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    /// The bytes of the archive.
    pub fn finish(mut self) -> Vec<u8> {
        let (offset, size) = (self.data.len() as u32, self.directory.len() as u32);
        self.data.append(&mut self.directory);
        self.data.extend(END.to_le_bytes());
        for word in [0, 0, self.count, self.count] {
            self.data.extend(word.to_le_bytes());
        }
        self.data.extend(size.to_le_bytes());
        self.data.extend(offset.to_le_bytes());
        self.data.extend(0_u16.to_le_bytes());
        self.data
    }
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    // Writing into a vector cannot fail; if it ever does, the file is stored as it is.
    encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_else(|_| content.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::{Archive, Limits};
    use super::*;
    use std::io::Cursor;
    use std::path::Path;

    #[test]
    fn what_is_written_can_be_read() {
        let mut writer = ArchiveWriter::new();
        writer.add("a.txt", &b"again ".repeat(1000));
        writer.add("lib/b", b"x");
        writer.add("empty", b"");
        let bytes = writer.finish();
        assert!(bytes.len() < 1000);
        let mut archive = Archive::open(Cursor::new(bytes), Path::new("test"), &Limits::default()).unwrap();
        let names: Vec<_> = archive.entries().iter().map(|entry| entry.name().to_string()).collect();
        assert_eq!(names, ["a.txt", "lib/b", "empty"]);
        assert_eq!(archive.read("a.txt").unwrap().unwrap(), b"again ".repeat(1000));
        assert_eq!(archive.read("lib/b").unwrap().unwrap(), b"x");
        assert_eq!(archive.read("empty").unwrap().unwrap(), b"");
        assert!(archive.read("none").unwrap().is_none());
    }
}
