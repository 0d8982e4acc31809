//! What a pack author links against: the C ABI and a safe Rust face on it.
