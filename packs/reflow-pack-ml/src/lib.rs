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

use reflow_pack_sdk::prelude::{Failure, Message, Tick, Value, component};
use reflow_pack_sdk::{Pack, PortIndex, export_pack};

fn pack() -> Pack {
    let components = [
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
    ];
    Pack::new().with_components(components).with_command("look_in", look_in)
}

export_pack!("reflow.pack.ml", pack = pack());

/// Takes `folders`, where the host knows that the library of ONNX Runtime may be.
fn look_in(arguments: &Value) -> Result<Value, String> {
    let folders = arguments.get("folders").and_then(Value::as_array).ok_or("`folders` is a list of texts")?;
    #[cfg(feature = "onnx")]
    engine::onnx::look_in(folders.iter().filter_map(Value::as_str).map(Into::into).collect());
    Ok((folders.len() as i64).into())
}

/// Tells why a tick gave nothing: on its port `error`, or as its failure where nobody is connected there.
fn report(tick: &mut Tick<'_>, port: impl PortIndex, text: impl AsRef<str>) -> Result<(), Failure> {
    let text = text.as_ref();
    let failure = Failure::new(text).with_reason("bad_input").with_permanent(true);
    tick.report(port, Message::error(text), failure)
}
