//! Meshes out of files and into them.

mod fbx_import;
mod gltf_export;
mod gltf_import;
mod mesh_import;
mod obj_export;
mod obj_import;
mod read;
mod rig;
mod scene_import;
mod stl_export;
mod stl_import;

use reflow_component::Entry;
use reflow_component::declare::Outport;
use reflow_component::prelude::{ErrorText, Message, Tick, Value};

use crate::kernels::mesh::soup::Soup;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<fbx_import::FbxImport>(),
        Entry::of::<gltf_export::GltfExport>(),
        Entry::of::<gltf_import::GltfImport>(),
        Entry::of::<mesh_import::MeshImport>(),
        Entry::of::<obj_export::ObjExport>(),
        Entry::of::<obj_import::ObjImport>(),
        Entry::of::<scene_import::SceneImport>(),
        Entry::of::<stl_export::StlExport>(),
        Entry::of::<stl_import::StlImport>(),
    ]
}

/// A mesh that was read, and what is said of it.
struct Imported {
    mesh: Vec<u8>,
    metadata: Value,
    /// What is told on `error` beside it.
    warning: Option<&'static str>,
}

/// Tells, on the port for errors and in the log, what is amiss with a file that was read all the same.
fn warn(tick: &mut Tick<'_>, port: Outport<ErrorText>, warning: Option<&'static str>) {
    if let Some(text) = warning {
        tick.node().log("warning", text);
        tick.send(port, Message::error(text));
    }
}

impl Imported {
    /// A mesh, with `facts` in front of the counts.
    fn new(soup: &Soup, facts: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let count = soup.vertex_count();
        let counts = [
            ("triangleCount", Value::from(count / 3)),
            ("vertexCount", count.into()),
            ("stride", soup.layout.stride.into()),
        ];
        Self { mesh: soup.to_bytes(), metadata: Value::object(facts.into_iter().chain(counts)), warning: None }
    }
}
