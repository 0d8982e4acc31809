//! Files of sound and pictures, as far as this build reads and writes them.
//!
//! What a file says of itself is not believed: sizes are checked before memory is taken, and what is malformed is an error.

pub mod picture;
pub mod sound;
pub mod wav;
