//! The triangles of a geometry.

use glam::{DMat3, DMat4, DVec3};

use super::tree::{FbxError, Node};
use crate::kernels::mesh::soup::{Corner, Soup};

/// What triangles need of a geometry.
pub struct Geometry<'n, 'a> {
    node: &'n Node<'a>,
    /// Where its vertices are.
    points: Vec<DVec3>,
    /// The corners of all triangles: a vertex, and which corner of the polygons it is.
    corners: Vec<(usize, usize)>,
}

/// How a layer says what belongs to which corner.
struct Layer {
    values: Vec<f64>,
    indices: Vec<i64>,
    by_vertex: bool,
    width: usize,
}

impl Layer {
    /// The numbers of a corner; `None` where there are none.
    fn at(&self, (vertex, corner): (usize, usize)) -> Option<&[f64]> {
        let place = if self.by_vertex { vertex } else { corner };
        let place = match self.indices.get(place) {
            Some(index) => usize::try_from(*index).ok()?,
            None if self.indices.is_empty() => place,
            None => return None,
        };
        self.values.get(place.checked_mul(self.width)?..)?.get(..self.width)
    }
}

impl<'n, 'a> Geometry<'n, 'a> {
    /// Reads vertices, and polygons as fans.
    ///
    /// # Errors
    /// When a polygon has a vertex that does not exist.
    pub fn read(node: &'n Node<'a>) -> Result<Self, FbxError> {
        let points: Vec<DVec3> =
            node.numbers("Vertices").as_chunks().0.iter().map(|point| DVec3::from(*point)).collect();
        let mut corners = Vec::new();
        let mut polygon: Vec<(usize, usize)> = Vec::new();
        for (corner, index) in node.wholes("PolygonVertexIndex").into_iter().enumerate() {
            // The last corner of a polygon is written as its complement.
            let (vertex, is_last) = if index < 0 { (!index, true) } else { (index, false) };
            let vertex = usize::try_from(vertex).ok().filter(|vertex| *vertex < points.len());
            let vertex = vertex.ok_or(FbxError::Index { index, count: points.len() })?;
            polygon.push((vertex, corner));
            if is_last {
                for at in 2..polygon.len() {
                    corners.extend([polygon[0], polygon[at - 1], polygon[at]]);
                }
                polygon.clear();
            }
        }
        Ok(Self { node, points, corners })
    }

    /// How many vertices there are.
    pub fn point_count(&self) -> usize {
        self.points.len()
    }

    /// The triangles at a place, by their corners. One that mirrors would turn them inside out.
    fn triangles(&self, place: DMat4) -> impl Iterator<Item = [(usize, usize); 3]> {
        let mirrors = place.determinant() < 0.0;
        self.corners.as_chunks::<3>().0.iter().map(move |[a, b, c]| if mirrors { [*a, *c, *b] } else { [*a, *b, *c] })
    }

    /// The vertex of each corner of the triangles at a place.
    pub fn vertices(&self, place: DMat4) -> impl Iterator<Item = usize> {
        self.triangles(place).flatten().map(|(vertex, _)| vertex)
    }

    /// Whether there are texture coordinates.
    pub fn has_uv(&self) -> bool {
        self.node.child("LayerElementUV").is_some_and(|layer| !layer.numbers("UV").is_empty())
    }

    fn layer(&self, element: &str, values: &str, indices: &str, width: usize) -> Option<Layer> {
        let layer = self.node.child(element)?;
        let mapping = layer.child("MappingInformationType").map_or("", |node| node.text(0));
        let (values, indices) = (layer.numbers(values), layer.wholes(indices));
        let by_vertex = match mapping {
            "ByVertice" | "ByVertex" | "ByControlPoint" => true,
            "ByPolygonVertex" => false,
            _ => values.len() / width == self.points.len(),
        };
        Some(Layer { values, indices, by_vertex, width })
    }

    /// Adds the triangles, at `place`. Normals that are missing are those of the faces.
    pub fn push_onto(&self, soup: &mut Soup, place: DMat4) {
        let normals = self.layer("LayerElementNormal", "Normals", "NormalsIndex", 3);
        let uv = soup.layout.uv.and_then(|_| self.layer("LayerElementUV", "UV", "UVIndex", 2));
        let directions = DMat3::from_mat4(place).inverse().transpose();
        let is_moved = place != DMat4::IDENTITY;
        let corner = |at: (usize, usize)| {
            let mut corner = Corner::default();
            let mut position = self.points[at.0];
            let mut normal = normals.as_ref().and_then(|layer| layer.at(at)).map_or(DVec3::ZERO, DVec3::from_slice);
            if is_moved {
                position = place.transform_point3(position);
                normal = (directions * normal).normalize_or_zero();
            }
            corner.position = position.as_vec3().to_array();
            corner.normal = normal.as_vec3().to_array();
            if let Some([u, v]) = uv.as_ref().and_then(|layer| layer.at(at)) {
                corner.uv = [*u as f32, *v as f32];
            }
            corner
        };
        self.triangles(place).for_each(|triangle| soup.push(triangle.map(corner)));
    }
}
