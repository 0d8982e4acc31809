//! Reading a file: where the samples of its first H.264 track are.

use super::Sample;
use crate::color::Matrix;

/// The H.264 track of a file.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) timescale: u32,
    /// Sequence and picture parameter sets.
    pub(crate) sets: Vec<Vec<u8>>,
    /// Bytes of the length before a NAL unit.
    pub(crate) length_size: usize,
    pub(crate) matrix: Matrix,
    pub(crate) full_range: bool,
    /// Where each sample begins, and what is known of it.
    pub(crate) entries: Vec<(usize, Sample)>,
    id: u32,
    default: Sample,
    /// How many samples there can be: each is a length and at least a byte.
    most: usize,
}

/// Finds the H.264 track of `file`.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(file: &[u8]) -> Result<Samples, String> {
    let mut track = None;
    let mut has_movie = false;
    let mut fragments = Vec::new();
    for item in Boxes::new(file) {
        let item = item?;
        match &item.kind {
            b"moov" => {
                has_movie = true;
                track = movie(item.content, file.len())?;
            }
            b"moof" => fragments.push(item),
            _ => {}
        }
    }
    if !has_movie {
        return Err("there is no `moov` box; this is no MP4 file, or it was cut off".to_string());
    }
    let mut track = track.ok_or("there is no H.264 track (`avc1`) in the file; other codecs are not decoded here")?;
    for fragment in fragments {
        track.add_fragment(&fragment)?;
    }
    for (at, (start, sample)) in track.entries.iter().enumerate() {
        if start.checked_add(sample.size as usize).is_none_or(|end| end > file.len()) {
            return Err(format!("sample {at} lies behind the end of the file; it was cut off"));
        }
    }
    Ok(track)
}

struct Box<'a> {
    kind: [u8; 4],
    content: &'a [u8],
    /// Where the box begins in what it was found in.
    start: usize,
}

struct Boxes<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Boxes<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Box<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.data.get(self.at..)?;
        if rest.is_empty() {
            return None;
        }
        let start = self.at;
        let wrong = || Err(format!("the box at byte {start} is cut off"));
        self.at = self.data.len();
        let Some((size, behind)) = rest.split_first_chunk::<4>() else { return Some(wrong()) };
        let Some((kind, content)) = behind.split_first_chunk::<4>() else { return Some(wrong()) };
        let (header, size) = match u32::from_be_bytes(*size) {
            0 => (8, rest.len() as u64),
            1 => match content.first_chunk::<8>() {
                Some(size) => (16, u64::from_be_bytes(*size)),
                None => return Some(wrong()),
            },
            size => (8, u64::from(size)),
        };
        let Some(content) = usize::try_from(size).ok().and_then(|size| rest.get(header..size)) else {
            return Some(wrong());
        };
        self.at = start + header + content.len();
        Some(Ok(Box { kind: *kind, content, start }))
    }
}

/// The content of the first box on a path.
fn find<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Result<Option<&'a [u8]>, String> {
    let Some((kind, rest)) = path.split_first() else { return Ok(Some(data)) };
    for item in Boxes::new(data) {
        let item = item?;
        if item.kind == **kind {
            return find(item.content, rest);
        }
    }
    Ok(None)
}

/// Numbers, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u8(&mut self) -> Result<u8, String> {
        let (first, rest) = self.0.split_first().ok_or("a box is shorter than its content")?;
        self.0 = rest;
        Ok(*first)
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from(self.u8()?) << 8 | u16::from(self.u8()?))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from(self.u32()?) << 32 | u64::from(self.u32()?))
    }

    fn skip(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self.0.get(bytes..).ok_or("a box is shorter than its content")?;
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, String> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or("a box is shorter than its content")?;
        self.0 = rest;
        Ok(taken.to_vec())
    }
}

fn movie(data: &[u8], file: usize) -> Result<Option<Samples>, String> {
    let mut found = None;
    for item in Boxes::new(data) {
        let item = item?;
        if item.kind == *b"trak" && found.is_none() {
            found = track(item.content, file)?;
        }
    }
    let extended = find(data, &[b"mvex", b"trex"])?;
    if let (Some(track), Some(extended)) = (&mut found, extended) {
        let mut fields = Fields(extended);
        fields.skip(12)?;
        track.default = Sample { duration: fields.u32()?, size: fields.u32()?, is_key: is_key(fields.u32()?) };
    }
    Ok(found)
}

