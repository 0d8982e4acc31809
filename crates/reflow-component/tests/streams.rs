//! What the shells of stream components do for every one of them.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reflow_component::prelude::*;
use reflow_component::stream::{CLOSED, Channels, FRAMES, Outlet};
use reflow_component::testing::{Messages, Trial, frames, frames_of, stream_of, streamed};
use reflow_runtime::{Begin, Frame, StreamWriter, block_until};

/// Adds up the samples of each channel.
#[derive(Component)]
#[component(id = "sums", title = "Sums", category = "test", filter)]
struct Sums;

impl Filter for Sums {
    type Sample = f32;
    type State = Channels<f32>;

    fn begin(&self, opening: &mut Opening) -> Result<Channels<f32>, String> {
        if opening.number("refuse").is_some() {
            return Err("refused".into());
        }
        Ok(Channels::new(opening.channels(), |_| 0.0))
    }

    fn data(sums: &mut Channels<f32>, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        assert!(samples.iter().all(|sample| sample.is_finite()), "a sample is not finite");
        sums.each(&mut samples, |sum, sample| {
            *sum += *sample;
            *sample = *sum;
        });
        out.push(samples);
        Ok(())
    }
}

/// Sends every other byte to one stream, the others to another, and tells how many there were.
#[derive(Component)]
#[component(id = "deal", title = "Deal", category = "test", filter)]
#[outport(even: Stream, "Bytes 0, 2, 4, ….")]
#[outport(odd: Stream, "Bytes 1, 3, 5, ….")]
#[outport(count: Integer, "How many there were.")]
struct Deal;

impl Filter for Deal {
    type Sample = [u8; 2];
    type State = i64;

    fn begin(&self, _opening: &mut Opening) -> Result<i64, String> {
        Ok(0)
    }

    fn data(count: &mut i64, pairs: Vec<[u8; 2]>, out: &mut Frames) -> Result<(), String> {
        *count += 2 * pairs.len() as i64;
        out.push_to(Self::OUT_EVEN, pairs.iter().map(|pair| pair[0]).collect());
        out.push_to(Self::OUT_ODD, pairs.iter().map(|pair| pair[1]).collect());
        Ok(())
    }

    fn end(count: &mut i64, out: &mut Frames) -> Result<(), String> {
        out.send(Self::OUT_COUNT, *count);
        Ok(())
    }
}

