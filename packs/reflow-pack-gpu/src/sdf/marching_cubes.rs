//! `tpl_sdf_marching_cubes`.

use glam::{UVec3, Vec3};
use reflow_pack_sdk::prelude::*;
use reflow_shading::kernels::sdf::{Bounds, Evaluator, Mesh, Tree, march};

use crate::backend::{Backend, threads};

/// Makes a triangle mesh of the surface of a distance field.
///
/// The field is looked at on a grid of `resolution` samples along each axis, from −`bound` in steps of 2·`bound`/`resolution`, the last of which is one step
/// short of `bound`; with the grid `inclusive` the steps are 2·`bound`/(`resolution` − 1) and reach it. `bounds`, two corners, replaces the cube. Where
/// the field crosses `isoLevel` there are triangles: closed, counter-clockwise seen from outside, always in the same order, computed on all
/// cores. Normals are those of the field.
///
/// `mesh` is a soup of vertices of six floats, position and normal; with `indexed` vertices are shared, and `indices` has three numbers of 32 bits for
/// each triangle. Nothing on the surface gives an empty mesh. `metadata` is `{vertexCount, triangleCount, resolution, bound, isoLevel, format, stride}`.
///
/// # Errors
///
/// On `error`: no tree, one that cannot be read or refers to a field from outside, a resolution of 0 or of more than 1024, bounds that are empty.
#[derive(Component)]
#[component(id = "tpl_sdf_marching_cubes", title = "Marching Cubes", category = "sdf", heavy)]
#[inport(sdf: Any, required, "The tree of the field.")]
#[outport(mesh: Bytes, "The vertices.")]
#[outport(indices: Bytes, "The triangles, of an indexed mesh.")]
#[outport(metadata: JsonObject, "What is known of the mesh.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct MarchingCubes {
    /// Samples along each axis.
    #[config(default = 64)]
    resolution: i64,
    /// Half the side of the cube around the origin.
    #[config(default = 3.0)]
    bound: f64,
    /// The distance of the surface.
    #[config(key = "isoLevel")]
    iso_level: f64,
    /// Where the last samples are.
    #[config(default = Grid::Exclusive)]
    grid: Grid,
    /// Two corners, in place of `bound`.
    #[config]
    bounds: Option<Vec<Vec<f64>>>,
    /// Whether vertices are shared.
    #[config]
    indexed: bool,
    /// Taken as it is: the processor computes, exactly and on all cores, also where there is a GPU.
    #[config(default = Backend::Auto)]
    #[allow(dead_code, reason = "a key that nodes of this pack have in common")]
    backend: Backend,
}

/// Where the last samples are.
#[derive(Clone, Copy, PartialEq, Choice)]
enum Grid {
    /// A step before the end.
    Exclusive,
    /// At the end.
    Inclusive,
}

/// The finest grid.
const FINEST: i64 = 1024;

