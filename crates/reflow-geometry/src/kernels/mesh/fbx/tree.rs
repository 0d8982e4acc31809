//! The container: a tree of named nodes with properties.

use std::io::Read;

use crate::kernels::mesh::sniff::FBX_MAGIC;

/// The oldest version that is read.
const OLDEST: u32 = 7400;

/// From this version on, offsets have 64 bits.
const WIDE: u32 = 7500;

/// How deep nodes may lie in each other.
const DEEPEST: usize = 64;

/// What all arrays of a file may unfold to, in bytes.
const MOST_UNFOLDED: usize = 1 << 30;

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FbxError {
    /// It is text.
    #[error("text files are not read, only those of bytes")]
    Text,
    /// It is none.
    #[error("the header is none of FBX")]
    Header,
    /// It is too old.
    #[error("version {0} is older than 7400")]
    Version(u32),
    /// It ends in the middle, or an offset leads nowhere.
    #[error("the file is cut or malformed")]
    Malformed,
    /// It unfolds to too much.
    #[error("its arrays are too large")]
    TooLarge,
    /// A part is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// A face names what the file does not have.
    #[error("a polygon has vertex {index}, but there are {count}")]
    Index {
        /// As written.
        index: i64,
        /// How many there are.
        count: usize,
    },
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is said of it.
    pub properties: Vec<Property<'a>>,
    /// What is below it.
    pub children: Vec<Node<'a>>,
}

/// Something that is said of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Property<'a> {
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(i64),
    /// A text, or raw bytes.
    Bytes(&'a [u8]),
    /// Numbers.
    Numbers(Vec<f64>),
    /// Whole numbers.
    Wholes(Vec<i64>),
}

impl<'a> Node<'a> {
    /// The first node of this name below.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All nodes of this name below.
    pub fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a property.
    pub fn text(&self, index: usize) -> &'a str {
        match self.properties.get(index) {
            Some(Property::Bytes(bytes)) => std::str::from_utf8(bytes).unwrap_or_default(),
            _ => "",
        }
    }

    /// The number of a property.
    pub fn number(&self, index: usize) -> Option<f64> {
        match self.properties.get(index)? {
            Property::Number(number) => Some(*number),
            Property::Whole(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The whole number of a property.
    pub fn whole(&self, index: usize) -> Option<i64> {
        match self.properties.get(index)? {
            Property::Whole(number) => Some(*number),
            _ => None,
        }
    }

    /// The numbers of the node of this name below.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        match self.child(name).and_then(|child| child.properties.first()) {
            Some(Property::Numbers(numbers)) => numbers.clone(),
            Some(Property::Wholes(numbers)) => numbers.iter().map(|number| *number as f64).collect(),
            _ => Vec::new(),
        }
    }

    /// The whole numbers of the node of this name below.
    pub fn wholes(&self, name: &str) -> Vec<i64> {
        match self.child(name).and_then(|child| child.properties.first()) {
            Some(Property::Wholes(numbers)) => numbers.clone(),
            _ => Vec::new(),
        }
    }

    /// The numbers of an entry of `Properties70`.
    pub fn setting(&self, name: &str) -> Option<[f64; 3]> {
        let settings = self.child("Properties70")?;
        let entry = settings.all("P").find(|entry| entry.text(0) == name)?;
        let number = |index: usize| entry.number(4 + index);
        Some([number(0)?, number(1).unwrap_or(0.0), number(2).unwrap_or(0.0)])
    }
}

/// Reads a file: a node without a name that has those of the file.
///
/// # Errors
/// When it is none, too old, cut or malformed.
pub fn read(bytes: &[u8]) -> Result<Node<'_>, FbxError> {
    if !bytes.starts_with(FBX_MAGIC) {
        let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default().trim_ascii_start();
        let is_text = head.starts_with(b"; FBX") || head.windows(18).any(|window| window == b"FBXHeaderExtension");
        return Err(if is_text { FbxError::Text } else { FbxError::Header });
    }
    let version = bytes.get(23..27).and_then(|bytes| bytes.first_chunk()).ok_or(FbxError::Header)?;
    let version = u32::from_le_bytes(*version);
    if version < OLDEST {
        return Err(FbxError::Version(version));
    }
    let mut reader = Reader { bytes, at: 27, is_wide: version >= WIDE, left: MOST_UNFOLDED };
    let mut root = Node::default();
    // What follows the last node is a footer; small files may have none.
    while reader.at < bytes.len() {
        match reader.node(0)? {
            Some(node) => root.children.push(node),
            None => break,
        }
    }
    Ok(root)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_wide: bool,
    left: usize,
}

