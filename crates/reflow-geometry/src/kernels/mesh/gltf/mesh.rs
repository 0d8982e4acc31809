//! The triangles of a file.

use glam::{Mat3, Mat4, Quat, Vec3};

use super::document::{File, GltfError, Node, Primitive};
use crate::kernels::mesh::soup::{Corner, Soup};

/// The most vertices that a file becomes: many primitives may name the same data.
const MOST_VERTICES: usize = 1 << 25;

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which mesh.
    pub mesh: usize,
    /// All meshes instead.
    pub all: bool,
    /// Whether meshes are put where their nodes are.
    pub placed: bool,
    /// Whether texture coordinates are kept.
    pub uv: bool,
}

/// A mesh, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Its number.
    pub mesh: usize,
    /// The node that has it, when it is put where that is, and where.
    pub place: Option<(usize, Mat4)>,
}

impl Instance {
    /// Where it is, when it is put there.
    pub fn place(&self) -> Option<Mat4> {
        self.place.map(|(_, place)| place)
    }
}

/// The vertices of a primitive, in the order of its triangles.
pub struct Part<'f, 'd> {
    file: &'f File<'d>,
    mesh: usize,
    /// What it consists of.
    pub primitive: &'f Primitive,
    /// How many vertices there are to choose from.
    pub count: usize,
    /// Which are used, three a triangle.
    pub order: Vec<u32>,
}

impl<'d> File<'d> {
    /// The meshes that are meant, in order.
    ///
    /// # Errors
    /// When there is no such mesh.
    pub fn instances(&self, choice: Choice) -> Result<Vec<Instance>, GltfError> {
        let meshes = &self.document.meshes;
        if meshes.is_empty() {
            return Ok(Vec::new());
        }
        if !choice.all && choice.mesh >= meshes.len() {
            return Err(GltfError::Missing { what: "mesh", index: choice.mesh });
        }
        let is_meant = |mesh: usize| choice.all || mesh == choice.mesh;
        if !choice.placed {
            let meant = (0..meshes.len()).filter(|mesh| is_meant(*mesh));
            return Ok(meant.map(|mesh| Instance { mesh, place: None }).collect());
        }
        let placed = self.places().into_iter().filter_map(|(node, place)| {
            let mesh = self.document.nodes.get(node)?.mesh?;
            is_meant(mesh).then_some(Instance { mesh, place: Some((node, place)) })
        });
        Ok(placed.collect())
    }

    /// All nodes that can be reached, and where they are.
    fn places(&self) -> Vec<(usize, Mat4)> {
        let nodes = &self.document.nodes;
        let scene = self.document.scenes.get(self.document.scene.unwrap_or(0));
        let roots = scene.map_or_else(|| self.roots(), |scene| scene.nodes.clone());
        let mut open: Vec<(usize, Mat4)> = roots.into_iter().rev().map(|root| (root, Mat4::IDENTITY)).collect();
        let (mut places, mut seen) = (Vec::new(), vec![false; nodes.len()]);
        while let Some((index, above)) = open.pop() {
            let Some(node) = nodes.get(index) else { continue };
            // A node that is its own descendant is seen once.
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            let place = above * transform(node);
            places.push((index, place));
            open.extend(node.children.iter().rev().map(|child| (*child, place)));
        }
        places
    }

    fn roots(&self) -> Vec<usize> {
        let mut is_child = vec![false; self.document.nodes.len()];
        for child in self.document.nodes.iter().flat_map(|node| &node.children) {
            if let Some(flag) = is_child.get_mut(*child) {
                *flag = true;
            }
        }
        (0..is_child.len()).filter(|index| !is_child[*index]).collect()
    }

    /// The parts of a mesh that are triangles.
    ///
    /// # Errors
    /// When a primitive has no positions, or its indices are not there.
    pub fn parts(&self, mesh: usize) -> Result<Vec<Part<'_, 'd>>, GltfError> {
        let primitives = self.document.meshes.get(mesh).map_or(&[][..], |mesh| &mesh.primitives);
        // Points and lines have no triangles.
        let triangles = primitives.iter().filter(|primitive| matches!(primitive.mode, None | Some(4..=6)));
        triangles.map(|primitive| Part::new(self, mesh, primitive)).collect()
    }

    /// The triangles of some meshes, with colours when a primitive of them has any.
    ///
    /// # Errors
    /// When data are not there, or of another kind.
    pub fn triangles(&self, instances: &[Instance], uv: bool) -> Result<Soup, GltfError> {
        let has_color = instances.iter().any(|instance| {
            let mesh = self.document.meshes.get(instance.mesh);
            mesh.is_some_and(|mesh| mesh.primitives.iter().any(|part| part.attributes.contains_key("COLOR_0")))
        });
        let mut soup = Soup::new(uv, has_color);
        for instance in instances {
            for part in self.parts(instance.mesh)? {
                if soup.vertex_count() + part.order.len() > MOST_VERTICES {
                    return Err(GltfError::Mesh { mesh: instance.mesh, problem: "it has too many vertices" });
                }
                part.push_onto(&mut soup, instance.place())?;
            }
        }
        Ok(soup)
    }
}