fn bytes(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn data(samples: &[f32]) -> Frame {
    Frame::Data(bytes(samples).into())
}

fn trial<D: reflow_component::declare::Make>() -> Trial {
    Trial::new(Arc::new(Entry::of::<D>()), Value::Null, &["stream"], &[]).unwrap()
}

/// The frames that come of a stream of these.
fn filtered(frames: Vec<Frame>) -> Vec<Frame> {
    let outputs = trial::<Sums>().step([("stream".to_string(), stream_of(None, frames))]);
    frames_of(&outputs["stream"][0])
}

fn metadata(member: &str, number: i64) -> Frame {
    Frame::Begin(Begin { metadata: Some(Value::object([(member, number)])), ..Begin::default() })
}

#[test]
fn begin_and_end_are_passed_on_and_each_channel_has_a_state() {
    let begin = metadata("channels", 2);
    let out = filtered(vec![begin.clone(), data(&[1.0, 10.0, 2.0]), data(&[20.0, 3.0]), Frame::End]);
    assert_eq!(out, [begin, data(&[1.0, 10.0, 3.0]), data(&[30.0, 6.0]), Frame::End]);
}

#[test]
fn what_the_handle_says_does_not_get_into_begin() {
    let begin = metadata("more", 1);
    let input = stream_of(Some("audio/raw-pcm-f32"), vec![begin.clone(), Frame::End]);
    let outputs = trial::<Sums>().step([("stream".to_string(), input)]);
    let Message::StreamHandle(handle) = &outputs["stream"][0] else { panic!("no stream") };
    assert_eq!(handle.content_type.as_deref(), Some("audio/raw-pcm-f32"));
    assert_eq!(frames_of(&outputs["stream"][0]), [begin, Frame::End]);
}

#[test]
fn errors_are_frames_in_and_out() {
    let gone = Frame::Error("gone".into());
    assert_eq!(filtered(vec![data(&[1.0]), gone.clone()]), [data(&[1.0]), gone]);
    assert_eq!(filtered(vec![metadata("refuse", 1), Frame::End]), [Frame::Error("refused".into())]);
    assert_eq!(filtered(vec![data(&[1.0])]), [data(&[1.0]), Frame::Error(CLOSED.into())], "its writer was dropped");
}

#[test]
fn a_panic_is_an_error_frame_and_the_node_goes_on() {
    let mut trial = trial::<Sums>();
    let mut run = |frames| {
        let outputs = trial.step([("stream".to_string(), stream_of(None, frames))]);
        frames_of(&outputs["stream"][0])
    };
    let broken = run(vec![data(&[f32::NAN]), Frame::End]);
    assert_eq!(broken, [Frame::Error("the component panicked: a sample is not finite".into())]);
    assert_eq!(run(vec![data(&[1.0]), Frame::End]), [data(&[1.0]), Frame::End]);
}

#[test]
fn long_frames_come_out_in_order_too() {
    let ones = vec![1.0_f32; 50_000];
    let (_, samples) =
        streamed::<Sums, f32>(Value::Null, stream_of(None, frames([&*bytes(&ones), &bytes(&ones[..7])])));
    assert_eq!(samples.len(), 50_007);
    assert!((1..).zip(&samples).all(|(sum, sample)| *sample == sum as f32));
}

#[test]
fn a_filter_may_have_several_streams_and_messages_beside_them() {
    let mut trial = trial::<Deal>();
    let outputs = trial.step([("stream".to_string(), stream_of(None, frames([&[0, 1, 2][..], &[3]])))]);
    assert_eq!(frames_of(&outputs["even"][0]), frames([&[0][..], &[2]]));
    assert_eq!(frames_of(&outputs["odd"][0]), frames([&[1][..], &[3]]));
    assert_eq!(outputs["count"], [Message::Integer(4)]);
}

#[test]
fn what_is_no_stream_and_what_was_taken_is_told() {
    let mut trial = trial::<Sums>();
    let stream = stream_of(None, [Frame::End]);
    let Message::StreamHandle(handle) = &stream else { unreachable!() };
    let _taken = handle.take().unwrap();
    for message in [Message::Integer(1), stream] {
        let outputs = trial.step([("stream".to_string(), message)]);
        assert_eq!(outputs["error"], [Message::error("No StreamHandle on stream port")]);
        assert!(!outputs.contains_key("stream"));
    }
}

/// Waits until `is_so`, or fails.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Writes for as long as there is room, and counts the frames.
fn write_on(writer: StreamWriter, written: Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        loop {
            let mut frame = Some(data(&[1.0; 16]));
            match block_until(Some(Instant::now() + Duration::from_secs(20)), |cx| writer.poll_write(cx, &mut frame)) {
                Some(Ok(())) => written.fetch_add(1, Ordering::Relaxed),
                _ => return,
            };
        }
    })
}

#[test]
fn an_unread_stream_holds_its_writer_back_and_a_reader_that_goes_ends_it() {
    let written = Arc::new(AtomicUsize::new(0));
    let writer = StreamWriter::new(4, "", "", None);
    let input = Message::StreamHandle(writer.handle(None).unwrap());
    let mut trial = trial::<Sums>();
    trial.send([("stream".to_string(), input)]);
    let mut outputs = Messages::new();
    until("the handle comes at once", || {
        outputs = trial.take();
        outputs.contains_key("stream")
    });
    let writing = write_on(writer, Arc::clone(&written));
    until("the writer goes on while there is room", || written.load(Ordering::Relaxed) >= FRAMES);
    // What is in the streams and in the filter's hands, and no more.
    let most = FRAMES + 4 + 2;
    std::thread::sleep(Duration::from_millis(50));
    assert!(written.load(Ordering::Relaxed) <= most, "{} frames", written.load(Ordering::Relaxed));
    let Message::StreamHandle(handle) = &outputs["stream"][0] else { unreachable!() };
    drop(handle.take().unwrap());
    writing.join().unwrap();
    trial.finish();
}

