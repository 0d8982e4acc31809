//! The Python host and the offbit_reflow._native module.
