//! Reading, verifying and loading `.rflpack` bundles.
//!
//! [`load_pack`] makes the templates of a bundle available through [`PackCatalog`]; [`inspect_pack`] reads its manifest
//! and runs no code. Whatever is wrong with a file is refused with a [`PackError`] that says what, where, and what would
//! be right, and then nothing of it is registered.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test is what a panic is for"))]

mod abi_version;
mod archive;
mod bundle;
mod cache;
mod catalog;
mod descriptor;
mod digest;
mod error;
mod file;
mod load;
mod loader;
mod manifest;
mod names;
mod schema;
mod signature;
pub mod tool;

pub use abi_version::{AbiVersion, pack_abi_version};
pub use archive::{Archive, ArchiveWriter, Entry, Limits};
pub use bundle::{Bundle, HOST_TRIPLE, MANIFEST, SIGNATURE};
pub use catalog::{
    DescribedComponent, LoadedPack, PackCatalog, UnpackedPython, call_pack, describe_pack, inspect_pack, list_packs,
};
pub use descriptor::{FiringDescriptor, PortDescriptor, SourceDescriptor, TemplateDescriptor};
pub use error::PackError;
pub use load::{LoadOptions, OpenPack, load_pack, open_pack};
pub use manifest::{DEFAULT_ENTRYPOINT, FileDigest, Manifest, PythonPart, Target};
pub use signature::{PublicKey, Signature, SigningKey, Trust};
