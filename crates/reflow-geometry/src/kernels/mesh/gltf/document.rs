//! The container and the JSON of a file.

use std::borrow::Cow;

use base64::Engine;
use serde::Deserialize;
use serde_json::Value as Json;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum GltfError {
    /// The container is cut or malformed.
    #[error("glTF: {0}")]
    Container(&'static str),
    /// The JSON is malformed.
    #[error("glTF: {0}")]
    Json(#[from] serde_json::Error),
    /// Something is named that the file does not have.
    #[error("glTF: there is no {what} {index}")]
    Missing {
        /// An accessor, a mesh and so on.
        what: &'static str,
        /// Its number.
        index: usize,
    },
    /// A buffer that is elsewhere.
    #[error("glTF: buffer {0} is not in the file (only embedded buffers are read)")]
    External(usize),
    /// Data that are not as they are said to be.
    #[error("glTF: accessor {index}: {problem}")]
    Accessor {
        /// Its number.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A primitive that makes no triangles.
    #[error("glTF: mesh {mesh}: {problem}")]
    Mesh {
        /// Its number.
        mesh: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Something needed that is not understood.
    #[error("glTF: the file requires {0}")]
    Extension(String),
}

/// The JSON, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Document {
    /// Version and origin.
    pub asset: Option<Asset>,
    /// Views of data.
    pub accessors: Vec<Accessor>,
    /// Parts of buffers.
    pub buffer_views: Vec<BufferView>,
    /// Data.
    pub buffers: Vec<Buffer>,
    /// Meshes.
    pub meshes: Vec<Mesh>,
    /// The tree of things.
    pub nodes: Vec<Node>,
    /// Which of them are to be seen.
    pub scenes: Vec<Scene>,
    /// The scene to begin with.
    pub scene: Option<usize>,
    /// What bends meshes.
    pub skins: Vec<Skin>,
    /// What moves nodes.
    pub animations: Vec<Animation>,
    /// Looks.
    pub materials: Vec<Material>,
    /// What a reader must understand.
    pub extensions_required: Vec<String>,
}

/// See [`Document::asset`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Asset {
    /// `2.0`.
    pub version: String,
}

/// See [`Document::accessors`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Accessor {
    /// Where the data are; zeros when it is left out.
    pub buffer_view: Option<usize>,
    /// Where in the view they begin.
    pub byte_offset: usize,
    /// 5120 to 5126.
    pub component_type: u32,
    /// Whether whole numbers stand for fractions.
    pub normalized: bool,
    /// How many there are.
    pub count: usize,
    /// `SCALAR`, `VEC3` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// Those that differ from the view.
    pub sparse: Option<Sparse>,
}

/// See [`Accessor::sparse`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sparse {
    /// How many there are.
    pub count: usize,
    /// Which.
    pub indices: SparseView,
    /// What they are instead.
    pub values: SparseView,
}

/// A part of a [`Sparse`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SparseView {
    /// Where the data are.
    pub buffer_view: usize,
    /// Where in the view they begin.
    pub byte_offset: usize,
    /// Of indices.
    pub component_type: u32,
}

/// See [`Document::buffer_views`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BufferView {
    /// Of which buffer.
    pub buffer: usize,
    /// Where it begins.
    pub byte_offset: usize,
    /// How long it is.
    pub byte_length: usize,
    /// From one vertex to the next.
    pub byte_stride: Option<usize>,
}

/// See [`Document::buffers`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Buffer {
    /// Where it is; behind the JSON when it is left out.
    pub uri: Option<String>,
    /// How long it is.
    pub byte_length: usize,
}

/// See [`Document::meshes`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Mesh {
    /// Its name.
    pub name: Option<String>,
    /// Its parts.
    pub primitives: Vec<Primitive>,
}

/// See [`Mesh::primitives`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Primitive {
    /// An accessor for each part of a vertex.
    pub attributes: std::collections::BTreeMap<String, usize>,
    /// Which vertices are used, in order.
    pub indices: Option<usize>,
    /// Triangles (4), or others.
    pub mode: Option<u32>,
    /// Its look.
    pub material: Option<usize>,
}

/// See [`Document::nodes`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    /// Its name.
    pub name: Option<String>,
    /// What is below it.
    pub children: Vec<usize>,
    /// A mesh at its place.
    pub mesh: Option<usize>,
    /// What bends the mesh.
    pub skin: Option<usize>,
    /// Where it is, by columns.
    pub matrix: Option<[f32; 16]>,
    /// Where it is.
    pub translation: Option<[f32; 3]>,
    /// How it is turned.
    pub rotation: Option<[f32; 4]>,
    /// How large it is.
    pub scale: Option<[f32; 3]>,
}

/// See [`Document::scenes`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scene {
    /// Its roots.
    pub nodes: Vec<usize>,
}

