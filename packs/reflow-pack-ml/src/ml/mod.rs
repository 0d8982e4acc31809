//! Models and what comes of them.

pub(crate) mod decode_detections;
pub(crate) mod decode_landmarks;
pub(crate) mod load_model;
pub(crate) mod probe;
pub(crate) mod run_inference;
