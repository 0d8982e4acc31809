//! The documentation pages of the catalog.

use std::collections::BTreeMap;
use std::path::Path;

use reflow_component::documentation;

use crate::catalog::entries;

/// The components of whose page there is a picture (`docs/components/pictures/make.py` makes them), with the extension of its file.
pub const PICTURES: [(&str, &str); 43] = [
    ("tpl_animation_clip", "svg"),
    ("tpl_animation_timeline", "svg"),
    ("tpl_audio_spectrum", "svg"),
    ("tpl_background", "png"),
    ("tpl_biquad_filter", "svg"),
    ("tpl_blend_mode", "png"),
    ("tpl_bloom", "png"),
    ("tpl_brightness_contrast", "png"),
    ("tpl_camera_capture", "png"),
    ("tpl_character_controller", "svg"),
    ("tpl_chroma_key", "png"),
    ("tpl_compressor", "svg"),
    ("tpl_convolve", "svg"),
    ("tpl_crossover", "svg"),
    ("tpl_dc_offset", "svg"),
    ("tpl_envelope_follower", "svg"),
    ("tpl_equalizer", "svg"),
    ("tpl_gaussian_blur", "png"),
    ("tpl_grayscale_filter", "png"),
    ("tpl_heightmap_to_image", "png"),
    ("tpl_ik_solver", "svg"),
    ("tpl_image_resize", "png"),
    ("tpl_image_to_heightmap", "png"),
    ("tpl_keyframe", "svg"),
    ("tpl_limiter", "svg"),
    ("tpl_lsystem", "png"),
    ("tpl_noise_gate", "svg"),
    ("tpl_noise_generator", "png"),
    ("tpl_noise_reduction", "svg"),
    ("tpl_particle_emitter", "png"),
    ("tpl_peak_detect", "svg"),
    ("tpl_pitch_shift", "svg"),
    ("tpl_scene_physics", "svg"),
    ("tpl_scene_skybox", "png"),
    ("tpl_scene_weather", "png"),
    ("tpl_shape_2d", "png"),
    ("tpl_silence_detect", "svg"),
    ("tpl_sprite_animation", "svg"),
    ("tpl_ssao", "png"),
    ("tpl_time_stretch", "svg"),
    ("tpl_tone_map", "png"),
    ("tpl_tube_mesh", "png"),
    ("tpl_voronoi", "png"),
];

/// All pages by file name, `index.md` among them.
pub fn pages() -> BTreeMap<String, String> {
    let declarations: Vec<_> = entries().iter().map(|entry| entry.declaration()).collect();
    let mut pages = documentation::pages(&declarations);
    for (id, extension) in PICTURES {
        if let Some(page) = pages.get_mut(&format!("{id}.md")) {
            // Below the title, the line of the id and the summary.
            let place = page.match_indices("\n\n").nth(2).map_or(page.len(), |(at, _)| at);
            page.insert_str(place, &format!("\n\n![{id}](pictures/{id}.{extension})"));
        }
    }
    pages
}

/// The files of a folder that are not as [`pages`] has them, and how.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn stale(folder: &Path) -> std::io::Result<Vec<(String, &'static str)>> {
    documentation::stale(&pages(), folder)
}