impl<'a> Reader<'a> {
    /// The next node; `None` for the one that ends a list.
    fn node(&mut self, depth: usize) -> Result<Option<Node<'a>>, FbxError> {
        if depth > DEEPEST {
            return Err(FbxError::Malformed);
        }
        let [end, count, length] = [self.offset()?, self.offset()?, self.offset()?];
        let [name_length] = self.take::<1>()?;
        let name = self.slice(usize::from(name_length))?;
        if end == 0 {
            return Ok(None);
        }
        let name = std::str::from_utf8(name).map_err(|_| FbxError::Malformed)?;
        let start = self.at;
        if end < start || end > self.bytes.len() || length > end - start {
            return Err(FbxError::Malformed);
        }
        let mut node = Node { name, ..Node::default() };
        for _ in 0..count {
            if self.at >= start + length {
                return Err(FbxError::Malformed);
            }
            node.properties.push(self.property()?);
        }
        self.at = start + length;
        while self.at < end {
            match self.node(depth + 1)? {
                Some(child) => node.children.push(child),
                None => break,
            }
        }
        self.at = end;
        Ok(Some(node))
    }

    fn property(&mut self) -> Result<Property<'a>, FbxError> {
        let [kind] = self.take::<1>()?;
        Ok(match kind {
            b'Y' => Property::Whole(i16::from_le_bytes(self.take()?).into()),
            b'C' | b'B' => Property::Whole(self.take::<1>()?[0].into()),
            b'I' => Property::Whole(i32::from_le_bytes(self.take()?).into()),
            b'L' => Property::Whole(i64::from_le_bytes(self.take()?)),
            b'F' => Property::Number(f32::from_le_bytes(self.take()?).into()),
            b'D' => Property::Number(f64::from_le_bytes(self.take()?)),
            b'S' | b'R' => {
                let length = u32::from_le_bytes(self.take()?);
                Property::Bytes(self.slice(length as usize)?)
            }
            b'f' => Property::Numbers(self.array(|chunk| f32::from_le_bytes(chunk).into())?),
            b'd' => Property::Numbers(self.array(f64::from_le_bytes)?),
            b'i' => Property::Wholes(self.array(|chunk| i32::from_le_bytes(chunk).into())?),
            b'l' => Property::Wholes(self.array(i64::from_le_bytes)?),
            b'b' | b'c' => Property::Wholes(self.array(|[byte]: [u8; 1]| byte.into())?),
            _ => return Err(FbxError::Malformed),
        })
    }

    fn array<const N: usize, T>(&mut self, number: impl Fn([u8; N]) -> T) -> Result<Vec<T>, FbxError> {
        let [count, encoding, length] =
            [self.take()?, self.take()?, self.take()?].map(|bytes| u32::from_le_bytes(bytes) as usize);
        let size = count.checked_mul(N).ok_or(FbxError::TooLarge)?;
        let numbers = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|chunk| number(*chunk)).collect();
        if encoding == 0 {
            return Ok(numbers(self.slice(size)?));
        }
        self.left = self.left.checked_sub(size).ok_or(FbxError::TooLarge)?;
        let packed = self.slice(length)?;
        let mut unfolded = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(packed).take(size as u64);
        decoder.read_to_end(&mut unfolded).map_err(|_| FbxError::Malformed)?;
        if unfolded.len() == size { Ok(numbers(&unfolded)) } else { Err(FbxError::Malformed) }
    }

    fn offset(&mut self) -> Result<usize, FbxError> {
        let offset =
            if self.is_wide { u64::from_le_bytes(self.take()?) } else { u32::from_le_bytes(self.take()?).into() };
        usize::try_from(offset).map_err(|_| FbxError::Malformed)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], FbxError> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(FbxError::Malformed)?;
        self.at += N;
        Ok(*bytes)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], FbxError> {
        let slice = self.bytes.get(self.at..).and_then(|rest| rest.get(..length)).ok_or(FbxError::Malformed)?;
        self.at += length;
        Ok(slice)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;
    use proptest::prelude::*;

    /// What a test file is made of.
    pub(crate) enum P<'a> {
        S(&'a str),
        L(i64),
        D(f64),
        Ds(Vec<f64>),
        Is(Vec<i32>),
        Ls(Vec<i64>),
        Fs(Vec<f32>),
    }

    /// A node of a test file.
    pub(crate) struct N<'a>(pub(crate) &'a str, pub(crate) Vec<P<'a>>, pub(crate) Vec<N<'a>>);

    fn array<T: Copy, const S: usize>(kind: u8, numbers: &[T], bytes: impl Fn(T) -> [u8; S], packed: bool) -> Vec<u8> {
        let plain: Vec<u8> = numbers.iter().flat_map(|number| bytes(*number)).collect();
        let data = if packed {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&plain).unwrap();
            encoder.finish().unwrap()
        } else {
            plain
        };
        let mut out = vec![kind];
        for number in [numbers.len(), usize::from(packed), data.len()] {
            out.extend((number as u32).to_le_bytes());
        }
        out.extend(data);
        out
    }

    fn write_node(out: &mut Vec<u8>, N(name, properties, children): &N<'_>, wide: bool) {
        let mut packed = Vec::new();
        for property in properties {
            match property {
                P::S(text) => {
                    packed.push(b'S');
                    packed.extend((text.len() as u32).to_le_bytes());
                    packed.extend(text.as_bytes());
                }
                P::L(number) => {
                    packed.push(b'L');
                    packed.extend(number.to_le_bytes());
                }
                P::D(number) => {
                    packed.push(b'D');
                    packed.extend(number.to_le_bytes());
                }
                P::Ds(numbers) => packed.extend(array(b'd', numbers, f64::to_le_bytes, wide)),
                P::Is(numbers) => packed.extend(array(b'i', numbers, i32::to_le_bytes, wide)),
                P::Ls(numbers) => packed.extend(array(b'l', numbers, i64::to_le_bytes, wide)),
                P::Fs(numbers) => packed.extend(array(b'f', numbers, f32::to_le_bytes, wide)),
            }
        }
        let start = out.len();
        let size = if wide { 8 } else { 4 };
        out.resize(start + 3 * size, 0);
        out.push(name.len() as u8);
        out.extend(name.as_bytes());
        out.extend(&packed);
        children.iter().for_each(|child| write_node(out, child, wide));
        if !children.is_empty() {
            out.resize(out.len() + 3 * size + 1, 0);
        }
        for (index, number) in [out.len(), properties.len(), packed.len()].into_iter().enumerate() {
            let place = start + index * size;
            out[place..place + size].copy_from_slice(&(number as u64).to_le_bytes()[..size]);
        }
    }

    /// A file; of version 7500 with packed arrays when `wide`.
    pub(crate) fn file(nodes: &[N<'_>], wide: bool) -> Vec<u8> {
        let mut out = FBX_MAGIC.to_vec();
        out.extend([0x1a, 0]);
        out.extend(if wide { 7500_u32 } else { 7400 }.to_le_bytes());
        nodes.iter().for_each(|node| write_node(&mut out, node, wide));
        out.resize(out.len() + if wide { 25 } else { 13 }, 0);
        out
    }

    fn nested() -> Vec<u8> {
        let below = vec![N("Below", vec![P::D(0.5), P::Ls(vec![7; 50])], vec![])];
        file(&[N("Above", vec![P::S("x"), P::L(-3)], below), N("Beside", vec![], vec![])], true)
    }

    #[test]
    fn nodes_and_properties_of_both_widths() {
        for wide in [false, true] {
            let bytes = file(&[N("A", vec![P::Ds(vec![1.5, 2.5])], vec![N("B", vec![P::S("b")], vec![])])], wide);
            let root = read(&bytes).unwrap();
            assert_eq!(root.children[0].properties, [Property::Numbers(vec![1.5, 2.5])]);
            assert_eq!(root.children[0].child("B").unwrap().text(0), "b");
        }
        let bytes = nested();
        assert_eq!(read(&bytes).unwrap().children[0].child("Below").unwrap().number(0), Some(0.5));
    }

    #[test]
    fn files_that_are_none_are_told() {
        assert_eq!(read(b"; FBX 7.4.0 project file"), Err(FbxError::Text));
        assert_eq!(read(b"abc"), Err(FbxError::Header));
        let old = [FBX_MAGIC, &[0x1a, 0], &7300_u32.to_le_bytes()].concat();
        assert_eq!(read(&old), Err(FbxError::Version(7300)));
    }

    #[test]
    fn arrays_that_lie_are_refused_without_room_for_them() {
        let mut bytes = file(&[N("A", vec![P::Ds(vec![0.0; 1000])], vec![])], true);
        let at = 28 + bytes[27..].iter().position(|byte| *byte == b'd').unwrap();
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&bytes), Err(FbxError::TooLarge));
        bytes[at..at + 4].copy_from_slice(&1001_u32.to_le_bytes());
        assert_eq!(read(&bytes), Err(FbxError::Malformed));
    }

    proptest! {
        #[test]
        fn cut_and_changed_files_are_read_or_told(cut in 0..400_usize, at in 0..400_usize, byte in any::<u8>()) {
            let mut bytes = nested();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let _ = read(&bytes);
            bytes.truncate(cut);
            let _ = read(&bytes);
        }
    }
}
