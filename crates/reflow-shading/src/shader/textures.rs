//! Patterns and pictures. All take a place of their own on `vector`; without one it is the position.

use reflow_component::table::{Child, Constant, Row, child, text, word};

use super::{UV, row};

pub(super) const TABLE: &[Row] = &[
    row(
        "tpl_shader_image_texture",
        "Image Texture",
        "A picture, sampled.\n\nThe compiler gives every asset one texture slot. On a distance field it is grey.",
        "imageTexture",
    )
    .with(&[text("assetId", "assetId", "default", "The picture in the asset store.")])
    .around(&[child("uv", "uv", "Where it is sampled; the texture coordinate where none came.").or_always(UV)]),
    row(
        "tpl_shader_noise_texture",
        "Noise Texture",
        "Layers of value noise, from 0 to 1.\n\nThere are `detail` layers, each twice as fine and weaker by `roughness`.",
        "noiseTexture",
    )
    .around(&[
        SCALE,
        child("detail", "detail", "How many layers there are.").or("detail", 2.0, "The detail where none came."),
        child("roughness", "roughness", "How strong finer layers are.").or(
            "roughness",
            0.5,
            "The roughness where none came.",
        ),
        VECTOR,
    ]),
    row(
        "tpl_shader_checker_texture",
        "Checker Texture",
        "A checkerboard in space.\n\nWhere ⌊x⌋ + ⌊y⌋ + ⌊z⌋ is even it is `color2`, elsewhere `color1`.",
        "checkerTexture",
    )
    .around(&[
        SCALE,
        child("color1", "color1", "One colour.").or_constant(
            "color1",
            Constant::Numbers([0.8; 3]),
            "One colour where none came.",
        ),
        child("color2", "color2", "The other colour.").or_constant(
            "color2",
            Constant::Numbers([0.2; 3]),
            "The other colour where none came.",
        ),
        VECTOR,
    ]),
    row(
        "tpl_shader_voronoi_texture",
        "Voronoi Texture",
        "How far the nearest of many scattered points is.\n\nEvery cell has one; `randomness` moves it out of the middle.",
        "voronoiTexture",
    )
    .around(&[
        SCALE,
        child("randomness", "randomness", "From 0, points on a grid, to 1.").or(
            "randomness",
            1.0,
            "The randomness where none came.",
        ),
        VECTOR,
    ]),
    row(
        "tpl_shader_brick_texture",
        "Brick Texture",
        "A brick wall.\n\nBricks are 2 wide and 1 high, every other row is moved by half a brick, and each has a colour of its own \
         between the two.",
        "brickTexture",
    )
    .around(&[
        SCALE,
        child("mortar_size", "mortarSize", "The width of the mortar.").or(
            "mortar_size",
            0.02,
            "The width of the mortar where none came.",
        ),
        child("color1", "color1", "One colour of bricks.").or_constant(
            "color1",
            Constant::Numbers([0.8, 0.3, 0.2]),
            "One colour of bricks where none came.",
        ),
        child("color2", "color2", "The other colour of bricks.").or_constant(
            "color2",
            Constant::Numbers([0.6, 0.2, 0.15]),
            "The other colour of bricks where none came.",
        ),
        child("mortar_color", "mortarColor", "The colour of the mortar.").or_constant(
            "mortar_color",
            Constant::Numbers([0.9, 0.9, 0.85]),
            "The colour of the mortar where none came.",
        ),
        VECTOR,
    ]),
    row(
        "tpl_shader_musgrave_texture",
        "Musgrave Texture",
        "Layers of noise that get weaker by a dimension.\n\nThere are `detail` layers, each twice as fine and weaker by 2 to the \
         power of -`dimension`.",
        "musgraveTexture",
    )
    .around(&[
        SCALE,
        child("detail", "detail", "How many layers there are.").or("detail", 2.0, "The detail where none came."),
        child("dimension", "dimension", "How smooth it is.").or("dimension", 2.0, "The dimension where none came."),
        VECTOR,
    ]),
    row(
        "tpl_shader_wave_texture",
        "Wave Texture",
        "Bands or rings.\n\nIt is 0.5 + 0.5 sin(`scale` w + `distortion` noise), where w is x + y + z for bands and the distance from \
         the origin for rings.",
        "waveTexture",
    )
    .with(&[word("waveType", "waveType", "bands", &["bands", "rings"], "How the waves lie.")])
    .around(&[
        SCALE,
        child("distortion", "distortion", "How much noise bends them.").or(
            "distortion",
            0.0,
            "The distortion where none came.",
        ),
        VECTOR,
    ]),
    row(
        "tpl_shader_gradient_texture",
        "Gradient Texture",
        "A gradient from 0 to 1.\n\nBy x: `linear`, its square `quadratic`, eased at both ends `easing`; by the mean of x and y: \
         `diagonal`; `spherical` is 1 at the origin and 0 from a distance of 1; `radial` goes around the origin.",
        "gradientTexture",
    )
    .with(&[word("gradientType", "gradientType", "linear", GRADIENTS, "How it goes.")])
    .around(&[VECTOR])
    .triggered(),
];

const GRADIENTS: &[&str] = crate::kernels::shader::Gradient::WORDS;

const SCALE: Child = child("scale", "scale", "How fine it is.").or("scale", 5.0, "The scale where none came.");
const VECTOR: Child = child("vector", "vector", "The place; the position where none came.").optional();
