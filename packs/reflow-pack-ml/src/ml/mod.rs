//! Models and what comes of them.

mod answer;
mod batch;
mod config;
pub(crate) mod decode_detections;
pub(crate) mod decode_landmarks;
mod inputs;
pub(crate) mod load_model;
pub(crate) mod probe;
pub(crate) mod run_inference;
