//! `reflow.pack.video_encode`: frames become files that every player opens and seeks in, and files become frames.
//!
//! The encoder and decoder are OpenH264, built in; with the feature `av1` there is the encoder rav1e, too. Colour is BT.709 limited range, converted here and written in the bit stream
//! and in the file. Files are written by a muxer of our own, so that sync samples, colour and fragments are exactly as meant.

#[cfg(feature = "av1")]
mod av1;
mod coder;
mod color;
mod decoder;
mod encoder;
mod frames;
mod h264;
mod mp4;
mod picture;
mod rate;
mod sps;

use reflow_pack_sdk::export_pack;
use reflow_pack_sdk::prelude::component;

export_pack!(
    "reflow.pack.video_encode",
    all = [component::<encoder::VideoEncoder>(), component::<decoder::VideoDecoder>()]
);

use reflow_pack_sdk::PortIndex;
use reflow_pack_sdk::prelude::{Failure, Message, Tick};

/// Tells why a tick gave nothing: on its port `error`, or as its failure where nobody is connected there.
fn report(tick: &mut Tick<'_>, port: impl PortIndex, text: impl AsRef<str>) -> Result<(), Failure> {
    let text = text.as_ref();
    let failure = Failure::new(text).with_reason("bad_input").with_permanent(true);
    tick.report(port, Message::error(text), failure)
}
