//! The components that read devices, with devices that are made up: the way from a device to a stream is that of real ones.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reflow_component::testing::{Trial, frames_of};
use reflow_runtime::{Frame, Message, StreamReader, Value, block_until};
use serde_json::json;

use super::synthetic::OPEN;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Devices are counted in all of the process, so one test at a time has some.
static ALONE: Mutex<()> = Mutex::new(());

/// A kind of device: the component that reads it, and how it is asked.
struct Kind {
    name: &'static str,
    id: &'static str,
    ask: &'static str,
    /// The key of what came in the end.
    what: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { name: "camera", id: "tpl_camera_capture", ask: "start", what: "frames" },
    Kind { name: "microphone", id: "tpl_audio_input", ask: "source", what: "samples" },
];

impl Kind {
    fn trial(&self, device: &str, more: serde_json::Value) -> Run {
        let mut config = match self.name {
            "camera" => json!({"backend": "synthetic", "deviceId": device, "width": 4, "height": 2, "bufferSize": 2}),
            _ => json!({"url": format!("device:synthetic:{device}"), "load": "pcm", "bufferMs": 20}),
        };
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        let entry = crate::components().into_iter().find(|entry| entry.declaration().id == self.id).unwrap();
        let trial = Trial::new(Arc::new(entry), (&config).into(), &[self.ask, "stop"], &[]).unwrap();
        Run { trial, came: Vec::new() }
    }

    /// The trial, begun, and the stream of it.
    fn begin(&self, device: &str, more: serde_json::Value) -> (Run, Message) {
        let mut run = self.trial(device, more);
        run.send(self.ask, Message::Flow);
        let stream = run.wait(|port, _| port == "stream");
        (run, stream)
    }

    /// The number of a piece that came: of a picture, or of the first sample of a block.
    fn number(&self, data: &[u8]) -> u64 {
        match self.name {
            "camera" => u64::from(data[0]),
            _ => f32::from_le_bytes(data[..4].try_into().unwrap()) as u64 / 10,
        }
    }
}

fn alone() -> MutexGuard<'static, ()> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(OPEN.load(Ordering::SeqCst), 0);
    alone
}

/// A component at work.
struct Run {
    trial: Trial,
    /// What has come and nobody has looked at.
    came: Vec<(String, Message)>,
}

impl Run {
    fn send(&mut self, port: &str, message: Message) {
        self.trial.send([(port.to_string(), message)]);
    }

