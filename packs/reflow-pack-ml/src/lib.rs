//! `reflow.pack.ml`: models on pictures and streams.
//!
//! Tensors and frames travel as media packets (see [`envelope`]); detections, landmarks, regions and models as plain objects. Models
//! are run by tract, by ONNX Runtime where it is there, or by a mock for tests.

mod cv;
mod detection;
mod engine;
mod envelope;
mod frame;
mod media;
mod ml;
mod model;
mod roi;
mod tensor;

use reflow_pack_sdk::prelude::{Failure, Message, Tick, component};
use reflow_pack_sdk::{PortIndex, export_pack};

export_pack!(
    "reflow.pack.ml",
    all = [
        component::<cv::image_to_tensor::ImageToTensor>(),
        component::<cv::letterbox::Letterbox>(),
        component::<cv::stream_to_frames::StreamToFrames>(),
        component::<cv::normalize::Normalize>(),
        component::<cv::crop_roi::CropRoi>(),
        component::<cv::detection_to_roi::DetectionToRoi>(),
        component::<cv::smoother::Smoother>(),
        component::<ml::load_model::LoadModel>(),
        component::<ml::run_inference::RunInference>(),
        component::<ml::decode_detections::DecodeDetections>(),
        component::<ml::decode_landmarks::DecodeLandmarks>(),
        component::<ml::probe::Probe>(),
    ]
);

/// Tells why a tick gave nothing, on its port `error`.
fn report(tick: &mut Tick<'_>, port: impl PortIndex, text: impl AsRef<str>) -> Result<(), Failure> {
    tick.send(port, Message::error(text));
    Ok(())
}

/// Whether somebody is to get what leaves by an outport.
fn is_heard(_tick: &Tick<'_>, _port: impl PortIndex) -> bool {
    true
}
