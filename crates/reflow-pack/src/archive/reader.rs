//! Reading zip files that may be damaged or hostile.
//!
//! Nothing is believed twice: the directory at the end, the header of every entry and the data itself have to say the
//! same. Entries that escape, bomb, overlap, repeat a name or lie about their size are refused before anything is
//! written anywhere.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zlib_rs::{Inflate, InflateFlush, Status};

use super::{CENTRAL, DEFLATED, END, LOCAL, STORED};
use crate::digest::sha256_of;
use crate::error::PackError;
use crate::names::problem_with_entry;

/// What an archive may ask of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of one entry when unpacked.
    pub entry_size: u64,
    /// Bytes of all entries when unpacked.
    pub total_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, entry_size: 1 << 30, total_size: 2 << 30 }
    }
}

/// The most that deflate can shrink anything, with some room for tiny entries.
const STRONGEST_DEFLATE: u64 = 1032;
/// Deflate looks back 32 KiB.
const WINDOW_BITS: u8 = 15;
/// The record at the end and the longest comment behind it.
const LONGEST_END: u64 = 22 + 65_535;

/// One file in an archive.
#[derive(Clone, Debug)]
pub struct Entry {
    name: String,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    /// Where its data begins.
    data: u64,
}

impl Entry {
    /// The name: a relative path that stays inside of the pack.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes when unpacked.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A zip file whose structure was checked.
#[derive(Debug)]
pub struct Archive<R> {
    source: R,
    path: PathBuf,
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory of the zip file `source` and checks it; `path` is for messages.
    ///
    /// # Errors
    /// [`PackError::BadArchive`] and [`PackError::BadEntry`] say what is wrong.
    pub fn open(source: R, path: &Path, limits: &Limits) -> Result<Self, PackError> {
        let mut archive = Self { source, path: path.to_path_buf(), entries: Vec::new(), by_name: HashMap::new() };
        archive.read_directory(limits)?;
        Ok(archive)
    }

    /// The files, in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file of that name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|&at| &self.entries[at])
    }

