//! Files as meshes, one function a format.

use reflow_component::prelude::Value;

use super::Imported;
use crate::kernels::mesh::{obj, ply, stl};

/// Reads OBJ.
pub(super) fn obj(bytes: &[u8], keep: obj::Keep) -> Result<Imported, String> {
    let obj = obj::read(bytes, keep).map_err(|error| error.to_string())?;
    let facts = [
        ("format", Value::from("obj")),
        ("modelCount", obj.models.len().into()),
        ("modelNames", Value::array(obj.models)),
    ];
    let warning = obj.soup.floats.is_empty().then_some("OBJ has no faces");
    Ok(Imported { warning, ..Imported::new(&obj.soup, facts) })
}

/// Reads STL.
pub(super) fn stl(bytes: &[u8], smooth: bool) -> Result<Imported, String> {
    let mut soup = stl::read(bytes).map_err(|error| error.to_string())?;
    if smooth {
        stl::smooth(&mut soup);
    }
    Ok(Imported::new(&soup, [("format", "stl".into())]))
}

/// Reads PLY.
pub(super) fn ply(bytes: &[u8]) -> Result<Imported, String> {
    let soup = ply::read(bytes).map_err(|error| error.to_string())?;
    let has_colors = soup.layout.color.is_some();
    Ok(Imported::new(&soup, [("format", "ply".into()), ("hasColors", has_colors.into())]))
}
