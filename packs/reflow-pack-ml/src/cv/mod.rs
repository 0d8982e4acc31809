//! Frames, tensors and regions.

pub(crate) mod crop_roi;
pub(crate) mod detection_to_roi;
pub(crate) mod image_to_tensor;
pub(crate) mod letterbox;
pub(crate) mod normalize;
pub(crate) mod smoother;
pub(crate) mod stream_to_frames;
