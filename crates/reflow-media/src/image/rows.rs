//! Streams of pixels, a row a frame.

use bytes::Bytes;
use reflow_component::prelude::*;
use reflow_component::stream::Outlet;
use reflow_runtime::{Buffer, Frame};

use crate::files::picture::Picture;

/// Bytes of a pixel: `channels` of the metadata, where more than 3 is RGBA, or what the content type says, or 4.
pub(super) fn channels(opening: &Opening) -> usize {
    let told = opening.whole("channels").map(|channels| channels.min(4) as usize);
    told.unwrap_or_else(|| channels_of(opening.content_type.as_deref()))
}

/// Bytes of a pixel, by the content type alone.
pub(super) fn channels_of(content_type: Option<&str>) -> usize {
    match content_type {
        Some("image/raw-gray") => 1,
        Some("image/raw-gray-alpha") => 2,
        Some("image/raw-rgb") => 3,
        _ => 4,
    }
}

/// The size of a picture of so many pixels: what the metadata says, or a square where it says nothing. `None` where it says half of it.
pub(super) fn size(opening: &Opening, pixels: usize) -> Option<(usize, usize)> {
    let told = |key| opening.whole(key).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    match (told("width"), told("height")) {
        (Some(width), Some(height)) => Some((width, height)),
        (None, None) => square(pixels),
        _ => None,
    }
}

/// The square that so many pixels fill.
pub(super) fn square(pixels: usize) -> Option<(usize, usize)> {
    let side = pixels.isqrt();
    (side > 0).then(|| (side, pixels / side))
}

/// What is said of the stream of an RGBA picture.
pub(super) fn opening(picture: &Picture) -> Opening {
    let mut opening = Opening {
        content_type: Some("image/raw-rgba".into()),
        size_hint: Some(picture.pixels.len() as u64),
        ..Opening::default()
    };
    opening.add([
        ("width", Value::from(picture.width)),
        ("height", picture.height.into()),
        ("format", "RGBA8".into()),
        ("channels", 4.into()),
    ]);
    opening
}

/// Writes pixels a row a frame; nothing is copied.
pub(super) async fn write(pixels: Vec<u8>, row: usize, out: &mut Outlet) {
    let mut rest = Bytes::from(pixels);
    while !rest.is_empty() {
        let line = rest.split_to(row.max(1).min(rest.len()));
        if !out.write(Frame::Data(Buffer::new(line))).await {
            break;
        }
    }
}
