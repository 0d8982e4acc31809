//! `openh264-alone FILE WIDTH HEIGHT`: encodes the 4:2:0 pictures of a raw file at 2 Mbit/s, 30 a second, with the settings of
//! `tpl_video_encoder`, and prints how many seconds that took. Width and height are multiples of 16.

use std::time::Instant;

use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, Profile, QpRange, RateControlMode,
    UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;
use openh264::{OpenH264API, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, width, height] = &arguments[..] else { return Err("expected FILE WIDTH HEIGHT".into()) };
    let (width, height): (usize, usize) = (width.parse()?, height.parse()?);
    let pictures = std::fs::read(file)?;
    let config = EncoderConfig::new()
        .bitrate(BitRate::from_bps(2_000_000))
        .max_frame_rate(FrameRate::from_hz(30.0))
        .rate_control_mode(RateControlMode::Bitrate)
        .qp(QpRange::new(0, 51))
        .skip_frames(false)
        .profile(Profile::High)
        .complexity(Complexity::Low)
        .usage_type(UsageType::CameraVideoRealTime)
        .scene_change_detect(false)
        .adaptive_quantization(true)
        .background_detection(true)
        .intra_frame_period(IntraFramePeriod::from_num_frames(60))
        .num_threads(1)
        .vui(VuiConfig::bt709());
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
    let (luma, chroma) = (width * height, width * height / 4);
    let started = Instant::now();
    let mut written = 0;
    for (at, picture) in pictures.chunks_exact(luma + 2 * chroma).enumerate() {
        let (y, rest) = picture.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        let planes = YUVSlices::new((y, u, v), (width, height), (width, width / 2, width / 2));
        let coded = encoder.encode_at(&planes, Timestamp::from_millis(at as u64 * 1000 / 30))?;
        written += coded.to_vec().len();
    }
    println!("{} {written}", started.elapsed().as_secs_f64());
    Ok(())
}
