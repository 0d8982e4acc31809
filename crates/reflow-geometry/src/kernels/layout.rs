//! What a vertex is made of: 32-bit floats, the position first and the normal next.

/// Parts of a vertex, in the order in which they stand in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Bytes from one vertex to the next.
    pub stride: usize,
    /// Whether there is a normal at byte 12.
    pub has_normal: bool,
    /// Byte of the texture coordinates.
    pub uv: Option<usize>,
    /// Byte of the colour.
    pub color: Option<usize>,
}

impl Layout {
    /// The layout that a stride stands for; without parts beyond position and normal when it is none of the usual ones.
    pub fn of_stride(stride: usize) -> Self {
        let (uv, color) = match stride {
            32 => (Some(24), None),
            36 => (None, Some(24)),
            44 => (Some(24), Some(32)),
            _ => (None, None),
        };
        Self { stride, has_normal: stride >= 24, uv, color }
    }

    /// Its name in metadata.
    pub fn name(&self) -> String {
        let mut name = "pos3".to_string();
        for (is_there, part) in
            [(self.has_normal, "_normal3"), (self.uv.is_some(), "_uv2"), (self.color.is_some(), "_color3")]
        {
            if is_there {
                name += part;
            }
        }
        name + "_f32"
    }
}

/// Why bytes are no vertices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A vertex has no room for a position.
    #[error("Stride {stride} is too small for a vertex (need at least {least} bytes)")]
    Stride {
        /// As configured.
        stride: usize,
        /// What the parts of a vertex take.
        least: usize,
    },
    /// The last vertex is cut.
    #[error("{bytes} bytes are no whole number of vertices of {stride} bytes")]
    Length {
        /// Of the mesh.
        bytes: usize,
        /// As configured.
        stride: usize,
    },
}

/// How many vertices `bytes` are, when each has `stride` of them and at least `least` are needed.
///
/// # Errors
/// When the stride is too small, or the last vertex is cut.
pub fn vertex_count(bytes: usize, stride: usize, least: usize) -> Result<usize, LayoutError> {
    if stride < least.max(1) {
        return Err(LayoutError::Stride { stride, least: least.max(1) });
    }
    if bytes.is_multiple_of(stride) { Ok(bytes / stride) } else { Err(LayoutError::Length { bytes, stride }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_stride() {
        let names = [12, 24, 32, 36, 44].map(|stride| Layout::of_stride(stride).name());
        let expected = [
            "pos3_f32",
            "pos3_normal3_f32",
            "pos3_normal3_uv2_f32",
            "pos3_normal3_color3_f32",
            "pos3_normal3_uv2_color3_f32",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn cut_vertices_are_refused() {
        assert_eq!(vertex_count(48, 24, 12), Ok(2));
        assert_eq!(vertex_count(47, 24, 12), Err(LayoutError::Length { bytes: 47, stride: 24 }));
        assert_eq!(vertex_count(48, 0, 0), Err(LayoutError::Stride { stride: 0, least: 1 }));
    }
}
