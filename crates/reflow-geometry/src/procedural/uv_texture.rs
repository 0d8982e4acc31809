//! `tpl_uv_texture`.

use reflow_component::prelude::*;

use super::sampling::Sampler;
use crate::kernels::layout::vertex_count;
use crate::kernels::texture::mapped;

/// Colours the vertices of a mesh from a picture, at their texture coordinates.
///
/// The picture reaches from 0 to 1 and is repeated beyond; v = 0 is its top. Where indices stand behind the vertices,
/// `vertexBytes` says how much of the mesh are vertices, and the indices come out unchanged behind the coloured ones.
#[derive(Component)]
#[component(id = "tpl_uv_texture", title = "UV Texture", category = "procedural", firing = all, heavy)]
#[inport(mesh: Bytes, required, "Vertices of 32-bit floats.")]
#[inport(texture: Bytes, required, "A picture as PNG or JPEG.")]
#[outport(mesh: Bytes, "The vertices, each with red, green and blue behind it.")]
#[outport(metadata: JsonObject, "The number of vertices, their layout, and the size of the picture.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    config = r#"{"stride": 24}"#,
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}, "texture": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Stride 24 too small for UV at offset 6 (need at least 8 floats)"}]}]"#
)]
pub(super) struct UvTexture {
    /// What a vertex takes.
    #[config(default = 32, unit = "bytes", lenient)]
    stride: u32,
    /// Which float of a vertex the texture coordinates begin with, counted from 0.
    #[config(key = "uvOffset", default = 6, unit = "floats", lenient)]
    offset: u32,
    /// How much of the mesh are vertices; all of it when it is left out.
    #[config(key = "vertexBytes", unit = "bytes", lenient)]
    vertex_bytes: Option<u64>,
    #[config(group)]
    sampler: Sampler,
}

impl Actor for UvTexture {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESH) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh port");
        };
        let Some(texture) = tick.read(Self::IN_TEXTURE) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on texture port");
        };
        let (stride, offset) = (self.stride as usize, self.offset as usize);
        if stride / 4 < offset + 2 {
            let least = offset + 2;
            let text = format!("Stride {stride} too small for UV at offset {offset} (need at least {least} floats)");
            return tick.report(Self::OUT_ERROR, text);
        }
        let cut = self.vertex_bytes.map_or(mesh.len(), |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let Some((vertices, indices)) = mesh.split_at_checked(cut) else {
            return tick.report(Self::OUT_ERROR, format!("{} bytes are fewer than the {cut} of vertices", mesh.len()));
        };
        let count = match vertex_count(vertices.len(), stride, 12) {
            Ok(count) => count,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let picture = match self.sampler.decode(&texture) {
            Ok(picture) => picture,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let mut painted = mapped(vertices, stride, offset * 4, &picture.texture, picture.sampling);
        painted.extend(indices);
        let layout = [
            ("vertexCount", Value::from(count)),
            ("stride", (stride + 12).into()),
            ("format", "pos3_normal3_uv2_color3_f32".into()),
            ("mapping", "uv".into()),
        ];
        tick.write(Self::OUT_MESH, painted);
        tick.write(Self::OUT_METADATA, Value::object(layout.into_iter().chain(picture.facts)));
        Ok(())
    }
}
