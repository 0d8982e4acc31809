//! Which material a point has.

use std::collections::HashMap;

use glam::Vec3;

use super::distance::adjust;
use super::evaluate::{Evaluator, Step};
use super::tree::{Material, Node, NodeId, Operation, Tree};

/// For every primitive the label of its material, or else of the nearest material around it, or else `default`.
pub(super) fn labels(
    tree: &Tree,
    root: NodeId,
    default: i32,
    label: impl Fn(Option<&Material>) -> Option<usize>,
) -> Vec<i32> {
    let mut labels = vec![default; tree.len()];
    let mut pending = vec![(root, default)];
    while let Some((id, around)) = pending.pop() {
        let node = tree.node(id);
        let own = match node {
            Node::Primitive { material, .. } => label(material.as_ref()),
            Node::Material { material, .. } => label(Some(material)),
            _ => None,
        };
        let inside = own.map_or(around, |own| own as i32);
        labels[id.index()] = inside;
        pending.extend(node.children().map(|child| (child, inside)));
    }
    labels
}

/// The materials of a tree, the one without a name first, and for every node the number of its own.
pub(super) fn surfaces_of(tree: &Tree, root: NodeId) -> (Vec<Material>, Vec<i32>) {
    let mut materials = vec![Material::default()];
    let mut known: HashMap<String, usize> = HashMap::from([(format!("{:?}", materials[0]), 0)]);
    for (_, node) in tree.nodes() {
        if let Node::Primitive { material: Some(material), .. } | Node::Material { material, .. } = node {
            known.entry(format!("{material:?}")).or_insert_with(|| {
                materials.push(material.clone());
                materials.len() - 1
            });
        }
    }
    let labels = labels(tree, root, 0, |own| own.and_then(|own| known.get(&format!("{own:?}")).copied()));
    (materials, labels)
}

impl Operation {
    /// Whether the label of the result is that of the left side; at a tie it is, but for blends.
    fn takes_left(&self, a: f32, b: f32) -> bool {
        match *self {
            Self::SmoothUnion { k } if k > 0.0 => a < b,
            Self::SmoothIntersection { k } if k > 0.0 => a > b,
            Self::Union {} | Self::SmoothUnion { .. } => a <= b,
            Self::Intersection {} | Self::SmoothIntersection { .. } => a >= b,
            Self::Difference {} | Self::SmoothDifference { .. } => true,
        }
    }
}

impl Evaluator<'_> {
    /// The label of the part that is nearest to a point, where every node has one.
    pub(super) fn label(&self, point: Vec3, labels: &[i32]) -> i32 {
        let mut points = vec![point];
        let mut parts: Vec<(f32, i32)> = Vec::new();
        let mut leaves = self.leaves.iter();
        for step in &self.steps {
            let at = points.last().copied().unwrap_or(point);
            match step {
                Step::Enter(map) => points.push(map.apply(at)),
                Step::Measure(measure) => {
                    let label = leaves.next().map_or(0, |leaf| labels[leaf.index()]);
                    let mut distance = [0.0];
                    measure(&[at], &mut distance);
                    parts.push((distance[0], label));
                }
                Step::Combine(operation) => {
                    // Both sides were measured before.
                    let (right, left) = (parts.pop().unwrap_or_default(), parts.pop().unwrap_or_default());
                    let kept = if operation.takes_left(left.0, right.0) { left.1 } else { right.1 };
                    let mut both = [left.0];
                    operation.combine_all(&mut both, &[right.0]);
                    parts.push((both[0], kept));
                }
                Step::Leave(transform) => {
                    points.pop();
                    let at = points.last().copied().unwrap_or(point);
                    if let Some((distance, _)) = parts.last_mut() {
                        *distance = adjust(transform, at, *distance);
                    }
                }
            }
        }
        parts.pop().map_or(0, |(_, label)| label)
    }
}
