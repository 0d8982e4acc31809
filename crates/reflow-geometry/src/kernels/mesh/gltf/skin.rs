//! Bones, and how far each vertex follows them.

use std::collections::BTreeMap;

use super::document::{File, GltfError, Node, Skin};
use super::mesh::{Instance, Part, transform};

/// The most influences on a vertex that are kept.
pub const MOST_INFLUENCES: usize = 64;

/// The most bones: weights name them by 16 bits.
const MOST_BONES: usize = 1 << 16;

/// A bone.
#[derive(Clone, Debug, PartialEq)]
pub struct Bone {
    /// Its name.
    pub name: String,
    /// The bone above it.
    pub parent: Option<usize>,
    /// Where it is, seen from the one above, by columns.
    pub local: [f64; 16],
}

impl File<'_> {
    /// The bones of a skin, in order.
    ///
    /// # Errors
    /// When a bone is no node.
    pub fn bones(&self, skin: &Skin) -> Result<Vec<Bone>, GltfError> {
        if skin.joints.len() > MOST_BONES {
            return Err(GltfError::Container("a skin has too many joints"));
        }
        let order: BTreeMap<usize, usize> = skin.joints.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        let mut parents = BTreeMap::new();
        for (node, bone) in skin.joints.iter().enumerate().map(|(at, node)| (*node, at)) {
            let children = self.document.nodes.get(node).map_or(&[][..], |node| &node.children);
            let children = children.iter().filter_map(|child| order.get(child));
            parents.extend(children.map(|child| (*child, bone)));
        }
        let bones = skin.joints.iter().enumerate().map(|(at, index)| {
            let node = self.document.nodes.get(*index).ok_or(GltfError::Missing { what: "node", index: *index })?;
            let name = node.name.clone().unwrap_or_else(|| format!("bone_{at}"));
            let local = transform(node).to_cols_array().map(f64::from);
            Ok(Bone { name, parent: parents.get(&at).copied(), local })
        });
        bones.collect()
    }

    /// The weights of every vertex of the triangles of some meshes: `most` pairs of a bone and a weight each, the heaviest first,
    /// which add up to 1. Meshes that the skin does not bend have none.
    ///
    /// # Errors
    /// When data are not there, or of another kind.
    pub fn weights(&self, instances: &[Instance], skin: usize, most: usize) -> Result<Vec<u8>, GltfError> {
        let (mut bytes, none) = (Vec::new(), pack(&[], &[], most));
        for instance in instances {
            let is_bent = self.is_bent(instance, skin);
            for part in self.parts(instance.mesh)? {
                let packed = if is_bent { self.packed(&part, most)? } else { Vec::new() };
                let order = part.triangles(instance.place()).flatten();
                bytes.extend(order.flat_map(|index| packed.get(index as usize).unwrap_or(&none)));
            }
        }
        Ok(bytes)
    }

    /// The weights of the vertices that a part chooses from.
    fn packed(&self, part: &Part<'_, '_>, most: usize) -> Result<Vec<Vec<u8>>, GltfError> {
        let joints = match part.primitive.attributes.get("JOINTS_0") {
            Some(index) => self.whole_numbers(*index, 4)?,
            None => Vec::new(),
        };
        let weights = part.attribute("WEIGHTS_0", &[4], true)?.map(|(numbers, _)| numbers).unwrap_or_default();
        let by_vertex = joints.as_chunks::<4>().0.iter().zip(weights.as_chunks::<4>().0);
        Ok(by_vertex.map(|(bones, weights)| pack(bones, weights, most)).collect())
    }

    /// The mesh that a skin bends: that of the first node that has it.
    pub fn skinned(&self, skin: usize) -> Option<Instance> {
        let node = self.document.nodes.iter().find(|node| node.skin == Some(skin))?;
        Some(Instance { mesh: node.mesh?, place: None })
    }

    /// Whether a skin bends a mesh: that of its node, or of any when it stands for itself.
    pub fn is_bent(&self, instance: &Instance, skin: usize) -> bool {
        let bends = |node: &Node| node.skin == Some(skin) && node.mesh == Some(instance.mesh);
        match instance.place {
            Some((node, _)) => self.document.nodes.get(node).is_some_and(bends),
            None => self.document.nodes.iter().any(bends),
        }
    }
}

/// The heaviest influences on a vertex as bytes, with zeros behind.
pub fn pack(bones: &[u32], weights: &[f32], most: usize) -> Vec<u8> {
    let is_one = |(bone, weight): &(u32, f32)| *weight > 0.0 && weight.is_finite() && *bone < MOST_BONES as u32;
    let mut influences: Vec<(u32, f32)> = bones.iter().copied().zip(weights.iter().copied()).filter(is_one).collect();
    influences.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    influences.truncate(most);
    let sum: f32 = influences.iter().map(|(_, weight)| weight).sum();
    let mut bytes = Vec::with_capacity(most * 6);
    for (bone, weight) in influences {
        bytes.extend((bone as u16).to_le_bytes());
        bytes.extend((weight / sum).to_le_bytes());
    }
    bytes.resize(most * 6, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_influences_add_up_to_one() {
        let bytes = pack(&[3, 1, 2, 9], &[0.1, 0.6, 0.2, f32::NAN], 2);
        let weight = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((bytes[0], bytes[6], bytes.len()), (1, 2, 12));
        assert!((weight(2) - 0.75).abs() < 1e-6 && (weight(8) - 0.25).abs() < 1e-6);
        assert_eq!(pack(&[], &[], 2), [0; 12]);
    }
}
