//! Drawing on a GPU.

mod device;
mod field;
mod scene;

pub(crate) use device::Gpu;
