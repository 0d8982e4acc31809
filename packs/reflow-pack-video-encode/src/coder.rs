//! What encoders have in common.

use openh264::encoder::{Complexity, Profile};

use crate::mp4::Description;
use crate::picture::Format;
use crate::rate::Rate;

/// How to encode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: Format,
    pub(crate) rate: Rate,
    /// Bits a second.
    pub(crate) bitrate: u32,
    /// A quantizer of H.264 for all pictures, in place of a bit rate.
    pub(crate) qp: Option<u8>,
    pub(crate) keyframe_interval: u32,
    pub(crate) profile: Profile,
    pub(crate) complexity: Complexity,
    pub(crate) threads: u16,
}

/// What a picture becomes.
pub(crate) struct AccessUnit {
    /// As it stands in a file, without what the description of the track says.
    pub(crate) data: Vec<u8>,
    /// Whether playing can begin here.
    pub(crate) is_key: bool,
}

/// A running encoder.
pub(crate) trait Coder {
    /// Takes one picture of the size and format in the settings; gives what is ready, in the order of the pictures.
    fn encode(&mut self, pixels: &[u8]) -> Result<Vec<AccessUnit>, String>;

    /// Gives what was not ready before.
    fn finish(&mut self) -> Result<Vec<AccessUnit>, String>;

    /// What a player has to know; complete once something was ready.
    fn description(&self) -> Description;
}
