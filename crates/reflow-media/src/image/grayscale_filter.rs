//! `tpl_grayscale_filter`.

use reflow_component::prelude::*;

use super::rows;
use crate::kernels::groups::Groups;
use crate::kernels::pixel::grey;

/// Makes rows of pixels grey.
///
/// Every pixel becomes a byte, (77 r + 150 g + 29 b) / 256 in whole numbers. RGBA is expected; RGB and grey pixels are told by `channels` of
/// the stream's metadata or by its content type. The stream that comes of it is `image/raw-gray`, with the metadata that came and
/// `format: "Gray8"`, `channels: 1` in it.
#[derive(Component)]
#[component(id = "tpl_grayscale_filter", title = "Grayscale", category = "media/images", filter)]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "content_type": "image/raw-rgba", "metadata": {"width": 2}, "u8": [[255, 255, 255, 255, 0, 0, 0, 255]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "image/raw-gray", "metadata": {"width": 2, "format": "Gray8", "channels": 1}, "u8": [[255, 0]]}]}]"#
)]
pub(super) struct GrayscaleFilter;

/// What is said of the grey picture.
fn grey_of(incoming: &Opening) -> Opening {
    let channels = rows::channels(incoming).max(1) as u64;
    let size_hint = incoming.size_hint.map(|bytes| bytes / channels);
    Opening { content_type: Some("image/raw-gray".into()), size_hint, ..incoming.clone() }
}

impl Filter for GrayscaleFilter {
    type Sample = u8;
    type State = Groups<u8>;

    fn describe(&self, incoming: &Opening) -> Opening {
        grey_of(incoming)
    }

    fn begin(&self, opening: &mut Opening) -> Result<Groups<u8>, String> {
        let channels = rows::channels(opening);
        if !(1..=4).contains(&channels) {
            return Err(format!("pixels of {channels} channels"));
        }
        if opening.is_told {
            *opening = grey_of(opening);
            opening.add([("format", Value::from("Gray8")), ("channels", 1.into())]);
        }
        Ok(Groups::new(channels))
    }

    fn data(groups: &mut Groups<u8>, bytes: Vec<u8>, out: &mut Frames) -> Result<(), String> {
        out.push(grey(&groups.whole(bytes), groups.size()));
        Ok(())
    }
}
