//! What draws.

use std::num::NonZero;

use reflow_pack_sdk::prelude::*;

/// What draws, as a config says it.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
pub(crate) enum Backend {
    /// The best that there is.
    Auto,
    /// The processor.
    Cpu,
    /// A GPU, or nothing.
    Gpu,
}

/// The name of what draws, for `metadata.adapter`.
pub(crate) const CPU: &str = "cpu";

impl Backend {
    /// The name of what draws.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn adapter(self) -> Result<&'static str, String> {
        match self {
            Self::Auto | Self::Cpu => Ok(CPU),
            Self::Gpu => {
                Err("config `backend`: this build of the pack draws on the processor alone; use `auto` or `cpu`"
                    .to_string())
            }
        }
    }
}

/// As many threads as there are cores.
pub(crate) fn threads() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}
