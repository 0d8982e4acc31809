//! The families of images.

mod background;
mod blend_mode;
mod bloom;
mod brightness_contrast;
mod canvas_2d;
mod chroma_key;
mod gaussian_blur;
mod grayscale_filter;
mod image_decode;
mod image_encode;
mod image_input;
mod image_resize;
mod image_stream_display;
mod image_to_heightmap;
mod rows;
mod ssao;
mod tone_map;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<image_decode::ImageDecode>(),
        Entry::of::<image_encode::ImageEncode>(),
        Entry::of::<image_resize::ImageResize>(),
        Entry::of::<image_input::ImageInput>(),
        Entry::of::<image_stream_display::ImageStreamDisplay>(),
        Entry::of::<grayscale_filter::GrayscaleFilter>(),
        Entry::of::<brightness_contrast::BrightnessContrast>(),
        Entry::of::<canvas_2d::Canvas2d>(),
        Entry::of::<chroma_key::ChromaKey>(),
        Entry::of::<image_to_heightmap::ImageToHeightmap>(),
        Entry::of::<gaussian_blur::GaussianBlur>(),
        Entry::of::<blend_mode::BlendMode>(),
        Entry::of::<bloom::Bloom>(),
        Entry::of::<ssao::Ssao>(),
        Entry::of::<tone_map::ToneMap>(),
        Entry::of::<background::Background>(),
    ]
}
