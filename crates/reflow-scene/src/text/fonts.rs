//! Where fonts come from.

use reflow_assets::{AssetError, Store};
use reflow_geometry::kernels::text::font::SANS;

/// The font of texts that name none.
pub(super) const DEFAULT: &str = "default:font";

/// The font that comes along.
pub(super) const BUILTIN: &str = "builtin:font";

/// The bytes of a font asset. Where the database has no font for texts that name none, it is the one that comes along.
pub(super) fn load(store: &Store, id: &str) -> Result<Vec<u8>, AssetError> {
    match store.get(id) {
        Ok(asset) => Ok(asset.content),
        Err(AssetError::EntityNotFound(_)) if matches!(id, DEFAULT | BUILTIN) => Ok(SANS.to_vec()),
        Err(error) => Err(error),
    }
}