#[test]
fn the_end_of_the_run_ends_the_work() {
    let writer = StreamWriter::new(4, "", "", None);
    let input = Message::StreamHandle(writer.handle(None).unwrap());
    let mut trial = trial::<Sums>();
    trial.send([("stream".to_string(), input)]);
    let writing = write_on(writer, Arc::default());
    trial.end();
    writing.join().unwrap();
}

/// Writes numbers until nobody reads.
#[derive(Component)]
#[component(id = "count_up", title = "Count Up", category = "test", producer)]
#[inport(to: Integer, required, "The last number.")]
struct CountUp;

#[async_trait]
impl Producer for CountUp {
    type Work = i64;

    async fn open(&mut self, tick: &mut Tick<'_>, opening: &mut Opening) -> Result<i64, String> {
        opening.content_type = Some("numbers".into());
        tick.read(Self::IN_TO).filter(|to| *to >= 0).ok_or_else(|| "No number to count to".into())
    }

    async fn write(to: i64, _node: NodeHandle, out: &mut Outlet) -> Result<(), String> {
        for number in 0..to {
            if !out.write(data(&[number as f32])).await {
                return Ok(());
            }
        }
        if to == 13 { Err("unlucky".into()) } else { Ok(()) }
    }
}

#[test]
fn a_producer_says_how_its_stream_ends() {
    let component = Arc::new(Entry::of::<CountUp>());
    let mut trial = Trial::new(component, Value::Null, &["to"], &[]).unwrap();
    let mut run = |to: i64| trial.step([("to".to_string(), Message::Integer(to))]);
    let begin = Frame::Begin(Begin { content_type: Some("numbers".into()), ..Begin::default() });
    assert_eq!(frames_of(&run(1)["stream"][0]), [begin, data(&[0.0]), Frame::End]);
    assert_eq!(frames_of(&run(13)["stream"][0]).last(), Some(&Frame::Error("unlucky".into())));
    assert_eq!(run(-1)["error"], [Message::error("No number to count to")]);
    trial.send([("to".to_string(), Message::Integer(1000))]);
    let mut outputs = Messages::new();
    until("the handle comes at once", || {
        outputs = trial.take();
        outputs.contains_key("stream")
    });
    assert_eq!(frames_of(&outputs["stream"][0]).len(), 1002, "more than there is room for");
}

/// Collects bytes, ten of them at the most.
#[derive(Component)]
#[component(id = "ten", title = "Ten", category = "test", collector)]
#[outport(bytes: Bytes, "The bytes.")]
struct Ten;

impl Collector for Ten {
    type Sample = u8;
    type State = Vec<u8>;

    fn begin(&self, _opening: &Opening) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn data(bytes: &mut Vec<u8>, samples: Vec<u8>) -> Result<(), String> {
        bytes.extend(samples);
        if bytes.len() > 10 { Err("too many bytes".into()) } else { Ok(()) }
    }

    fn end(bytes: Vec<u8>, out: &mut Outputs) -> Result<(), String> {
        assert!(!bytes.is_empty(), "nothing at all");
        out.write(Self::OUT_BYTES, bytes);
        Ok(())
    }
}

#[test]
fn a_collector_tells_what_it_found_or_why_not() {
    let mut trial = trial::<Ten>();
    let mut run = |frames| trial.step([("stream".to_string(), stream_of(None, frames))]);
    assert_eq!(run(frames([&[1, 2][..], &[3]]))["bytes"], [Message::bytes(vec![1, 2, 3])]);
    for (frames, text) in [
        (frames([&[0; 11][..]]), "too many bytes"),
        (vec![Frame::Error("gone".into())], "gone"),
        (vec![], CLOSED),
        (vec![Frame::End], "the actor panicked: nothing at all"),
    ] {
        assert_eq!(run(frames)["error"], [Message::error(text)]);
    }
}
