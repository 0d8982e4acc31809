//! How fast sound goes through the components, beside their bare kernels, how fast pictures are scaled and blurred, and how much memory
//! a long stream takes: an hour in less than 64 MiB.
//!
//! `cargo run --release -p reflow-media --no-default-features --example speed [MINUTES]`; `benches/media_speed.py` runs it, beside what
//! others from Python do the same with.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reflow_component::Entry;
use reflow_media::kernels::biquad::{Bank, Response, Section};
use reflow_media::kernels::blur::blur;
use reflow_media::kernels::convolve::{Convolver, Impulse};
use reflow_media::kernels::dynamics::{Curve, ride};
use reflow_media::kernels::envelope::{Detector, Envelope};
use reflow_media::kernels::resize::{Method, resize};
use reflow_media::kernels::spectrum::{Framer, Transform, Window};
use reflow_runtime::{
    Actor, Begin, Component, ComponentSpec, Endpoint, Failure, Frame, Instance, Message, Network, NodeSpec, PortSpec,
    PortType, StreamWriter, Tick, Value, block_until,
};

const RATE: usize = 48_000;
/// Samples of both channels in a frame.
const FRAME: usize = 8192;

/// Ten filters in a row.
const CHAIN: [&str; 10] = [
    "tpl_dc_offset",
    "tpl_biquad_filter",
    "tpl_equalizer",
    "tpl_noise_gate",
    "tpl_compressor",
    "tpl_de_esser",
    "tpl_audio_gain",
    "tpl_limiter",
    "tpl_silence_detect",
    "tpl_peak_detect",
];

/// Reads every stream to its end and counts the bytes.
#[derive(Clone, Default)]
struct Sink(Arc<AtomicU64>);

impl Component for Sink {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::new(ComponentSpec { inports: vec![PortSpec::new("in", PortType::Any)], ..ComponentSpec::default() })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(self.clone()))
    }
}

impl Actor for Sink {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(Message::StreamHandle(handle)) = tick.take(0) else { return Ok(()) };
        let (reader, count) = (handle.take().map_err(|error| error.to_string())?, Arc::clone(&self.0));
        tick.spawn(move |_node| async move {
            while let Some(frame) = reader.read().await {
                if let Frame::Data(data) = frame {
                    count.fetch_add(data.len() as u64, Ordering::Relaxed);
                }
            }
        });
        Ok(())
    }
}

fn noise(length: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    (0..length).map(|_| next()).collect()
}

fn config(id: &str) -> Value {
    let json = match id {
        "tpl_equalizer" => {
            r#"{"bands": [{"type": "lowshelf", "frequency": 100, "gain": 3}, {"frequency": 1000, "gain": -2}, {"type": "highshelf", "frequency": 8000, "gain": 2}]}"#
        }
        "tpl_biquad_filter" => r#"{"filterType": "highpass", "frequency": 80}"#,
        _ => "{}",
    };
    serde_json::from_str::<serde_json::Value>(json).map(|json| (&json).into()).unwrap()
}

/// The seconds that `frames` frames of stereo noise take through components in a row.
fn through(ids: &[&str], frames: usize, impulse: Option<&[u8]>) -> f64 {
    let entries: Vec<Arc<Entry>> = reflow_media::components().into_iter().map(Arc::new).collect();
    let (mut network, sink) = (Network::new(), Sink::default());
    for id in ids {
        let entry = entries.iter().find(|entry| entry.declaration().id == *id).unwrap();
        network.register(*id, Arc::<Entry>::clone(entry)).unwrap();
        network.add_node(*id, NodeSpec::new(*id, config(id)));
    }
    network.register("sink", Arc::new(sink.clone())).unwrap();
    network.add_node("sink", NodeSpec::new("sink", Value::Null));
    for pair in ids.windows(2) {
        network.add_connection(Endpoint::new(pair[0], "stream"), Endpoint::new(pair[1], "stream"), None);
    }
    network.add_connection(Endpoint::new(ids[ids.len() - 1], "stream"), Endpoint::new("sink", "in"), None);
    network.add_inport("in", Endpoint::new(ids[0], "stream"));
    if impulse.is_some() {
        network.add_inport("impulse", Endpoint::new(ids[0], "impulse"));
    }
    let running = network.start().unwrap();
    let patience = Duration::from_secs(5);
    if let Some(impulse) = impulse {
        running.sending(ids[0], "impulse", Message::bytes(impulse.to_vec())).unwrap().wait(patience).unwrap().unwrap();
    }
    let writer = StreamWriter::new(64, "", "", Some("audio/raw-pcm-f32"));
    let handle = Message::StreamHandle(writer.handle(None).unwrap());
    running.sending(ids[0], "stream", handle).unwrap().wait(patience).unwrap().unwrap();
    let bytes: Vec<u8> = noise(FRAME).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let data: reflow_runtime::Buffer = bytes.into();
    let start = Instant::now();
    let metadata = Value::object([("channels", 2), ("sampleRate", RATE as i64)]);
    let begin = Frame::Begin(Begin { content_type: None, size_hint: None, metadata: Some(metadata) });
    let body = (0..frames).map(|_| Frame::Data(data.clone()));
    for frame in std::iter::once(begin).chain(body).chain([Frame::End]) {
        let mut frame = Some(frame);
        block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap().unwrap();
    }
    assert!(running.wait(Some(Duration::from_hours(1))), "{:#?}", running.stats());
    let seconds = start.elapsed().as_secs_f64();
    running.shutdown(patience);
    seconds
}

