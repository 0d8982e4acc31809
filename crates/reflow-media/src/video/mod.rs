//! The family `media/video`.

mod camera_capture;
mod frame_buffer;
mod link;
mod render_frame_collector;
mod video_input;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<camera_capture::CameraCapture>(),
        Entry::of::<video_input::VideoInput>(),
        Entry::of::<render_frame_collector::RenderFrameCollector>(),
        Entry::of::<frame_buffer::FrameBuffer>(),
    ]
}
