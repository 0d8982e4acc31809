//! `tpl_blend_mode`.

use reflow_component::config::{Choice as _, ConfigValue, expected, words_schema};
use reflow_component::prelude::*;
use reflow_runtime::Buffer;

use crate::kernels::blend::{Blend, Mode};

/// Lays one RGBA image over another.
///
/// Both layers are remembered; a packet on either inport gives a new image as soon as there are both. With the colours *b* of the base and
/// *f* of the overlay from 0 to 1 and *a* the alpha of the overlay times `opacity`, a colour is *b* (1 - *a*) + *B*(*b*, *f*) *a*, where the
/// `mode` names *B* (as in the W3C's *Compositing and Blending Level 1*), and alpha is *a* + base alpha (1 - *a*). A transparent base
/// darkens the result this way; with the `compositing` `w3c` it counts as far as it is opaque. Only what both have is blended, and the
/// rest of the base stays. `metadata` is `{mode, opacity}`.
#[derive(Component)]
#[component(id = "tpl_blend_mode", title = "Blend Mode", category = "2d", heavy)]
#[inport(base: Bytes, "What is below.")]
#[inport(overlay: Bytes, "What is above.")]
#[outport(image: Bytes, "Both.")]
#[outport(metadata: JsonObject, "Mode and opacity.")]
#[example(
    config = r#"{"mode": "add"}"#,
    steps = r#"[{"base": {"type": "Bytes", "data": [1, 2, 3, 255]}, "overlay": {"type": "Bytes", "data": [10, 20, 255, 255]}}]"#,
    outputs = r#"[{"image": [{"type": "Bytes", "data": [11, 22, 255, 255]}], "metadata": [{"mode": "add", "opacity": 1.0}]}]"#
)]
pub(super) struct BlendMode {
    /// How colours come together. Letter case, `-`, `_` and spaces do not count; an unknown word means `normal`.
    #[config(default = ModeWord::new("normal"), lenient)]
    mode: ModeWord,
    /// How opaque the overlay is, from 0 to 1.
    #[config(default = 1.0, lenient)]
    opacity: f64,
    /// What the alpha of the base does.
    #[config]
    compositing: Compositing,
    #[state]
    base: Option<Buffer>,
    #[state]
    overlay: Option<Buffer>,
    #[state]
    blend: Option<Blend>,
}

/// What the alpha of the base does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Compositing {
    /// Nothing: its colours count.
    #[default]
    Plain,
    /// It says how much its colours count.
    W3c,
}

/// The words for modes.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Words {
    /// The overlay.
    Normal,
    /// *b f*.
    Multiply,
    /// 1 - (1 - *b*) (1 - *f*).
    Screen,
    /// Hard light, the other way round.
    Overlay,
    /// *b* + *f*, 1 at most.
    #[choice("add", "lineardodge")]
    Add,
    /// Darker or lighter, as the overlay is.
    #[choice("softlight")]
    SoftLight,
    /// Multiply or screen, as the overlay is.
    #[choice("hardlight")]
    HardLight,
    /// |*b* - *f*|.
    Difference,
    /// *b* + *f* - 2 *b f*.
    Exclusion,
    /// *b* / (1 - *f*), 1 at most.
    #[choice("colordodge")]
    ColorDodge,
    /// 1 - (1 - *b*) / *f*, 0 at least.
    #[choice("colorburn")]
    ColorBurn,
    /// The darker one.
    Darken,
    /// The lighter one.
    Lighten,
    /// *b* - *f*, 0 at least.
    #[choice("subtract", "linearburn")]
    Subtract,
    /// *b* / *f*, 1 at most.
    Divide,
}

/// A word for a mode, as it was written.
#[derive(Clone, Debug)]
pub(super) struct ModeWord(String);

impl ModeWord {
    pub(super) fn new(word: &str) -> Self {
        Self(word.to_string())
    }

    pub(super) fn mode(&self) -> Mode {
        let folded: String = self.0.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
        match Words::from_word(&folded.to_lowercase()).unwrap_or(Words::Normal) {
            Words::Normal => Mode::Normal,
            Words::Multiply => Mode::Multiply,
            Words::Screen => Mode::Screen,
            Words::Overlay => Mode::Overlay,
            Words::Add => Mode::Add,
            Words::SoftLight => Mode::SoftLight,
            Words::HardLight => Mode::HardLight,
            Words::Difference => Mode::Difference,
            Words::Exclusion => Mode::Exclusion,
            Words::ColorDodge => Mode::ColorDodge,
            Words::ColorBurn => Mode::ColorBurn,
            Words::Darken => Mode::Darken,
            Words::Lighten => Mode::Lighten,
            Words::Subtract => Mode::Subtract,
            Words::Divide => Mode::Divide,
        }
    }
}

impl ConfigValue for ModeWord {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_str().map(Self::new).ok_or_else(|| expected("a string", value))
    }

    fn to_value(&self) -> Value {
        self.0.as_str().into()
    }

    fn schema() -> Value {
        words_schema::<Words>("examples")
    }
}

impl Actor for BlendMode {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (base, overlay) = (tick.read(Self::IN_BASE), tick.read(Self::IN_OVERLAY));
        if base.is_none() && overlay.is_none() {
            return Ok(());
        }
        self.base = base.or(self.base.take());
        self.overlay = overlay.or(self.overlay.take());
        let (Some(base), Some(overlay)) = (&self.base, &self.overlay) else { return Ok(()) };
        let opacity = self.opacity as f32;
        let is_weighted = self.compositing == Compositing::W3c;
        let blend = self.blend.get_or_insert_with(|| Blend::new(self.mode.mode(), opacity, is_weighted));
        let mut image = base.to_vec();
        blend.apply(&mut image, overlay);
        let metadata = [("mode", Value::from(self.mode.0.as_str())), ("opacity", f64::from(opacity).into())];
        tick.write(Self::OUT_IMAGE, image);
        tick.write(Self::OUT_METADATA, Value::object(metadata));
        Ok(())
    }
}