/// See [`Document::skins`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Skin {
    /// Its name.
    pub name: Option<String>,
    /// The nodes that are its bones.
    pub joints: Vec<usize>,
    /// A matrix for each.
    pub inverse_bind_matrices: Option<usize>,
}

/// See [`Document::animations`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Animation {
    /// Its name.
    pub name: Option<String>,
    /// What moves.
    pub channels: Vec<Channel>,
    /// How.
    pub samplers: Vec<Sampler>,
}

/// See [`Animation::channels`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Channel {
    /// How it moves.
    pub sampler: usize,
    /// What moves.
    pub target: Target,
}

/// See [`Channel::target`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Target {
    /// The node.
    pub node: Option<usize>,
    /// `translation`, `rotation`, `scale` or `weights`.
    pub path: String,
}

/// See [`Animation::samplers`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sampler {
    /// The times.
    pub input: usize,
    /// The values.
    pub output: usize,
    /// `LINEAR`, `STEP` or `CUBICSPLINE`.
    pub interpolation: Option<String>,
}

/// See [`Document::materials`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Material {
    /// Its name.
    pub name: Option<String>,
    /// Metal and roughness, as they are written.
    pub pbr_metallic_roughness: Option<Json>,
}

/// Extensions that are understood, or that change nothing here.
const UNDERSTOOD: [&str; 4] =
    ["KHR_materials_unlit", "KHR_texture_transform", "KHR_mesh_quantization", "KHR_lights_punctual"];

/// A file: its JSON, and its buffers.
#[derive(Debug)]
pub struct File<'a> {
    /// The JSON.
    pub document: Document,
    /// The data of each buffer; `None` for those that are elsewhere.
    buffers: Vec<Option<Cow<'a, [u8]>>>,
}

impl<'a> File<'a> {
    /// Reads a file, of bytes or of JSON with its buffers in it.
    ///
    /// # Errors
    /// When it is cut, malformed, or needs what is not understood.
    pub fn read(bytes: &'a [u8]) -> Result<Self, GltfError> {
        let (json, binary) = if bytes.starts_with(b"glTF") { container(bytes)? } else { (bytes, None) };
        let document: Document = serde_json::from_slice(json)?;
        let Some(asset) = &document.asset else { return Err(GltfError::Container("`asset` is missing")) };
        if !asset.version.starts_with("2.") {
            return Err(GltfError::Container("only version 2 is read"));
        }
        let foreign = document.extensions_required.iter().find(|name| !UNDERSTOOD.contains(&&***name));
        if let Some(name) = foreign {
            return Err(GltfError::Extension(name.chars().filter(|c| !c.is_control()).take(64).collect()));
        }
        let buffers = document.buffers.iter().enumerate().map(|(index, buffer)| match &buffer.uri {
            None if index == 0 => binary.map(Cow::Borrowed),
            None => None,
            Some(uri) => embedded(uri).map(Cow::Owned),
        });
        let buffers = buffers.collect();
        Ok(Self { document, buffers })
    }

    /// The data of a view.
    ///
    /// # Errors
    /// When there is no such view, or its data are not there.
    pub fn view(&self, index: usize) -> Result<&[u8], GltfError> {
        let view = self.document.buffer_views.get(index).ok_or(GltfError::Missing { what: "buffer view", index })?;
        let missing = GltfError::Missing { what: "buffer", index: view.buffer };
        let buffer = self.buffers.get(view.buffer).ok_or(missing)?;
        let buffer = buffer.as_deref().ok_or(GltfError::External(view.buffer))?;
        let data = buffer.get(view.byte_offset..).and_then(|rest| rest.get(..view.byte_length));
        data.ok_or(GltfError::Container("a buffer view is beyond its buffer"))
    }
}

/// The JSON and the data of a container.
fn container(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), GltfError> {
    let number = |at: usize| {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(GltfError::Container("the file is cut"))
    };
    if number(4)? != 2 {
        return Err(GltfError::Container("only version 2 is read"));
    }
    if number(8)? as usize > bytes.len() {
        return Err(GltfError::Container("the file is cut"));
    }
    let (mut json, mut binary, mut at) = (None, None, 12);
    while at + 8 <= bytes.len() {
        let (length, kind) = (number(at)? as usize, number(at + 4)?);
        let chunk = bytes[at + 8..].get(..length).ok_or(GltfError::Container("the file is cut"))?;
        match kind {
            0x4e4f_534a if json.is_none() => json = Some(chunk),
            0x004e_4942 if binary.is_none() => binary = Some(chunk),
            _ => {}
        }
        at += 8 + length;
    }
    Ok((json.ok_or(GltfError::Container("there is no JSON"))?, binary))
}

/// The data of a URI that carries them.
fn embedded(uri: &str) -> Option<Vec<u8>> {
    let (head, data) = uri.strip_prefix("data:")?.split_once(',')?;
    head.ends_with(";base64").then(|| base64::engine::general_purpose::STANDARD.decode(data).ok()).flatten()
}
