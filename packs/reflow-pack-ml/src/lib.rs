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

/// Tells why a tick gave nothing: on its port `error`, or as its failure where nobody is connected there.
fn report(tick: &mut Tick<'_>, port: impl PortIndex, text: impl AsRef<str>) -> Result<(), Failure> {
    let text = text.as_ref();
    let failure = Failure::new(text).with_reason("bad_input").with_permanent(true);
    tick.report(port, Message::error(text), failure)
}
