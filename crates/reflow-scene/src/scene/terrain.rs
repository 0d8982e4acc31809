//! `tpl_terrain`.

use reflow_component::prelude::*;

use crate::values::object;

/// Combines a terrain mesh and heightmap into a scene object with statistics.
///
/// Runs when a mesh and a heightmap have come. The heightmap is a square of little-endian f64 heights; its extremes and mean are
/// rounded to three digits, and left out where there is no height. What the mesh and the texture hold is not handed on.
#[derive(Component)]
#[component(id = "tpl_terrain", title = "Terrain Object", category = "scene", firing = required(mesh, heightmap))]
#[inport(mesh: Any, required, "The mesh.")]
#[inport(texture: Any, "The texture.")]
#[inport(heightmap: Any, required, "The heights.")]
#[outport(object: JsonObject, "The object.")]
#[outport(metadata: JsonObject, "The id, the size of the mesh, and what there is.")]
#[example(
    config = r#"{"id": "hills"}"#,
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}, "heightmap": 1}]"#,
    outputs = r#"[{"object": [{"id": "hills", "type": "terrain", "transform": {"position": [0.0, 0.0, 0.0], "rotation": [0.0, 0.0, 0.0], "scale": [1.0, 1.0, 1.0]}, "terrain": {"width": 100.0, "depth": 100.0, "heightScale": 10.0, "meshSize": 0, "hasTexture": false, "hasHeightmap": false}}], "metadata": [{"id": "hills", "meshSize": 0, "hasTexture": false, "hasHeightmap": false}]}]"#
)]
pub(super) struct Terrain {
    /// The id of the object.
    #[config(default = "terrain".to_string(), lenient)]
    id: String,
    /// How wide it is.
    #[config(default = 100.0, lenient)]
    width: f64,
    /// How deep it is.
    #[config(default = 100.0, lenient)]
    depth: f64,
    /// How high its highest is.
    #[config(key = "heightScale", default = 10.0, lenient)]
    height_scale: f64,
    /// Where it is along x.
    #[config(key = "posX", default = 0.0, lenient)]
    x: f64,
    /// Where it is along y.
    #[config(key = "posY", default = 0.0, lenient)]
    y: f64,
    /// Where it is along z.
    #[config(key = "posZ", default = 0.0, lenient)]
    z: f64,
}

/// The numbers of a heightmap.
fn statistics(bytes: &[u8]) -> Value {
    let (cells, _) = bytes.as_chunks::<8>();
    let heights = || cells.iter().map(|cell| f64::from_le_bytes(*cell)).filter(|height| height.is_finite());
    let rounded = |height: f64| (height * 1000.0).round() / 1000.0;
    let mut numbers = vec![("resolution", cells.len().isqrt().into()), ("samples", cells.len().into())];
    let count = heights().count();
    if count > 0 {
        let mean = heights().sum::<f64>() / count as f64;
        let extremes = heights().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], h| [low.min(h), high.max(h)]);
        let values = [("minHeight", extremes[0]), ("maxHeight", extremes[1]), ("avgHeight", mean)];
        numbers.extend(values.map(|(key, value)| (key, Value::Float(rounded(value)))));
    }
    Value::object(numbers)
}

impl Actor for Terrain {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let size = tick.input(Self::IN_MESH).and_then(Bytes::read).map_or(0, |mesh| mesh.len());
        let has_texture = tick.input(Self::IN_TEXTURE).is_some();
        let heights = tick.input(Self::IN_HEIGHTMAP).and_then(Bytes::read).map(|bytes| statistics(&bytes));
        let known = [
            ("meshSize", Value::from(size)),
            ("hasTexture", has_texture.into()),
            ("hasHeightmap", heights.is_some().into()),
        ];
        let terrain =
            [("width", self.width.into()), ("depth", self.depth.into()), ("heightScale", self.height_scale.into())];
        let heights = heights.map(|heights| ("heightmap", heights));
        let terrain = Value::object::<_, Value>(terrain.into_iter().chain(known.clone()).chain(heights));
        let transform = object([
            ("position", Value::array([self.x, self.y, self.z])),
            ("rotation", Value::array([0.0; 3])),
            ("scale", Value::array([1.0; 3])),
        ]);
        let id = || Value::from(self.id.as_str());
        let made = object([("id", id()), ("type", "terrain".into()), ("transform", transform), ("terrain", terrain)]);
        tick.write(Self::OUT_OBJECT, made);
        tick.write(Self::OUT_METADATA, Value::object([("id", id())].into_iter().chain(known)));
        Ok(())
    }
}
