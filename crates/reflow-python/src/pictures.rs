//! Drawing for notebooks.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use reflow_shading::kernels::picture::{RawMesh, mesh_picture};

/// A shaded picture of a mesh: RGBA8.
#[pyfunction]
pub(crate) fn _draw_mesh<'py>(
    py: Python<'py>,
    vertices: &[u8],
    stride: usize,
    indices: Option<&[u8]>,
    size: (u32, u32),
    seen_from: (f32, f32),
) -> PyResult<Bound<'py, PyBytes>> {
    let mesh = RawMesh { vertices, stride, indices };
    let picture = py.detach(|| mesh_picture(mesh, size, seen_from));
    let picture = picture.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &picture.pixels))
}
