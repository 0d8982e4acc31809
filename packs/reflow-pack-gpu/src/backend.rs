//! What draws: a GPU where there is one, and the processor everywhere.

use std::num::NonZero;
use std::sync::Arc;

use reflow_pack_sdk::prelude::*;

use crate::gpu::Gpu;

/// What draws, as a config says it.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
pub(crate) enum Backend {
    /// The best that there is: a GPU, a GPU in software, the processor.
    Auto,
    /// The processor.
    Cpu,
    /// A GPU, or nothing.
    Gpu,
}

/// The name of what draws, for `metadata.adapter`.
pub(crate) const CPU: &str = "cpu";

/// Why a GPU did not draw.
#[derive(Debug)]
#[cfg_attr(not(feature = "wgpu"), allow(dead_code, reason = "there is no GPU that could say so"))]
pub(crate) enum Trouble {
    /// The picture cannot be drawn by anybody.
    Picture(String),
    /// The GPU cannot draw it, or no more.
    Device(String),
}

/// A picture, four bytes a pixel, and the name of what drew it.
pub(crate) struct Drawn {
    pub(crate) pixels: Vec<u8>,
    pub(crate) adapter: String,
}

/// What draws for one node, found when its first picture is drawn.
#[derive(Default)]
pub(crate) struct Drawer {
    gpu: Option<Result<Arc<Gpu>, String>>,
}

impl Drawer {
    /// Draws with the GPU if the config wants one and there is one, else with the processor.
    ///
    /// # Errors
    /// What is wrong with the picture, or that there is no GPU where the config insists on one.
    pub(crate) fn draw(
        &mut self,
        backend: Backend,
        node: &NodeHandle,
        on_gpu: impl FnOnce(&Gpu) -> Result<Vec<u8>, Trouble>,
        on_cpu: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Drawn, String> {
        if backend != Backend::Cpu
            && let Some(drawn) = self.try_gpu(backend, node, on_gpu)?
        {
            return Ok(drawn);
        }
        Ok(Drawn { pixels: on_cpu()?, adapter: CPU.to_string() })
    }

    fn try_gpu(
        &mut self,
        backend: Backend,
        node: &NodeHandle,
        draw: impl FnOnce(&Gpu) -> Result<Vec<u8>, Trouble>,
    ) -> Result<Option<Drawn>, String> {
        let trouble = match self.gpu.get_or_insert_with(Gpu::get) {
            Err(why) if backend == Backend::Gpu => return Err(format!("config `backend`: {why}")),
            Err(_) => return Ok(None),
            Ok(gpu) => match draw(gpu) {
                Ok(pixels) => return Ok(Some(Drawn { pixels, adapter: gpu.name().to_string() })),
                Err(trouble) => trouble,
            },
        };
        match trouble {
            Trouble::Picture(why) => Err(why),
            Trouble::Device(why) if backend == Backend::Gpu => {
                // The next picture looks for one again.
                self.gpu = None;
                Err(why)
            }
            Trouble::Device(why) => {
                node.log("warning", format!("{why}; the processor draws instead").as_str());
                self.gpu = Some(Err(why));
                Ok(None)
            }
        }
    }
}

/// As many threads as there are cores.
pub(crate) fn threads() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}
