//! What `reflow pack` does: making, packing, looking at, checking, signing and stripping bundles.

mod build;
mod cargo;
mod command;
mod scaffold;
mod sign;
mod strip;

pub use build::{BuildOptions, CollectOptions, Packed, build, collect};
pub use command::run;
pub use scaffold::{Language, NewOptions, new};
pub use sign::{read_key, sign, write_key};
pub use strip::strip;

use std::path::Path;

use crate::bundle::Bundle;
use crate::error::PackError;
use crate::signature::{PublicKey, Trust};

/// Checks everything about a bundle: structure, manifest, every SHA-256, the signature and the trust in it.
/// Who signed it. Runs no code.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(path: &Path, trust: &Trust) -> Result<Option<PublicKey>, PackError> {
    let mut bundle = Bundle::open(path)?;
    bundle.check_trust(trust)?;
    bundle.verify(None)?;
    Ok(bundle.signer())
}
