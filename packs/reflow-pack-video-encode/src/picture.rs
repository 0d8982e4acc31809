//! What the pixels of a raw frame look like.

/// The layout of a pixel, one byte a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rgba,
    Rgb,
    Bgra,
    Gray,
}

impl Format {
    /// The format that a content type or a label names.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        let label = label.to_ascii_lowercase();
        let label = label.split(';').next().unwrap_or_default().trim();
        let label = label.rsplit('/').next().unwrap_or_default();
        Some(match label.strip_prefix("raw-").unwrap_or(label) {
            "rgba8" | "rgba" => Self::Rgba,
            "rgb8" | "rgb" => Self::Rgb,
            "bgra8" | "bgra" => Self::Bgra,
            "gray8" | "grey8" | "luma8" | "gray" | "grey" => Self::Gray,
            _ => return None,
        })
    }

    /// Bytes of a pixel.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Rgba | Self::Bgra => 4,
            Self::Rgb => 3,
            Self::Gray => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_content_types_name_formats() {
        for (label, format) in [
            ("video/raw-rgba", Some(Format::Rgba)),
            ("RGBA8", Some(Format::Rgba)),
            ("image/raw-bgra", Some(Format::Bgra)),
            ("video/raw-rgb; x=1", Some(Format::Rgb)),
            ("video/raw-gray", Some(Format::Gray)),
            ("video/mp4", None),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(Format::from_label(label), format, "{label}");
        }
    }
}