impl Actor for MarchingCubes {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mesh = tick.input(Self::IN_SDF).ok_or_else(|| "expected the tree of a distance field".to_string());
        match mesh.and_then(|message| self.mesh(message)) {
            Ok(mesh) => {
                self.send(tick, &mesh);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl MarchingCubes {
    fn mesh(&self, message: &Message) -> Result<Mesh, String> {
        let value = message.as_value().filter(|value| value.as_object().is_some());
        let value = value
            .ok_or_else(|| format!("expected the tree of a distance field, an object, found {:?}", message.kind()))?;
        march_value(&value, self)
    }

    /// The box, and the cells along each axis.
    fn grid(&self) -> Result<Option<(Bounds, UVec3)>, String> {
        if !(1..=FINEST).contains(&self.resolution) {
            return Err(format!(
                "config `resolution`: expected a whole number from 1 to {FINEST}, found {}",
                self.resolution
            ));
        }
        let (min, max) = match &self.bounds {
            Some(corners) => {
                let corner = |at: usize| {
                    let corner = corners.get(at).filter(|corner| corner.len() == 3 && corners.len() == 2);
                    corner.map(|corner| Vec3::new(corner[0] as f32, corner[1] as f32, corner[2] as f32))
                };
                let wrong = || "config `bounds`: expected two corners, [[x, y, z], [x, y, z]]".to_string();
                (corner(0).ok_or_else(wrong)?, corner(1).ok_or_else(wrong)?)
            }
            None => (Vec3::splat(-self.bound as f32), Vec3::splat(self.bound as f32)),
        };
        let samples = self.resolution as f32;
        let max = if self.grid == Grid::Inclusive { max } else { min + (max - min) * ((samples - 1.0) / samples) };
        // One sample has no cells between it and the next.
        let cells = self.resolution as u32 - 1;
        Ok((cells > 0).then_some((Bounds { min, max }, UVec3::splat(cells))))
    }

    fn send(&self, tick: &mut Tick<'_>, mesh: &Mesh) {
        let triangles = mesh.indices.len() / 3;
        let vertices: Vec<[u8; STRIDE]> = mesh.positions.iter().zip(&mesh.normals).map(vertex).collect();
        let bytes = if self.indexed {
            let indices: Vec<u8> = mesh.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
            tick.emit(Self::OUT_INDICES, Message::bytes(indices));
            vertices.into_flattened()
        } else {
            let mut bytes = Vec::with_capacity(mesh.indices.len() * STRIDE);
            mesh.indices.iter().for_each(|at| bytes.extend_from_slice(&vertices[*at as usize]));
            bytes
        };
        let count = bytes.len() / STRIDE;
        let mut metadata = vec![
            ("vertexCount", Value::from(count as i64)),
            ("triangleCount", (triangles as i64).into()),
            ("resolution", self.resolution.into()),
            ("bound", self.bound.into()),
            ("isoLevel", self.iso_level.into()),
            ("format", "pos3_normal3_f32".into()),
            ("stride", (STRIDE as i64).into()),
            ("adapter", crate::backend::CPU.into()),
        ];
        if self.indexed {
            metadata.push(("indexCount", (mesh.indices.len() as i64).into()));
            metadata.push(("indexFormat", "u32".into()));
        }
        tick.emit(Self::OUT_MESH, Message::bytes(bytes));
        tick.write(Self::OUT_METADATA, Value::object(metadata));
    }
}

/// Bytes of a vertex.
const STRIDE: usize = 24;

/// A vertex as it leaves.
fn vertex((position, normal): (&Vec3, &Vec3)) -> [u8; STRIDE] {
    let mut bytes = [0; STRIDE];
    let numbers = position.to_array().into_iter().chain(normal.to_array());
    bytes.as_chunks_mut::<4>().0.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = number.to_le_bytes());
    bytes
}

/// The mesh of a tree.
fn march_value(value: &Value, node: &MarchingCubes) -> Result<Mesh, String> {
    let grid = node.grid()?;
    // A tree is read as it is, so that an error names places in it, and again with the level taken off all distances.
    let mut tree = Tree::read(value).map_err(|error| error.to_string())?;
    if node.iso_level != 0.0 {
        let inner =
            value.get("root").filter(|_| value.get("type").and_then(Value::as_str) == Some("scene")).unwrap_or(value);
        let wrapped = Value::object([
            ("type", Value::from("transform")),
            ("transform", "round".into()),
            ("radius", node.iso_level.into()),
            ("child", inner.clone()),
        ]);
        tree = Tree::read(&wrapped).map_err(|error| error.to_string())?;
    }
    let field = Evaluator::new(&tree).map_err(|name| match name {
        Some(name) => format!("the field refers to `{name}`, which nobody supplies"),
        None => "the tree of the field is empty".to_string(),
    })?;
    let Some((bounds, cells)) = grid else { return Ok(Mesh::default()) };
    march(&field, bounds, cells, threads()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(config: &str) -> MarchingCubes {
        let config: Value = serde_json::from_str(config).unwrap();
        let mut config = reflow_pack_sdk::declare::Config::new(&config);
        <MarchingCubes as reflow_pack_sdk::declare::Declare>::configure(&mut config)
    }

    fn ball(config: &str) -> Mesh {
        let ball = serde_json::from_str(r#"{"type": "primitive", "primitive": "sphere", "radius": 1}"#).unwrap();
        march_value(&ball, &node(config)).unwrap()
    }

    #[test]
    fn the_check_value_of_the_grid() {
        assert_eq!(ball(r#"{"resolution": 16, "bound": 1.5}"#).indices.len() / 3, 1064);
        assert!(ball(r#"{"resolution": 1, "bound": 1.5}"#).indices.is_empty());
        assert!(node(r#"{"resolution": 0}"#).grid().is_err());
    }

    #[test]
    fn the_mesh_of_a_ball_is_closed_and_of_its_size() {
        let mesh = ball(r#"{"resolution": 48, "bound": 1.5, "isoLevel": 0.1}"#);
        let corner = |at: &u32| mesh.positions[*at as usize];
        let volume: f32 =
            mesh.indices.chunks_exact(3).map(|t| corner(&t[0]).dot(corner(&t[1]).cross(corner(&t[2])))).sum::<f32>()
                / 6.0;
        let expected = 4.0 / 3.0 * std::f32::consts::PI * 1.1_f32.powi(3);
        assert!((volume / expected - 1.0).abs() < 0.03, "{volume} {expected}");
        let edges = mesh.indices.len() / 2;
        assert_eq!(mesh.positions.len() + mesh.indices.len() / 3, edges + 2);
    }
}
