//! Reading numbers out of buffers.

use super::document::{Accessor, File, GltfError};

/// How many numbers may be made out of nothing: an accessor without data is zeros.
const MOST_ZEROS: usize = 1 << 24;

/// Numbers of an accessor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// How many belong together.
    pub width: usize,
    /// All of them.
    pub numbers: Vec<f32>,
}

/// The bytes of one number of a kind.
fn size_of(component: u32) -> Option<usize> {
    match component {
        5120 | 5121 => Some(1),
        5122 | 5123 => Some(2),
        5125 | 5126 => Some(4),
        _ => None,
    }
}

/// How many numbers a type has.
fn width_of(kind: &str) -> Option<usize> {
    match kind {
        "SCALAR" => Some(1),
        "VEC2" => Some(2),
        "VEC3" => Some(3),
        "VEC4" | "MAT2" => Some(4),
        "MAT3" => Some(9),
        "MAT4" => Some(16),
        _ => None,
    }
}

/// A number, as fractions when `normalized`.
fn number(bytes: &[u8], component: u32, normalized: bool) -> f32 {
    let least = |value: f32, most: f32| if normalized { (value / most).max(-1.0) } else { value };
    match (component, bytes) {
        (5120, [a, ..]) => least(f32::from(a.cast_signed()), 127.0),
        (5121, [a, ..]) => least(f32::from(*a), 255.0),
        (5122, [a, b, ..]) => least(f32::from(i16::from_le_bytes([*a, *b])), 32_767.0),
        (5123, [a, b, ..]) => least(f32::from(u16::from_le_bytes([*a, *b])), 65_535.0),
        (5125, [a, b, c, d, ..]) => u32::from_le_bytes([*a, *b, *c, *d]) as f32,
        (5126, [a, b, c, d, ..]) => f32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0.0,
    }
}

