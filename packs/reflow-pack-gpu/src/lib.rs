//! `reflow.pack.gpu`: pictures of distance fields, scenes and drawings, and meshes of fields.
//!
//! Pictures of fields and scenes are drawn by a GPU where there is one, in hardware or software, and by the processor everywhere, which is also what
//! the GPU is compared with. Everything else runs on the processor.

mod backend;
mod drawing;
#[cfg(feature = "wgpu")]
mod gpu;
#[cfg(not(feature = "wgpu"))]
#[path = "gpu/none.rs"]
mod gpu;
mod image_format;
mod scene;
mod sdf;

use reflow_pack_sdk::prelude::{Failure, Message, Tick, Value, component};
use reflow_pack_sdk::{PortIndex, export_pack};

export_pack!(
    "reflow.pack.gpu",
    all = [
        component::<sdf::render::SdfRender>(),
        component::<sdf::live_render::SdfLiveRender>(),
        component::<sdf::marching_cubes::MarchingCubes>(),
        component::<sdf::mesh_to_sdf::MeshToSdf>(),
        component::<scene::render::SceneRender>(),
        component::<drawing::render::Render2d>(),
    ]
);

/// Tells why a tick gave nothing: on its port `error`, or as its failure where nobody is connected there.
fn report(tick: &mut Tick<'_>, port: impl PortIndex, text: impl AsRef<str>) -> Result<(), Failure> {
    let text = text.as_ref();
    let failure = Failure::new(text).with_reason("bad_input").with_permanent(true);
    tick.report(port, Message::error(text), failure)
}

/// What came on a port that takes objects.
fn object(message: &Message, port: &str) -> Result<Value, String> {
    let value = message.as_value().filter(|value| value.as_object().is_some());
    value.ok_or_else(|| format!("expected an object on `{port}`, found {:?}", message.kind()))
}
