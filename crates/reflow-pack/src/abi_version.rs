//! The version of the C ABI, and who may load whom.

use std::fmt;

use reflow_pack_sdk::abi::{REFLOW_PACK_ABI_MAJOR, REFLOW_PACK_ABI_MINOR, REFLOW_PACK_ABI_VERSION};

/// A version of the ABI, as manifests and libraries say it: `major << 16 | minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbiVersion(pub u32);

/// The ABI version of this runtime.
pub fn pack_abi_version() -> u32 {
    REFLOW_PACK_ABI_VERSION
}

impl AbiVersion {
    /// That of this runtime.
    pub const CURRENT: Self = Self(REFLOW_PACK_ABI_VERSION);

    /// The part that must be the same.
    pub fn major(self) -> u32 {
        self.0 >> 16
    }

    /// The part that only adds.
    pub fn minor(self) -> u32 {
        self.0 & 0xffff
    }

    /// Whether this runtime loads a pack of this version.
    pub fn is_supported(self) -> bool {
        self.major() == REFLOW_PACK_ABI_MAJOR && self.minor() <= REFLOW_PACK_ABI_MINOR
    }

    /// What to do about a version that is not supported.
    pub(crate) fn advice(self) -> &'static str {
        if self.is_known() && self.major() <= REFLOW_PACK_ABI_MAJOR && self.major() != 0 {
            if self.major() < REFLOW_PACK_ABI_MAJOR {
                "Build the pack again with the current SDK"
            } else {
                "Upgrade offbit-reflow, or build the pack with an older SDK"
            }
        } else if self.is_known() {
            "Upgrade offbit-reflow"
        } else {
            "The number is none of ours: the pack was made for another runtime; build it again with `reflow pack build`"
        }
    }

    fn is_known(self) -> bool {
        (1..=64).contains(&self.major())
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_known() {
            write!(f, "pack ABI {}.{} ({})", self.major(), self.minor(), self.0)
        } else {
            write!(f, "pack ABI number {}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_minor_is_supported_and_everything_newer_is_not() {
        let version = |major: u32, minor: u32| AbiVersion(major << 16 | minor);
        let (major, minor) = (REFLOW_PACK_ABI_MAJOR, REFLOW_PACK_ABI_MINOR);
        assert!(version(major, 0).is_supported() && version(major, minor).is_supported());
        assert!(!version(major, minor + 1).is_supported() && !version(major + 1, 0).is_supported());
        assert!(!AbiVersion(2_442_128_673).is_supported());
        assert!(AbiVersion(2_442_128_673).advice().contains("another runtime"));
    }
}