/// A whole number.
fn whole(bytes: &[u8], component: u32) -> u32 {
    match (component, bytes) {
        (5121, [a, ..]) => u32::from(*a),
        (5123, [a, b, ..]) => u32::from(u16::from_le_bytes([*a, *b])),
        (5125, [a, b, c, d, ..]) => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

/// Elements that stand in data.
struct Elements<'a> {
    data: &'a [u8],
    step: usize,
    size: usize,
    count: usize,
}

impl<'a> Elements<'a> {
    /// Checks once that all of them are there.
    fn new(data: &'a [u8], offset: usize, step: usize, size: usize, count: usize) -> Option<Self> {
        let data = data.get(offset..)?;
        let length = count.checked_sub(1).map_or(Some(0), |last| last.checked_mul(step)?.checked_add(size))?;
        (length <= data.len()).then_some(Self { data, step, size, count })
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let (data, step, size) = (self.data, self.step, self.size);
        (0..self.count).map(move |index| &data[index * step..index * step + size])
    }
}

impl File<'_> {
    /// The numbers of an accessor, of which `widths` may belong together.
    ///
    /// # Errors
    /// When its data are not there or of another kind.
    pub fn numbers(&self, index: usize, widths: &[usize], normalized: bool) -> Result<Numbers, GltfError> {
        let wrong = |problem| GltfError::Accessor { index, problem };
        let accessor = self.accessor(index)?;
        let width = width_of(&accessor.kind).filter(|width| widths.contains(width));
        let width = width.ok_or(wrong("it is of another type"))?;
        let component = accessor.component_type;
        let size = size_of(component).ok_or(wrong("its component type is unknown"))?;
        let normalized = normalized || accessor.normalized;
        let read = |bytes: &[u8], numbers: &mut Vec<f32>| {
            if component == 5126 {
                numbers.extend(bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)));
            } else {
                numbers.extend(bytes.chunks_exact(size).map(|bytes| number(bytes, component, normalized)));
            }
        };
        let mut numbers = Vec::new();
        match self.elements(index, accessor, width * size)? {
            Some(elements) => {
                numbers.reserve_exact(accessor.count * width);
                elements.iter().for_each(|bytes| read(bytes, &mut numbers));
            }
            None => numbers.resize(accessor.count * width, 0.0),
        }
        if let Some(sparse) = &accessor.sparse {
            let mut values = Vec::new();
            let view = self.view(sparse.values.buffer_view)?;
            let elements = Elements::new(view, sparse.values.byte_offset, width * size, width * size, sparse.count);
            elements
                .ok_or(wrong("its values are beyond their view"))?
                .iter()
                .for_each(|bytes| read(bytes, &mut values));
            for (place, value) in self.sparse_places(index, accessor)?.zip(values.chunks_exact(width)) {
                let start = (place as usize).saturating_mul(width);
                let target = numbers.get_mut(start..).and_then(|rest| rest.get_mut(..width));
                target.ok_or(wrong("a sparse index is beyond its end"))?.copy_from_slice(value);
            }
        }
        Ok(Numbers { width, numbers })
    }

    /// The whole numbers of an accessor.
    ///
    /// # Errors
    /// When its data are not there or of another kind.
    pub fn whole_numbers(&self, index: usize, width: usize) -> Result<Vec<u32>, GltfError> {
        let wrong = |problem| GltfError::Accessor { index, problem };
        let accessor = self.accessor(index)?;
        if width_of(&accessor.kind) != Some(width) {
            return Err(wrong("it is of another type"));
        }
        let component = accessor.component_type;
        let size = size_of(component).filter(|_| matches!(component, 5121 | 5123 | 5125));
        let size = size.ok_or(wrong("it has no whole numbers"))?;
        let mut numbers = Vec::new();
        match self.elements(index, accessor, width * size)? {
            Some(elements) => {
                numbers.reserve_exact(accessor.count * width);
                for bytes in elements.iter() {
                    numbers.extend(bytes.chunks_exact(size).map(|bytes| whole(bytes, component)));
                }
            }
            None => numbers.resize(accessor.count * width, 0),
        }
        Ok(numbers)
    }

    fn accessor(&self, index: usize) -> Result<&Accessor, GltfError> {
        self.document.accessors.get(index).ok_or(GltfError::Missing { what: "accessor", index })
    }

    /// Where the elements of an accessor are; `None` when they are zeros.
    fn elements(&self, index: usize, accessor: &Accessor, size: usize) -> Result<Option<Elements<'_>>, GltfError> {
        let wrong = |problem| GltfError::Accessor { index, problem };
        let Some(view) = accessor.buffer_view else {
            return if accessor.count > MOST_ZEROS / 16 { Err(wrong("it is too long")) } else { Ok(None) };
        };
        let step = self.document.buffer_views.get(view).and_then(|view| view.byte_stride).unwrap_or(size);
        if step < size {
            return Err(wrong("its stride is too small"));
        }
        let elements = Elements::new(self.view(view)?, accessor.byte_offset, step, size, accessor.count);
        elements.map(Some).ok_or(wrong("it is beyond its buffer view"))
    }

    fn sparse_places(&self, index: usize, accessor: &Accessor) -> Result<impl Iterator<Item = u32>, GltfError> {
        let wrong = |problem| GltfError::Accessor { index, problem };
        let sparse = accessor.sparse.as_ref().ok_or(wrong("it is not sparse"))?;
        let component = sparse.indices.component_type;
        let size = size_of(component).filter(|_| matches!(component, 5121 | 5123 | 5125));
        let size = size.ok_or(wrong("its sparse indices are no whole numbers"))?;
        let view = self.view(sparse.indices.buffer_view)?;
        let elements = Elements::new(view, sparse.indices.byte_offset, size, size, sparse.count);
        let elements = elements.ok_or(wrong("its sparse indices are beyond their view"))?;
        Ok(elements.iter().map(move |bytes| whole(bytes, component)).collect::<Vec<_>>().into_iter())
    }
}