impl<'f, 'd> Part<'f, 'd> {
    fn new(file: &'f File<'d>, mesh: usize, primitive: &'f Primitive) -> Result<Self, GltfError> {
        let wrong = |problem| GltfError::Mesh { mesh, problem };
        let positions = primitive.attributes.get("POSITION").ok_or(wrong("a primitive has no POSITION"))?;
        let count = file.document.accessors.get(*positions).map_or(0, |accessor| accessor.count);
        if count > MOST_VERTICES {
            return Err(wrong("it has too many vertices"));
        }
        let used = match primitive.indices {
            Some(indices) => file.whole_numbers(indices, 1)?,
            None => (0..count as u32).collect(),
        };
        if used.len() > MOST_VERTICES {
            return Err(wrong("it has too many vertices"));
        }
        let order = match primitive.mode {
            Some(5) => used
                .windows(3)
                .enumerate()
                // Every second triangle of a strip is the other way round.
                .flat_map(|(index, corners)| match index % 2 {
                    0 => [corners[0], corners[1], corners[2]],
                    _ => [corners[1], corners[0], corners[2]],
                })
                .collect(),
            Some(6) => {
                let first = used.first().copied().unwrap_or_default();
                used.get(1..).unwrap_or_default().windows(2).flat_map(|pair| [first, pair[0], pair[1]]).collect()
            }
            _ => {
                let whole = used.len() / 3 * 3;
                let mut used = used;
                used.truncate(whole);
                used
            }
        };
        if order.iter().any(|index| *index as usize >= count) {
            return Err(wrong("an index is beyond the vertices"));
        }
        Ok(Self { file, mesh, primitive, count, order })
    }

    /// The numbers of an attribute, as many as there are vertices.
    ///
    /// # Errors
    /// When data are not there, or of another kind.
    pub fn attribute(
        &self,
        name: &str,
        widths: &[usize],
        normalized: bool,
    ) -> Result<Option<(Vec<f32>, usize)>, GltfError> {
        let Some(index) = self.primitive.attributes.get(name) else { return Ok(None) };
        let numbers = self.file.numbers(*index, widths, normalized)?;
        if numbers.numbers.len() < self.count * numbers.width {
            return Err(GltfError::Mesh { mesh: self.mesh, problem: "an attribute is shorter than POSITION" });
        }
        Ok(Some((numbers.numbers, numbers.width)))
    }

    /// The triangles at a place, by their vertices. One that mirrors would turn them inside out.
    pub fn triangles(&self, place: Option<Mat4>) -> impl Iterator<Item = [u32; 3]> {
        let mirrors = place.is_some_and(|place| place.determinant() < 0.0);
        self.order.as_chunks::<3>().0.iter().map(move |[a, b, c]| if mirrors { [*a, *c, *b] } else { [*a, *b, *c] })
    }

    fn push_onto(&self, soup: &mut Soup, place: Option<Mat4>) -> Result<(), GltfError> {
        let quantized = |widths: &[usize], name: &str| self.attribute(name, widths, false);
        let positions = quantized(&[3], "POSITION")?.map(|(numbers, _)| numbers).unwrap_or_default();
        let normals = quantized(&[3], "NORMAL")?.map(|(numbers, _)| numbers);
        let uv =
            if soup.layout.uv.is_some() { quantized(&[2], "TEXCOORD_0")?.map(|(numbers, _)| numbers) } else { None };
        let colors = self.attribute("COLOR_0", &[3, 4], true)?;
        let directions = place.map(|place| Mat3::from_mat4(place).inverse().transpose());
        let corner = |index: u32| {
            let index = index as usize;
            let mut corner = Corner { position: three(&positions, index * 3), ..Corner::default() };
            if let Some(normals) = &normals {
                corner.normal = three(normals, index * 3);
            }
            if let Some(uv) = &uv {
                corner.uv = [uv[index * 2], uv[index * 2 + 1]];
            }
            if let Some((colors, width)) = &colors {
                corner.color = three(colors, index * width);
            }
            if let Some((place, directions)) = place.zip(directions) {
                corner.position = place.transform_point3(Vec3::from(corner.position)).to_array();
                corner.normal = (directions * Vec3::from(corner.normal)).normalize_or_zero().to_array();
            }
            corner
        };
        self.triangles(place).for_each(|triangle| soup.push(triangle.map(corner)));
        Ok(())
    }
}

fn three(numbers: &[f32], at: usize) -> [f32; 3] {
    [numbers[at], numbers[at + 1], numbers[at + 2]]
}

/// Where a node is, seen from the one above.
pub fn transform(node: &Node) -> Mat4 {
    if let Some(matrix) = node.matrix {
        return Mat4::from_cols_array(&matrix);
    }
    let rotation = Quat::from_array(node.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]));
    let translation = Vec3::from(node.translation.unwrap_or_default());
    Mat4::from_scale_rotation_translation(Vec3::from(node.scale.unwrap_or([1.0; 3])), rotation, translation)
}
