//! Cameras on Linux: listing them, their modes, and their pictures, by `Video4Linux`.
//!
//! It is what a capture takes and no more: the few calls of the kernel, whose layouts never change, without a library to link. The crates that
//! bind all of it need libclang to build, and panic where a device that was unplugged is let go of.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod calls;
mod capture;

pub use capture::{Camera, Capture, Device, Format, Mode, Wish, cameras};