fn is_key(flags: u32) -> bool {
    flags & 0x1_0000 == 0
}

fn track(data: &[u8], file: usize) -> Result<Option<Samples>, String> {
    let Some(description) = find(data, &[b"mdia", b"minf", b"stbl", b"stsd"])? else { return Ok(None) };
    let Some(entry) = description.get(8..) else { return Ok(None) };
    let Some(entry) = find(entry, &[b"avc1"])?.or(find(entry, &[b"avc3"])?) else { return Ok(None) };
    let missing = |what: &str| format!("the H.264 track has no `{what}`");
    let mut header = Fields(find(data, &[b"tkhd"])?.ok_or_else(|| missing("tkhd"))?);
    let is_long = header.u32()? >> 24 == 1;
    header.skip(if is_long { 16 } else { 8 })?;
    let id = header.u32()?;
    header.skip(if is_long { 12 } else { 8 } + 16 + 36)?;
    let (shown_width, shown_height) = (header.u32()? >> 16, header.u32()? >> 16);
    let mut media = Fields(find(data, &[b"mdia", b"mdhd"])?.ok_or_else(|| missing("mdhd"))?);
    let is_long = media.u32()? >> 24 == 1;
    media.skip(if is_long { 16 } else { 8 })?;
    let timescale = media.u32()?.max(1);

    let mut visual = Fields(entry);
    visual.skip(24)?;
    let (width, height) = (u32::from(visual.u16()?), u32::from(visual.u16()?));
    // What is shown is at most a column and a row less; anything else is a scale for players.
    let shown = |shown: u32, coded: u32| if shown + 1 == coded { shown } else { coded };
    let extensions = entry.get(78..).unwrap_or_default();
    let mut configuration = Fields(find(extensions, &[b"avcC"])?.ok_or_else(|| missing("avcC"))?);
    configuration.skip(4)?;
    let length_size = usize::from(configuration.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for mask in [31, 255] {
        for _ in 0..configuration.u8()? & mask {
            let size = configuration.u16()?;
            sets.push(configuration.take(size.into())?);
        }
    }
    // Where a file says nothing, small pictures are BT.601 and large ones BT.709.
    let (mut matrix, mut full_range) = (if height < 720 { Matrix::Bt601 } else { Matrix::Bt709 }, false);
    if let Some(color) = find(extensions, &[b"colr"])?
        && color.starts_with(b"nclx")
    {
        let mut color = Fields(color);
        color.skip(8)?;
        match color.u16()? {
            1 => matrix = Matrix::Bt709,
            5 | 6 => matrix = Matrix::Bt601,
            _ => {}
        }
        full_range = color.u8()? & 0x80 != 0;
    }
    let mut track = Samples {
        width: shown(shown_width, width),
        height: shown(shown_height, height),
        timescale,
        sets,
        length_size,
        matrix,
        full_range,
        entries: Vec::new(),
        id,
        default: Sample { size: 0, duration: 0, is_key: false },
        most: file / (length_size + 1),
    };
    if let Some(tables) = find(data, &[b"mdia", b"minf", b"stbl"])? {
        track.add_tables(tables)?;
    }
    Ok(Some(track))
}

impl Samples {
    /// Samples of the movie itself.
    fn add_tables(&mut self, tables: &[u8]) -> Result<(), String> {
        let table = |kind| find(tables, &[kind]);
        let Some(sizes) = table(b"stsz")? else { return Ok(()) };
        let mut sizes = Fields(sizes);
        sizes.skip(4)?;
        let (same, count) = (sizes.u32()?, sizes.u32()? as usize);
        if count > self.most || same == 0 && count * 4 > sizes.0.len() {
            return Err(format!("{count} samples are more than the file can have"));
        }
        let starts: Vec<u64> = if let Some(data) = table(b"stco")? {
            let mut fields = Fields(data.get(8..).unwrap_or_default());
            std::iter::from_fn(|| fields.u32().ok().map(u64::from)).collect()
        } else {
            let mut fields = Fields(table(b"co64")?.and_then(|data| data.get(8..)).unwrap_or_default());
            std::iter::from_fn(|| fields.u64().ok()).collect()
        };
        let keys: Option<Vec<u32>> = table(b"stss")?.map(|data| {
            let mut fields = Fields(data.get(8..).unwrap_or_default());
            std::iter::from_fn(|| fields.u32().ok()).collect()
        });
        let mut durations = Runs::new(table(b"stts")?);
        let mut groups = Vec::new();
        let mut fields = Fields(table(b"stsc")?.and_then(|data| data.get(8..)).unwrap_or_default());
        while let (Ok(first), Ok(samples), Ok(_)) = (fields.u32(), fields.u32(), fields.u32()) {
            groups.push((first, samples));
        }
        let mut groups = groups.into_iter().peekable();
        let mut samples_in_chunk = 0;
        let mut number = 0_usize;
        for (chunk, start) in (1_u32..).zip(starts) {
            while let Some((_, samples)) = groups.next_if(|(first, _)| *first <= chunk) {
                samples_in_chunk = samples;
            }
            let mut at = start;
            for _ in 0..samples_in_chunk {
                if number == count {
                    return Ok(());
                }
                number += 1;
                let size = if same == 0 { sizes.u32()? } else { same };
                let is_key = keys.as_ref().is_none_or(|keys| keys.binary_search(&(number as u32)).is_ok());
                let sample = Sample { size, duration: durations.next(), is_key };
                let start = usize::try_from(at).map_err(|_| "a position is beyond the file".to_string())?;
                self.entries.push((start, sample));
                at = at.saturating_add(u64::from(size));
            }
        }
        if number < count {
            return Err(format!("the file speaks of {count} samples and places {number}"));
        }
        Ok(())
    }

    /// Samples of a fragment.
    fn add_fragment(&mut self, fragment: &Box<'_>) -> Result<(), String> {
        for part in Boxes::new(fragment.content) {
            let part = part?;
            if part.kind != *b"traf" {
                continue;
            }
            let Some(header) = find(part.content, &[b"tfhd"])? else { continue };
            let mut header = Fields(header);
            let flags = header.u32()?;
            if header.u32()? != self.id {
                continue;
            }
            let mut base = fragment.start as u64;
            let mut default = self.default;
            if flags & 1 != 0 {
                base = header.u64()?;
            }
            if flags & 2 != 0 {
                header.skip(4)?;
            }
            if flags & 8 != 0 {
                default.duration = header.u32()?;
            }
            if flags & 16 != 0 {
                default.size = header.u32()?;
            }
            if flags & 32 != 0 {
                default.is_key = is_key(header.u32()?);
            }
            let mut at = base;
            for run in Boxes::new(part.content) {
                let run = run?;
                if run.kind == *b"trun" {
                    at = self.add_run(run.content, base, at, default)?;
                }
            }
        }
        Ok(())
    }

    fn add_run(&mut self, run: &[u8], base: u64, at: u64, default: Sample) -> Result<u64, String> {
        let mut fields = Fields(run);
        let flags = fields.u32()?;
        let count = fields.u32()? as usize;
        let mut at = at;
        if flags & 1 != 0 {
            at = base.checked_add_signed(i64::from(fields.u32()? as i32)).ok_or("a fragment begins before the file")?;
        }
        let first = if flags & 4 != 0 { Some(is_key(fields.u32()?)) } else { None };
        let width = (flags >> 8 & 0xf).count_ones() as usize * 4;
        if count * width > fields.0.len() || self.entries.len() + count > self.most {
            return Err(format!("{count} samples are more than the fragment can have"));
        }
        for index in 0..count {
            let mut sample = default;
            if flags & 0x100 != 0 {
                sample.duration = fields.u32()?;
            }
            if flags & 0x200 != 0 {
                sample.size = fields.u32()?;
            }
            if flags & 0x400 != 0 {
                sample.is_key = is_key(fields.u32()?);
            }
            if flags & 0x800 != 0 {
                fields.skip(4)?;
            }
            if let (0, Some(first)) = (index, first) {
                sample.is_key = first;
            }
            let start = usize::try_from(at).map_err(|_| "a position is beyond the file".to_string())?;
            self.entries.push((start, sample));
            at = at.saturating_add(u64::from(sample.size));
        }
        Ok(at)
    }
}

/// A table of how often a number is repeated.
struct Runs<'a> {
    fields: Fields<'a>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(table: Option<&'a [u8]>) -> Self {
        Self { fields: Fields(table.and_then(|data| data.get(8..)).unwrap_or_default()), left: 0, value: 0 }
    }

    fn next(&mut self) -> u32 {
        while self.left == 0 {
            match (self.fields.u32(), self.fields.u32()) {
                (Ok(count), Ok(value)) => (self.left, self.value) = (count, value),
                _ => return self.value,
            }
        }
        self.left -= 1;
        self.value
    }
}