    /// Whether there is a file of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The SHA-256 of all bytes of the archive.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn digest(&mut self) -> Result<String, PackError> {
        let read = self.source.rewind().and_then(|()| sha256_of(&mut self.source));
        read.map_err(|error| self.unreadable(error))
    }

    /// The content of a file, which is checked against its size and checksum; `None` when there is no such file.
    ///
    /// # Errors
    /// When the data is not what the directory says.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, PackError> {
        let Some(entry) = self.by_name.get(name).map(|&at| self.entries[at].clone()) else { return Ok(None) };
        let packed = self.bytes_at(entry.data, entry.compressed)?;
        let content = if entry.method == STORED { packed } else { self.inflate(&entry, &packed)? };
        if content.len() as u64 != entry.size {
            let problem = format!("it says that it unpacks to {} bytes, but there are {}", entry.size, content.len());
            return Err(self.bad_entry(name, problem));
        }
        if crc32fast::hash(&content) != entry.crc {
            return Err(self.bad_entry(name, "its data does not have the checksum that it says: it is damaged"));
        }
        Ok(Some(content))
    }

    fn inflate(&self, entry: &Entry, packed: &[u8]) -> Result<Vec<u8>, PackError> {
        let problem = |problem: String| self.bad_entry(&entry.name, problem);
        // One byte more than promised shows who promised too little.
        let mut content = vec![0; entry.size as usize + 1];
        let mut inflater = Inflate::new(false, WINDOW_BITS);
        let status = inflater
            .decompress(packed, &mut content, InflateFlush::Finish)
            .map_err(|error| problem(format!("its compressed data is damaged: {}", error.as_str())))?;
        content.truncate(inflater.total_out() as usize);
        match status {
            Status::StreamEnd if inflater.total_in() == packed.len() as u64 => Ok(content),
            Status::StreamEnd => Err(problem("there is more data behind the end of its compressed data".into())),
            _ if content.len() as u64 > entry.size => {
                Err(problem(format!("it says that it unpacks to {} bytes, but it unpacks to more", entry.size)))
            }
            _ => Err(problem("its compressed data ends too early".into())),
        }
    }

    fn read_directory(&mut self, limits: &Limits) -> Result<(), PackError> {
        let (directory_at, end_at, count) = self.find_end(limits)?;
        let directory = self.bytes_at(directory_at, end_at - directory_at)?;
        let mut fields = Fields(&directory);
        let mut headers = Vec::with_capacity(count);
        let (mut total, mut folded) = (0_u64, HashMap::new());
        for _ in 0..count {
            let (header_at, entry) = self.read_central(&mut fields)?;
            let Some(entry) = entry else {
                headers.push((header_at, None));
                continue;
            };
            total = total.saturating_add(entry.size);
            self.check_size(&entry, total, limits)?;
            if let Some(other) = folded.insert(entry.name.to_lowercase(), entry.name.clone()) {
                return Err(self.bad_entry(&entry.name, format!("there is a second entry of this name (`{other}`)")));
            }
            headers.push((header_at, Some(entry)));
        }
        if !fields.0.is_empty() {
            return Err(self.bad_archive("there is something between the directory and the end record"));
        }
        headers.sort_by_key(|(header_at, _)| *header_at);
        let mut free_from = 0;
        for (header_at, entry) in headers {
            if header_at < free_from {
                return Err(self.bad_archive("two of its entries share the same bytes, as in a zip bomb"));
            }
            free_from = self.read_local(header_at, entry, directory_at)?;
        }
        Ok(())
    }

    /// Where the directory begins and ends, and how many entries it has.
    fn find_end(&mut self, limits: &Limits) -> Result<(u64, u64, usize), PackError> {
        let length = self.source.seek(SeekFrom::End(0)).map_err(|error| self.unreadable(error))?;
        let tail_at = length.saturating_sub(LONGEST_END);
        let tail = self.bytes_at(tail_at, length - tail_at)?;
        let is_end = |at: &usize| {
            let mut fields = Fields(&tail[*at..]);
            let is_marked = fields.u32() == Some(END);
            let comment = fields.skip(16).and_then(|()| fields.u16());
            is_marked && comment.map(usize::from) == Some(fields.rest())
        };
        let Some(at) = (0..tail.len().saturating_sub(21)).rev().find(is_end) else {
            return Err(self.bad_archive("it has no directory at its end: it was cut off, or is no zip file"));
        };
        let mut fields = Fields(&tail[at + 4..]);
        let mut word = || fields.u16().unwrap_or(u16::MAX);
        let (disk, directory_disk, count_here, count) = (word(), word(), word(), word());
        let (size, offset) = (fields.u32().unwrap_or(u32::MAX), fields.u32().unwrap_or(u32::MAX));
        if count == u16::MAX || size == u32::MAX || offset == u32::MAX {
            return Err(self.bad_archive("it is in the zip64 format, which no pack needs; build it with `reflow-pack`"));
        }
        if disk != 0 || directory_disk != 0 || count_here != count {
            return Err(self.bad_archive("it is one part of a split archive"));
        }
        let end_at = tail_at + at as u64;
        if u64::from(offset) + u64::from(size) != end_at {
            return Err(self.bad_archive("its directory is not where its end record says"));
        }
        if usize::from(count) > limits.entries {
            return Err(self.bad_archive(format!("it has {count} entries; {} are the most", limits.entries)));
        }
        Ok((u64::from(offset), end_at, count.into()))
    }

    /// One record of the directory; no entry for a folder.
    fn read_central(&self, fields: &mut Fields<'_>) -> Result<(u64, Option<Entry>), PackError> {
        let record = CentralRecord::read(fields).ok_or_else(|| self.bad_archive("its directory is cut off"))?;
        if record.mark != CENTRAL {
            return Err(self.bad_archive("its directory holds something else than entries"));
        }
        let name = std::str::from_utf8(record.name)
            .map_err(|_| self.bad_entry(&String::from_utf8_lossy(record.name), "its name is not UTF-8"))?;
        let refuse = |problem: &str| Err(self.bad_entry(name, problem));
        if let Some(folder) = name.strip_suffix('/').filter(|_| record.size == 0) {
            return match problem_with_entry(folder) {
                Some(problem) => refuse(&problem),
                None => Ok((record.header_at.into(), None)),
            };
        }
        if let Some(problem) = problem_with_entry(name) {
            return refuse(&problem);
        }
        if record.flags & 1 != 0 {
            return refuse("it is encrypted");
        }
        if ![STORED, DEFLATED].contains(&record.method) {
            return refuse("its compression method is neither `stored` nor `deflate`");
        }
        // The upper half is the Unix mode, for archives made on Unix.
        let kind = (record.attributes >> 16) & 0o170_000;
        if ![0, 0o100_000].contains(&kind) {
            return refuse("it is a link or device, not a file");
        }
        if [record.compressed, record.size, record.header_at].contains(&u32::MAX) {
            return refuse("it is in the zip64 format, which no pack needs");
        }
        let entry = Entry {
            name: name.to_string(),
            method: record.method,
            crc: record.crc,
            compressed: record.compressed.into(),
            size: record.size.into(),
            data: 0,
        };
        Ok((record.header_at.into(), Some(entry)))
    }

    fn check_size(&self, entry: &Entry, total: u64, limits: &Limits) -> Result<(), PackError> {
        let problem = if entry.size > limits.entry_size {
            format!("it unpacks to {} bytes; {} are the most", entry.size, limits.entry_size)
        } else if total > limits.total_size {
            format!("with it the archive unpacks to more than {} bytes", limits.total_size)
        } else if entry.method == STORED && entry.size != entry.compressed {
            "it is stored as it is, but with another size".into()
        } else if entry.size > (entry.compressed + 1).saturating_mul(STRONGEST_DEFLATE) {
            format!("it says that {} bytes unpack to {}, which no data can", entry.compressed, entry.size)
        } else {
            return Ok(());
        };
        Err(self.bad_entry(&entry.name, problem))
    }

    /// Compares the header in front of an entry's data with the directory; where its data ends.
    fn read_local(&mut self, header_at: u64, entry: Option<Entry>, end: u64) -> Result<u64, PackError> {
        if header_at + 30 > end {
            return Err(self.bad_archive("an entry lies outside of the data"));
        }
        let header = self.bytes_at(header_at, 30)?;
        let mut fields = Fields(&header);
        let mark = fields.u32();
        let (_version, flags, method) = (fields.u16(), fields.u16().unwrap_or(0), fields.u16());
        let (_time, crc, compressed, size) = (fields.u32(), fields.u32(), fields.u32(), fields.u32());
        let (name_length, extra) = (fields.u16().unwrap_or(0), fields.u16().unwrap_or(0));
        if mark != Some(LOCAL) {
            return Err(self.bad_archive("an entry does not begin where the directory says"));
        }
        let data = header_at + 30 + u64::from(name_length) + u64::from(extra);
        let data_end = data + entry.as_ref().map_or(0, |entry| entry.compressed);
        if data_end > end {
            return Err(self.bad_archive("an entry reaches into the directory"));
        }
        let Some(mut entry) = entry else { return Ok(data_end) };
        let name = self.bytes_at(header_at + 30, name_length.into())?;
        // With this flag the header says nothing and a record behind the data repeats the directory.
        let sizes_follow = flags & 8 != 0;
        let says_the_same = name == entry.name.as_bytes()
            && method == Some(entry.method)
            && (sizes_follow
                || (crc == Some(entry.crc)
                    && compressed.map(u64::from) == Some(entry.compressed)
                    && size.map(u64::from) == Some(entry.size)));
        if !says_the_same {
            return Err(self.bad_entry(&entry.name, "its header says something else than the directory"));
        }
        entry.data = data;
        self.by_name.insert(entry.name.clone(), self.entries.len());
        self.entries.push(entry);
        Ok(data_end)
    }

    fn bytes_at(&mut self, at: u64, count: u64) -> Result<Vec<u8>, PackError> {
        let mut bytes = Vec::new();
        let read = self.source.seek(SeekFrom::Start(at)).and_then(|_| {
            bytes.reserve(count.min(1 << 24) as usize);
            self.source.by_ref().take(count).read_to_end(&mut bytes)
        });
        match read {
            Ok(read) if read as u64 == count => Ok(bytes),
            Ok(_) => Err(self.bad_archive("it ends too early")),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn unreadable(&self, source: io::Error) -> PackError {
        PackError::Io { doing: "read", path: self.path.clone(), source }
    }

    fn bad_archive(&self, problem: impl Into<String>) -> PackError {
        PackError::BadArchive { path: self.path.clone(), problem: problem.into() }
    }

    fn bad_entry(&self, entry: &str, problem: impl Into<String>) -> PackError {
        PackError::BadEntry { path: self.path.clone(), entry: entry.into(), problem: problem.into() }
    }
}

/// A record of the directory as it stands there.
struct CentralRecord<'a> {
    mark: u32,
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u32,
    size: u32,
    attributes: u32,
    header_at: u32,
    name: &'a [u8],
}

impl<'a> CentralRecord<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let mark = fields.u32()?;
        fields.skip(4)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let (crc, compressed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let (attributes, header_at) = (fields.u32()?, fields.u32()?);
        let name = fields.bytes(name.into())?;
        fields.skip(usize::from(extra) + usize::from(comment))?;
        Some(Self { mark, flags, method, crc, compressed, size, attributes, header_at, name })
    }
}

/// Little-endian fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn rest(&self) -> usize {
        self.0.len()
    }
}
