//! What a file has: objects, and how they are connected.

use std::collections::BTreeMap;

use glam::{DMat4, DQuat, DVec3};

use super::geometry::Geometry;
use super::tree::{FbxError, Node};
use crate::kernels::mesh::gltf::skin::{Bone, pack};
use crate::kernels::mesh::soup::Soup;

/// The most influences on a vertex.
pub const INFLUENCES: usize = 4;

/// How far up a thing is looked for.
const HIGHEST: usize = 1024;

/// Models that are bones.
const BONES: [&str; 3] = ["LimbNode", "Null", "Root"];

/// A file that was read.
pub struct Scene<'a> {
    root: Node<'a>,
    /// The objects by their number: where among the objects they are.
    by_id: BTreeMap<i64, usize>,
    /// What each is part of, in the order of the file, with the property that it drives.
    parents: BTreeMap<i64, Vec<(i64, String)>>,
    /// The same the other way.
    children: BTreeMap<i64, Vec<(i64, String)>>,
}

impl<'a> Scene<'a> {
    /// Looks objects and connections up.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(root: Node<'a>) -> Result<Self, FbxError> {
        let objects = root.child("Objects").ok_or(FbxError::Missing("No Objects node"))?;
        let connections = root.child("Connections").ok_or(FbxError::Missing("No Connections node"))?;
        let numbered = objects.children.iter().enumerate().filter_map(|(at, node)| Some((node.whole(0)?, at)));
        let by_id = numbered.collect();
        let (mut parents, mut children): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for connection in connections.all("C") {
            let Some((child, parent)) = connection.whole(1).zip(connection.whole(2)) else { continue };
            let property = if connection.text(0) == "OP" { connection.text(3).to_string() } else { String::new() };
            parents.entry(child).or_default().push((parent, property.clone()));
            children.entry(parent).or_default().push((child, property));
        }
        Ok(Self { root, by_id, parents, children })
    }

    fn objects(&self) -> &[Node<'a>] {
        self.root.child("Objects").map_or(&[], |objects| &objects.children)
    }

    /// The object of this number.
    pub fn object(&self, id: i64) -> Option<&Node<'a>> {
        self.objects().get(*self.by_id.get(&id)?)
    }

    /// What an object is part of, with the property that it drives.
    pub fn parents(&self, id: i64) -> impl Iterator<Item = (&Node<'a>, &str)> {
        let found = self.parents.get(&id).into_iter().flatten();
        found.filter_map(|(id, property)| Some((self.object(*id)?, &**property)))
    }

    /// What is part of an object, with the property that it drives.
    pub fn children(&self, id: i64) -> impl Iterator<Item = (&Node<'a>, &str)> {
        let found = self.children.get(&id).into_iter().flatten();
        found.filter_map(|(id, property)| Some((self.object(*id)?, &**property)))
    }

    /// The geometries that are meshes.
    fn meshes(&self) -> Vec<&Node<'a>> {
        self.objects().iter().filter(|node| node.name == "Geometry" && node.text(2) == "Mesh").collect()
    }

    /// The models that are bones, in the order of the file.
    pub fn bone_models(&self) -> Vec<&Node<'a>> {
        self.objects().iter().filter(|node| node.name == "Model" && BONES.contains(&node.text(2))).collect()
    }

    /// The name of the animation.
    pub fn take(&self) -> Option<String> {
        let stack = self.objects().iter().find(|node| node.name == "AnimationStack")?;
        Some(name_of(stack)).filter(|name| !name.is_empty())
    }

    /// All objects of this kind.
    pub fn all<'n>(&'n self, kind: &'n str) -> impl Iterator<Item = &'n Node<'a>> {
        self.objects().iter().filter(move |node| node.name == kind)
    }

    /// The bytes of the embedded picture: the one that is called diffuse, or else the first.
    pub fn picture(&self) -> Option<&'a [u8]> {
        let content = |node: &Node<'a>| match node.child("Content")?.properties.first()? {
            super::tree::Property::Bytes(bytes) if !bytes.is_empty() => Some(*bytes),
            _ => None,
        };
        let videos: Vec<(&Node<'a>, &'a [u8])> =
            self.all("Video").filter_map(|node| Some((node, content(node)?))).collect();
        let is_diffuse = |node: &Node<'a>| {
            let file = ["Filename", "RelativeFilename"].map(|name| node.child(name).map_or("", |node| node.text(0)));
            [node.text(1), file[0], file[1]].iter().any(|name| name.contains("diffuse") || name.contains("Diffuse"))
        };
        let diffuse = videos.iter().find(|(node, _)| is_diffuse(node));
        diffuse.or(videos.first()).map(|(_, content)| *content)
    }

    /// The first mesh, or all of them.
    ///
    /// # Errors
    /// When there is none, or a polygon has a vertex that does not exist.
    pub fn geometries(&self, all: bool) -> Result<Vec<(i64, Geometry<'_, 'a>)>, FbxError> {
        let meshes = self.meshes();
        if meshes.is_empty() {
            return Err(FbxError::Missing("No Geometry/Mesh found in FBX"));
        }
        let count = if all { meshes.len() } else { 1 };
        let read = meshes.into_iter().take(count).map(|node| Ok((node.whole(0).unwrap_or(0), Geometry::read(node)?)));
        read.collect()
    }

    /// The triangles of geometries, where they stand in the file or, when `placed`, in the scene: in metres, y up.
    pub fn triangles(&self, geometries: &[(i64, Geometry<'_, 'a>)], has_uv: bool, placed: bool) -> Soup {
        let mut soup = Soup::new(has_uv, false);
        for (id, geometry) in geometries {
            geometry.push_onto(&mut soup, self.place(*id, placed));
        }
        soup
    }

    fn place(&self, geometry: i64, placed: bool) -> DMat4 {
        if placed { self.world() * self.place_of(geometry) } else { DMat4::IDENTITY }
    }

    /// Metres and y up from what the file counts in.
    fn world(&self) -> DMat4 {
        let setting = |name: &str| self.root.child("GlobalSettings").and_then(|node| node.setting(name));
        let [factor, ..] = setting("UnitScaleFactor").unwrap_or([1.0; 3]);
        let turn = match setting("UpAxis").map(|[axis, ..]| axis as i64) {
            Some(0) => DMat4::from_rotation_z(std::f64::consts::FRAC_PI_2),
            Some(2) => DMat4::from_rotation_x(-std::f64::consts::FRAC_PI_2),
            _ => DMat4::IDENTITY,
        };
        let factor = if factor.is_finite() && factor > 0.0 { factor / 100.0 } else { 0.01 };
        DMat4::from_scale(DVec3::splat(factor)) * turn
    }

    /// Where a geometry stands.
    fn place_of(&self, geometry: i64) -> DMat4 {
        let Some(model) = self.parents(geometry).map(|(node, _)| node).find(|node| node.name == "Model") else {
            return DMat4::IDENTITY;
        };
        let part = |name: &str, default: f64| DVec3::from(model.setting(name).unwrap_or([default; 3]));
        let offset = DMat4::from_scale_rotation_translation(
            part("GeometricScaling", 1.0),
            euler(part("GeometricRotation", 0.0).to_array(), 0),
            part("GeometricTranslation", 0.0),
        );
        let mut place = local(model) * offset;
        let mut current = model.whole(0);
        for _ in 0..HIGHEST {
            let above = current.and_then(|id| self.parents(id).map(|(node, _)| node).find(|node| node.name == "Model"));
            let Some(above) = above else { break };
            place = local(above) * place;
            current = above.whole(0);
        }
        place
    }

    /// The bones.
    pub fn bones(&self) -> Vec<Bone> {
        let models = self.bone_models();
        let order = self.bone_order(&models);
        let bone = |model: &&Node<'a>| {
            let id = model.whole(0).unwrap_or_default();
            let parent = self.parents(id).find_map(|(node, property)| {
                property.is_empty().then(|| order.get(&node.whole(0)?).copied()).flatten()
            });
            Bone { name: name_of(model), parent, local: local(model).to_cols_array() }
        };
        models.iter().map(bone).collect()
    }

    /// The place of each bone among the bones, by its number.
    pub fn bone_order(&self, models: &[&Node<'a>]) -> BTreeMap<i64, usize> {
        let _ = self;
        models.iter().enumerate().filter_map(|(at, model)| Some((model.whole(0)?, at))).collect()
    }

    /// What ties vertices to bones: bone, cluster.
    fn clusters(&self, geometry: Option<i64>) -> Vec<(usize, &Node<'a>)> {
        let order = self.bone_order(&self.bone_models());
        let clusters = self.all("Deformer").filter(|node| node.text(2) == "Cluster");
        let tied = clusters.filter_map(|cluster| {
            let id = cluster.whole(0)?;
            let bone = self.children(id).find_map(|(node, _)| order.get(&node.whole(0)?).copied())?;
            // A cluster belongs to a skin, and that to a geometry; one that says nothing belongs to every geometry.
            let skins = self.parents(id).filter_map(|(skin, _)| skin.whole(0));
            let mut owners = skins.flat_map(|skin| self.parents(skin).filter_map(|(node, _)| node.whole(0))).peekable();
            let fits = owners.peek().is_none() || geometry.is_none_or(|geometry| owners.any(|id| id == geometry));
            fits.then_some((bone, cluster))
        });
        tied.collect()
    }

    /// What takes a vertex to each bone, by columns.
    pub fn inverse_binds(&self) -> Vec<[f32; 16]> {
        let mut matrices = vec![DMat4::IDENTITY; self.bone_models().len()];
        for (bone, cluster) in self.clusters(None) {
            if let Ok(link) = <[f64; 16]>::try_from(cluster.numbers("TransformLink")) {
                let inverse = DMat4::from_cols_array(&link).inverse();
                if inverse.is_finite() {
                    matrices[bone] = inverse;
                }
            }
        }
        matrices.into_iter().map(|matrix| matrix.as_mat4().to_cols_array()).collect()
    }

    /// The weights of every corner of a geometry's triangles, in the order of [`triangles`](Self::triangles).
    pub fn weights(&self, id: i64, geometry: &Geometry<'_, 'a>, placed: bool) -> Vec<u8> {
        let mut influences: Vec<BTreeMap<u32, f32>> = vec![BTreeMap::new(); geometry.point_count()];
        for (bone, cluster) in self.clusters(Some(id)) {
            for (vertex, weight) in cluster.wholes("Indexes").into_iter().zip(cluster.numbers("Weights")) {
                if let Some(influences) = usize::try_from(vertex).ok().and_then(|vertex| influences.get_mut(vertex)) {
                    *influences.entry(bone as u32).or_default() += weight as f32;
                }
            }
        }
        let packed: Vec<Vec<u8>> = influences
            .iter()
            .map(|influences| {
                let (bones, weights): (Vec<u32>, Vec<f32>) = influences.iter().unzip();
                pack(&bones, &weights, INFLUENCES)
            })
            .collect();
        geometry.vertices(self.place(id, placed)).flat_map(|vertex| packed[vertex].iter().copied()).collect()
    }
}

