//! Reading, verifying and loading .rflpack bundles.