fn timed(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The most memory that this process has had, in MiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// A component, its impulse response if it takes one, and its kernel at work.
type Row<'a> = (&'a str, Option<&'a [u8]>, Box<dyn FnOnce()>);

fn main() {
    let minutes: usize = std::env::args().nth(1).and_then(|minutes| minutes.parse().ok()).unwrap_or(60);
    let frames = minutes * 60 * RATE * 2 / FRAME;
    let seconds = through(&CHAIN, frames, None);
    let memory = peak_memory().map_or("?".to_string(), |memory| memory.to_string());
    let factor = minutes as f64 * 60.0 / seconds;
    println!(
        "{minutes} min of 48 kHz stereo through {} filters: {seconds:.1} s, {factor:.0} times real time, {memory} MiB",
        CHAIN.len()
    );

    let frames = 60 * RATE * 2 / FRAME;
    let signal = noise(frames * FRAME);
    let response = noise(RATE / 2);
    let impulse: Vec<u8> = response.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    println!(
        "one minute of stereo: the kernel on the whole buffer, the component on frames of {} KiB",
        FRAME * 4 / 1024
    );
    let section = Section::new(Response::Highpass, 80.0, 0.707, 0.0, RATE as f64);
    let rows: [Row<'_>; 4] = [
        ("tpl_biquad_filter", None, {
            let mut signal = signal.clone();
            Box::new(move || Bank::new(vec![section], 2).process(&mut signal))
        }),
        ("tpl_compressor", None, {
            let mut signal = signal.clone();
            Box::new(move || {
                let curve = Curve::new(-20.0, 4.0, 6.0);
                let mut envelope = Envelope::new(10.0, 100.0, RATE as f64, Detector::Peak);
                ride(&mut signal, 2, &mut envelope, |level| curve.compress(level));
            })
        }),
        ("tpl_audio_spectrum", None, {
            let signal = signal.clone();
            Box::new(move || {
                let (mut transform, window) = (Transform::new(2048), Window::Hann.of(2048));
                let mut loudest = 0.0_f32;
                for channel in signal.chunks(signal.len() / 2) {
                    Framer::new(2048, 512, 0).feed(channel, |samples| {
                        let bins = transform.forward(samples, &window);
                        loudest = bins.iter().fold(loudest, |loudest, bin| loudest.max(bin.norm()));
                    });
                }
                assert!(loudest > 0.0);
            })
        }),
        ("tpl_convolve", Some(&impulse), {
            let (mut signal, response) = (signal.clone(), response.clone());
            Box::new(move || {
                let impulse = Arc::new(Impulse::new(&response));
                let half = signal.len() / 2;
                signal.chunks_mut(half).for_each(|channel| Convolver::new(Arc::clone(&impulse)).process(channel));
            })
        }),
    ];
    for (id, impulse, kernel) in rows {
        let mut kernel = Some(kernel);
        let bare = timed(|| kernel.take().into_iter().for_each(|kernel| kernel()));
        let node = through(&[id], frames, impulse);
        println!("{id:20} kernel {:6.1} ms, component {:6.1} ms, ratio {:.2}", bare * 1e3, node * 1e3, bare / node);
        println!("row {id} {node:.9}");
    }
    pictures();
}

/// A picture of 3840 by 2160 pixels is made half as large each way, and nearly so, and one of 1920 by 1080 is blurred.
fn pictures() {
    let (large, half, odd) = ((3840, 2160), (1920, 1080), (1901, 1071));
    let bytes = |(width, height)| -> Vec<u8> {
        let mut state = 7_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(width * height * 4).collect()
    };
    let (transparent, small) = (bytes(large), bytes(half));
    let mut opaque = transparent.clone();
    opaque.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    let best = |work: &mut dyn FnMut()| (0..9).map(|_| timed(&mut *work)).fold(f64::INFINITY, f64::min);
    for (name, method) in [("bilinear", Method::Bilinear), ("area", Method::Area), ("lanczos", Method::Lanczos)] {
        for (of, picture, size) in [("half", &opaque, half), ("odd", &opaque, odd), ("alpha", &transparent, half)] {
            let seconds = best(&mut || drop(resize(picture, large, size, 4, method).unwrap()));
            println!("row {name}_{of} {seconds:.9}");
        }
    }
    for radius in [1, 3, 9, 30, 100] {
        let seconds = best(&mut || drop(blur(&small, half.0, radius)));
        println!("row blur_{radius} {seconds:.9}");
    }
}
