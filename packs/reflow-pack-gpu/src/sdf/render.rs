//! `tpl_sdf_render`.

use reflow_pack_sdk::prelude::*;

use super::field::{Field, View};
use crate::backend::{Backend, Drawer};
use crate::image_format::ImageFormat;

/// Draws the tree of a distance field by marching rays, a picture for each packet.
///
/// A tree on `sdf` is remembered; once there is one, every packet draws it, and a number on `time` is the time of that picture. Camera, light and
/// limits come from the config, also where the tree is a whole scene; materials come from the tree. The field of view is vertical, left
/// is left, and the picture is tone mapped and gamma encoded, with alpha 255.
///
/// `metadata` is `{width, height, format, channels, shaderSize, nodeCount, adapter}`: the length of the WGSL that draws the same picture, how many
/// nodes the tree has, and what drew it: `cpu`, or the name of the GPU. A shade that is written in WGSL counts only where a GPU draws.
///
/// # Errors
///
/// On `error`: no tree, one that cannot be read, one that refers to a field from outside, a size that cannot be drawn, a backend that is
/// not there.
#[derive(Component)]
#[component(id = "tpl_sdf_render", title = "SDF Render", category = "sdf", heavy)]
#[inport(sdf: Any, required, "The tree of the field.")]
#[inport(time: Any, "The time of a picture, in seconds.")]
#[outport(output: Bytes, "The picture.")]
#[outport(metadata: JsonObject, "What is known of the picture.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct SdfRender {
    #[config(group)]
    view: View,
    /// How the picture leaves.
    #[config(default = ImageFormat::Rgba8)]
    format: ImageFormat,
    /// What draws.
    #[config(default = Backend::Auto)]
    backend: Backend,
    /// Whether the node's log tells every picture.
    #[config(key = "logProgress")]
    log_progress: bool,
    #[state]
    field: Option<Field>,
    #[state]
    drawer: Drawer,
}

impl Actor for SdfRender {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.draw(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl SdfRender {
    fn draw(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        if let Some(message) = tick.input(Self::IN_SDF) {
            self.field = Some(Field::read(message)?);
        }
        let field = self.field.as_ref().ok_or("there is no tree of a distance field yet; wire one to `sdf`")?;
        let mut settings = self.view.settings();
        if let Some(own) = &field.own {
            settings.custom_shade_wgsl.clone_from(&own.custom_shade_wgsl);
        }
        if let Some(time) = tick.input(Self::IN_TIME).and_then(Message::as_number) {
            settings.time = time as f32;
        }
        let shader = field.shader(&settings)?;
        let drawn = field.draw(&mut self.drawer, self.backend, tick.node(), &settings, &shader)?;
        if self.log_progress {
            tick.node().log("info", format!("a picture of {} × {} pixels", settings.width, settings.height).as_str());
        }
        let metadata = Value::object([
            ("width", Value::from(i64::from(settings.width))),
            ("height", i64::from(settings.height).into()),
            ("format", self.format.word().into()),
            ("channels", 4_i64.into()),
            ("shaderSize", (shader.len() as i64).into()),
            ("nodeCount", (field.tree.len() as i64).into()),
            ("adapter", drawn.adapter.into()),
        ]);
        tick.emit(Self::OUT_OUTPUT, Message::bytes(self.format.encode(drawn.pixels, settings.width, settings.height)?));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