/// The name of an object, without its kind.
pub fn name_of(node: &Node<'_>) -> String {
    let name = node.text(1).split('\0').next().unwrap_or_default();
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    name.to_string()
}

/// Where a model is, seen from the one above.
pub fn local(model: &Node<'_>) -> DMat4 {
    let part = |name: &str, default: f64| DVec3::from(model.setting(name).unwrap_or([default; 3]));
    let rotation = rotation(model, part("Lcl Rotation", 0.0).to_array());
    DMat4::from_scale_rotation_translation(part("Lcl Scaling", 1.0), rotation, part("Lcl Translation", 0.0))
}

/// How a model is turned by angles in degrees, with what its file adds before and behind.
pub fn rotation(model: &Node<'_>, angles: [f64; 3]) -> DQuat {
    let order = model.setting("RotationOrder").map_or(0, |[order, ..]| order as i64);
    let [before, behind] =
        ["PreRotation", "PostRotation"].map(|name| euler(model.setting(name).unwrap_or_default(), 0));
    before * euler(angles, order) * behind.inverse()
}

/// A rotation by angles in degrees; in the order 0 about x first, then y, then z.
fn euler(angles: [f64; 3], order: i64) -> DQuat {
    let [x, y, z] = angles.map(f64::to_radians);
    let (x, y, z) = (DQuat::from_rotation_x(x), DQuat::from_rotation_y(y), DQuat::from_rotation_z(z));
    match order {
        1 => y * z * x,
        2 => x * z * y,
        3 => z * x * y,
        4 => y * x * z,
        5 => x * y * z,
        _ => z * y * x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::mesh::fbx::tree::{
        read,
        tests::{N, P, file},
    };
    use proptest::prelude::*;

    /// A square of 100 units on a side that lies in the plane of x and y, in a file whose axis z is up.
    fn square() -> Vec<u8> {
        square_of(vec![], vec![])
    }

    /// The same with some more objects and connections.
    fn square_of(more: Vec<N>, links: Vec<[i64; 2]>) -> Vec<u8> {
        let uv = vec![
            N("MappingInformationType", vec![P::S("ByPolygonVertex")], vec![]),
            N("UV", vec![P::Ds(vec![0.0, 0.0, 1.0, 1.0])], vec![]),
            N("UVIndex", vec![P::Is(vec![0, 0, 1, 1])], vec![]),
        ];
        let corners = [[0.0, 0.0], [100.0, 0.0], [100.0, 100.0], [0.0, 100.0]];
        let geometry = vec![
            N("Vertices", vec![P::Ds(corners.iter().flat_map(|[x, y]| [*x, *y, 0.0]).collect())], vec![]),
            N("PolygonVertexIndex", vec![P::Is(vec![0, 1, 2, -4])], vec![]),
            N("LayerElementUV", vec![P::L(0)], uv),
        ];
        let up = vec![P::S("UpAxis"), P::S("int"), P::S(""), P::S(""), P::L(2)];
        let settings = N("Properties70", vec![], vec![N("P", up, vec![])]);
        let mut objects = vec![
            N("Geometry", vec![P::L(1), P::S("square\0\u{1}Geometry"), P::S("Mesh")], geometry),
            N("Video", vec![P::L(2), P::S("Video::a"), P::S("Clip")], vec![N("Content", vec![P::S("first")], vec![])]),
            N("Video", vec![P::L(3), P::S("Diffuse"), P::S("Clip")], vec![N("Content", vec![P::S("second")], vec![])]),
        ];
        objects.extend(more);
        let link = |[from, to]: [i64; 2]| N("C", vec![P::S("OO"), P::L(from), P::L(to)], vec![]);
        file(
            &[
                N("GlobalSettings", vec![], vec![settings]),
                N("Objects", vec![], objects),
                N("Connections", vec![], links.into_iter().map(link).collect()),
            ],
            true,
        )
    }

    #[test]
    fn texture_coordinates_pictures_axes_and_units() {
        let bytes = square();
        let scene = Scene::new(read(&bytes).unwrap()).unwrap();
        assert_eq!(scene.picture(), Some(&b"second"[..]));
        let geometries = scene.geometries(false).unwrap();
        let soup = scene.triangles(&geometries, true, false);
        assert_eq!(soup.floats[16..24], [100.0, 100.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let soup = scene.triangles(&geometries, true, true);
        let expected = [1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        assert!(
            soup.floats[16..24].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{:?}",
            &soup.floats[16..24]
        );
    }

    #[test]
    fn weights_are_in_the_order_of_the_triangles() {
        let scaling = [P::S("Lcl Scaling"), P::S(""), P::S(""), P::S(""), P::D(-1.0), P::D(1.0), P::D(1.0)];
        let mirrored = N("Properties70", vec![], vec![N("P", scaling.into(), vec![])]);
        let mut objects = vec![
            N("Model", vec![P::L(4), P::S("Model::body"), P::S("Mesh")], vec![mirrored]),
            N("Deformer", vec![P::L(5), P::S("Deformer::skin"), P::S("Skin")], vec![]),
        ];
        let mut links = vec![[1, 4], [5, 1]];
        for vertex in 0..4_i32 {
            let (bone, cluster) = (10 + i64::from(vertex), 20 + i64::from(vertex));
            objects.push(N("Model", vec![P::L(bone), P::S("Model::bone"), P::S("LimbNode")], vec![]));
            let parts =
                vec![N("Indexes", vec![P::Is(vec![vertex])], vec![]), N("Weights", vec![P::Ds(vec![1.0])], vec![])];
            objects.push(N("Deformer", vec![P::L(cluster), P::S("SubDeformer::c"), P::S("Cluster")], parts));
            links.extend([[bone, cluster], [cluster, 5]]);
        }
        let bytes = square_of(objects, links);
        let scene = Scene::new(read(&bytes).unwrap()).unwrap();
        let geometries = scene.geometries(false).unwrap();
        let (id, geometry) = &geometries[0];
        for (placed, order) in [(false, [0, 1, 2, 0, 2, 3]), (true, [0, 2, 1, 0, 3, 2])] {
            let weights = scene.weights(*id, geometry, placed);
            assert_eq!(weights.chunks(INFLUENCES * 6).map(|bytes| bytes[0]).collect::<Vec<_>>(), order);
        }
    }

    proptest! {
        #[test]
        fn changed_files_are_read_or_told(changes in prop::collection::vec((0..900_usize, any::<u8>()), 1..4)) {
            let mut bytes = square();
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            let Ok(scene) = read(&bytes).and_then(Scene::new) else { return Ok(()) };
            let _ = (scene.bones(), scene.tracks(), scene.inverse_binds(), scene.picture());
            if let Ok(geometries) = scene.geometries(true) {
                let _ = scene.triangles(&geometries, true, true);
                geometries.iter().for_each(|(id, geometry)| _ = scene.weights(*id, geometry, true));
            }
        }
    }
}