    /// The first message that fits, as soon as it has come.
    fn wait(&mut self, fits: impl Fn(&str, &Message) -> bool) -> Message {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for (port, messages) in self.trial.take() {
                self.came.extend(messages.into_iter().map(|message| (port.clone(), message)));
            }
            if let Some(place) = self.came.iter().position(|(port, message)| fits(port, message)) {
                return self.came.remove(place).1;
            }
            assert!(Instant::now() < deadline, "nothing came that fits: {:?}", self.came);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What is said on `metadata` with this key.
    fn told(&mut self, key: &str) -> serde_json::Value {
        let told = self.wait(|port, message| port == "metadata" && message.to_value().get(key).is_some());
        (&told.to_value()).into()
    }
}

fn reader(stream: &Message) -> StreamReader {
    let Message::StreamHandle(handle) = stream else { panic!("{stream:?} is no stream") };
    handle.take().unwrap()
}

fn read(reader: &StreamReader) -> Frame {
    block_until(Some(Instant::now() + PATIENCE), |cx| reader.poll_read(cx)).expect("a frame in time").expect("a frame")
}

/// Nobody has a device any more, and no thread is left that had one.
fn all_released() {
    let deadline = Instant::now() + PATIENCE;
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| KINDS.iter().any(|kind| name.trim() == kind.name)).count()
    };
    while OPEN.load(Ordering::SeqCst) > 0 || threads() > 0 {
        assert!(
            Instant::now() < deadline,
            "{} devices are open, {} threads are left",
            OPEN.load(Ordering::SeqCst),
            threads()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn of_what_is_not_taken_in_time_the_newest_is_kept_and_losses_are_told() {
    let _alone = alone();
    for kind in KINDS {
        let (mut run, stream) = kind.begin("fast", json!({}));
        let reader = reader(&stream);
        assert!(matches!(read(&reader), Frame::Begin(_)));
        // It is far ahead: nobody has read a piece of it.
        let lost =
            || run.trial.running().facts("trial").ok().and_then(|facts| facts.get("lost").and_then(Value::as_number));
        let deadline = Instant::now() + PATIENCE;
        while lost().is_none_or(|lost| lost < 200.0) {
            assert!(Instant::now() < deadline, "losses are told while nobody reads");
            std::thread::sleep(Duration::from_millis(2));
        }
        run.send("stop", Message::Flow);
        // The camera is free before that is said.
        assert_eq!(run.told("stopped")["stopped"], true);
        all_released();
        let mut frames = 0;
        let last = loop {
            match read(&reader) {
                Frame::Data(_) => frames += 1,
                last => break last,
            }
        };
        assert_eq!(last, Frame::End, "{}", kind.name);
        assert!(frames <= 1, "what waits in the stream");
        let ended = run.told("ended");
        assert!(ended["lost"].as_u64().unwrap() >= 200, "{ended}");
        let report = run.trial.end();
        assert!(report.failures.is_empty(), "{:?}", report.failures);
    }
}

#[test]
fn a_reader_that_comes_late_gets_the_newest() {
    let _alone = alone();
    for kind in KINDS {
        let (run, stream) = kind.begin("fast", json!({}));
        let reader = reader(&stream);
        let mut numbers = Vec::new();
        while numbers.len() < 40 {
            if let Frame::Data(data) = read(&reader) {
                numbers.push(kind.number(&data));
            }
        }
        // Numbers of pictures are bytes.
        assert!(kind.name == "camera" || numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        drop(reader);
        all_released();
        run.trial.end();
    }
}

#[test]
fn as_much_is_captured_as_was_asked_for() {
    let _alone = alone();
    for kind in KINDS {
        // 3 pictures; 25 samples at 1000 a second, of which the last block is cut.
        let (mut run, stream) = kind.begin("fast", json!({"frameCount": 3, "durationMs": 25}));
        let frames = frames_of(&stream);
        let data: Vec<usize> = frames
            .iter()
            .filter_map(|frame| if let Frame::Data(data) = frame { Some(data.len()) } else { None })
            .collect();
        let Frame::Begin(begin) = &frames[0] else { panic!("{frames:?}") };
        let facts: serde_json::Value = begin.metadata.as_ref().unwrap().into();
        assert_eq!(frames.last(), Some(&Frame::End));
        let came = run.told("ended")[kind.what].as_u64();
        if kind.name == "camera" {
            assert_eq!((data, came), (vec![4 * 2 * 4; 3], Some(3)));
            assert_eq!((&facts["width"], &facts["height"], &facts["fps"]), (&json!(4), &json!(2), &json!(30)));
            assert_eq!(begin.size_hint, Some(3 * 32));
            assert_eq!((&facts["deviceId"], &facts["deviceName"]), (&json!("synthetic:fast"), &json!("fast")));
        } else {
            assert_eq!((data, came), (vec![80, 80, 40], Some(25)));
            assert_eq!((&facts["sampleRate"], &facts["channels"]), (&json!(1000), &json!(2)));
            assert_eq!(begin.size_hint, Some(25 * 8));
        }
        all_released();
        run.trial.end();
    }
}

#[test]
fn a_device_that_fails_ends_its_stream_with_the_reason() {
    let _alone = alone();
    for kind in KINDS {
        let name = kind.name;
        for (device, reason, pieces) in [
            ("unplugged", format!("the {name} is gone: it was pulled out"), 3),
            ("still", format!("the {name} gave nothing for 60ms"), 3),
            ("panics", "its driver panicked".to_string(), 3),
            ("broken", "the pictures of the camera cannot be read: 1 bytes are no 4 × 2 pixels".to_string(), 0),
        ] {
            if device == "broken" && name != "camera" {
                continue;
            }
            let (mut run, stream) = kind.begin(device, json!({"bufferSize": 10, "bufferMs": 100}));
            let frames = frames_of(&stream);
            let data: Vec<u64> = frames
                .iter()
                .filter_map(|frame| if let Frame::Data(data) = frame { Some(kind.number(data)) } else { None })
                .collect();
            assert_eq!(data, (0..pieces).collect::<Vec<_>>(), "what came before is there: {device}");
            assert_eq!(frames.last(), Some(&Frame::Error(reason.into())));
            assert_eq!(run.told("ended")["ended"], true);
            // The next one begins anew.
            run.send(kind.ask, Message::Flow);
            run.wait(|port, _| port == "stream");
            run.trial.end();
            all_released();
        }
    }
}

#[test]
fn why_there_is_no_capture_is_told() {
    let _alone = alone();
    for (kind, begin) in KINDS.iter().zip(["Camera", "Audio"]) {
        let name = kind.name;
        for (device, reason) in [
            ("busy", format!("the {name} `busy` (synthetic:busy) does not work: another program has it")),
            (
                "other",
                format!(
                    "there is no {name} `other`; there are 0 `fast` (synthetic:fast), 1 `unplugged` (synthetic:unplugged), 2 `still` \
                     (synthetic:still), 3 `panics` (synthetic:panics), 4 `busy` (synthetic:busy), 5 `broken` (synthetic:broken)"
                ),
            ),
        ] {
            let mut run = kind.trial(device, json!({}));
            run.send(kind.ask, Message::Flow);
            let error = run.wait(|port, _| port == "error");
            assert_eq!(error, Message::error(format!("{begin} capture failed: {reason}")));
            run.trial.end();
        }
    }
    all_released();
}

#[test]
fn a_run_that_is_stopped_lets_go_of_its_devices() {
    let _alone = alone();
    for kind in KINDS {
        for device in ["fast", "still"] {
            let (run, stream) = kind.begin(device, json!({}));
            run.trial.running().cancel("enough", Duration::ZERO);
            all_released();
            run.trial.end();
            drop(stream);
        }
    }
}

#[test]
fn several_captures_are_stopped_from_the_newest_on() {
    let _alone = alone();
    for kind in KINDS {
        let (mut run, first) = kind.begin("fast", json!({}));
        run.send(kind.ask, Message::Flow);
        let second = run.wait(|port, _| port == "stream");
        assert_eq!(OPEN.load(Ordering::SeqCst), 2);
        let id = |stream: &Message| stream.to_value().get("stream_id").and_then(Value::as_integer).map(|id| id as u64);
        for stream in [&second, &first] {
            run.send("stop", true.into());
            assert_eq!(run.told("stopped")["streamId"].as_u64(), id(stream));
        }
        run.send("stop", true.into());
        assert_eq!(run.told("stopped")["stopped"], false);
        all_released();
        run.trial.end();
    }
}

#[test]
fn test_pictures_that_are_left_out_are_the_oldest() {
    let config = json!({
        "backend": "mock", "deviceId": "mock-camera", "width": 1, "height": 1, "fps": 1000, "frameCount": 20, "dropFrames": true,
    });
    let (run, stream) = KINDS[0].begin("", config);
    // One is on its way to the reader, two are kept.
    let lost =
        || run.trial.running().facts("trial").ok().and_then(|facts| facts.get("lost").and_then(Value::as_number));
    let deadline = Instant::now() + PATIENCE;
    while lost() != Some(17.0) {
        assert!(Instant::now() < deadline, "{:?} are lost", lost());
        std::thread::sleep(Duration::from_millis(2));
    }
    let frames = frames_of(&stream);
    let red: Vec<u8> =
        frames.iter().filter_map(|frame| if let Frame::Data(data) = frame { Some(data[0]) } else { None }).collect();
    assert_eq!((red.len(), &red[1..]), (3, &[18, 19][..]));
    assert_eq!(frames.last(), Some(&Frame::End));
    run.trial.end();
}
