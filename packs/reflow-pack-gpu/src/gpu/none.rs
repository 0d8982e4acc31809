//! The build without a GPU.

use std::convert::Infallible;
use std::sync::Arc;

use reflow_shading::kernels::sdf::Settings;

use crate::backend::Trouble;
use crate::scene::Picture;

/// There is none.
pub(crate) struct Gpu(Infallible);

impl Gpu {
    pub(crate) fn get() -> Result<Arc<Self>, String> {
        Err("this build of the pack draws on the processor alone; use `auto` or `cpu`".to_string())
    }

    pub(crate) fn name(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn draw_field(&self, _shader: &str, _settings: &Settings, _volumes: &[f32]) -> Result<Vec<u8>, Trouble> {
        match self.0 {}
    }

    pub(crate) fn draw_scene(&self, _picture: &Picture<'_>) -> Result<Vec<u8>, Trouble> {
        match self.0 {}
    }
}
