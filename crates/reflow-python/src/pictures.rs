//! Drawing for notebooks and files.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use reflow_geometry::kernels::text::font::SANS;
use reflow_shading::kernels::picture::{RawMesh, mesh_picture};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Source;
use resvg::usvg::{Options, Tree};

use crate::exit;

/// A PNG has no more pixels than this; a larger drawing is made smaller.
const MOST_PIXELS: f32 = 64e6;

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
    let picture = exit::detached(py, || mesh_picture(mesh, size, seen_from));
    let picture = picture.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &picture.pixels))
}

/// A PNG of a drawing, with `scale` pixels for each of its own, or as many as there is room for.
#[pyfunction]
pub(crate) fn _png_of<'py>(py: Python<'py>, svg: &str, scale: f32) -> PyResult<Bound<'py, PyBytes>> {
    let png = exit::detached(py, || png_of(svg, scale)).map_err(PyValueError::new_err)?;
    Ok(PyBytes::new(py, &png))
}

fn png_of(svg: &str, scale: f32) -> Result<Vec<u8>, String> {
    if !(scale.is_finite() && scale > 0.0) {
        return Err(format!("scale must be above 0, got {scale}"));
    }
    let mut options = Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    if !svg.is_ascii() {
        // Names in letters that the bundled font lacks. First: the system also says which fonts are for what.
        fonts.load_system_fonts();
    }
    let bundled = fonts.load_font_source(Source::Binary(Arc::new(SANS)));
    let family = bundled.first().and_then(|id| fonts.face(*id)?.families.first().map(|(name, _)| name.clone()));
    fonts.set_sans_serif_family(family.unwrap_or_default());
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size();
    let (width, height) = (size.width(), size.height());
    let scale = scale.min((MOST_PIXELS / (width * height)).sqrt());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and bounded above")]
    let pixels = |length: f32| (length * scale).ceil().max(1.0) as u32;
    let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or("the drawing has no size that fits")?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| error.to_string())
}
