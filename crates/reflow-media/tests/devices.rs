//! Real devices, as far as one can make them up: a camera of the kernel's own header, which is loaded before the C library, and a microphone of
//! ALSA that hears a file. Each test runs again in a process that has them.
#![cfg(all(target_os = "linux", target_pointer_width = "64", target_env = "gnu"))]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reflow_component::testing::{Trial, json_of};
use reflow_media::files::picture::{Format, Picture, decode, encode};
use reflow_runtime::Message;
use serde_json::{Value, json};

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("reflow-devices-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the ignored test `name` with these settings.
fn inside(name: &str, settings: &[(&str, &Path)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", name])
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn with_camera(name: &str, more: &[(&str, &Path)]) {
    let folder = Folder::new(name);
    let (library, devices) = (folder.0.join("camera.so"), folder.0.join("dev"));
    std::fs::create_dir(&devices).unwrap();
    std::fs::write(devices.join("video0"), "").unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reflow-v4l2/tests/camera.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.unwrap().success());
    inside(name, &[&[("LD_PRELOAD", library.as_path()), ("CAMERA_FOLDER", &devices)], more].concat());
}

fn with_microphone(name: &str, samples: &[f32]) {
    let folder = Folder::new(name);
    let (sound, config) = (folder.0.join("sound.raw"), folder.0.join("asound.conf"));
    std::fs::write(&sound, samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let text = format!(
        r#"
        pcm.null {{ type null }}
        pcm.desk {{
            type file
            slave.pcm "null"
            file "/dev/null"
            infile "{}"
            format "raw"
            hint {{ show on description "Microphone of the tests" }}
        }}
        pcm.!default {{ type plug slave.pcm "desk" hint {{ show on description "Default" }} }}
        "#,
        sound.display()
    );
    std::fs::write(&config, text).unwrap();
    inside(name, &[("ALSA_CONFIG_PATH", &config)]);
}

/// What leaves a component of this id when `port` gets something; a stream is read to its end.
fn run(id: &str, config: &Value, port: &str) -> Value {
    let entry = reflow_media::components().into_iter().find(|entry| entry.declaration().id == id).unwrap();
    let mut trial = Trial::new(Arc::new(entry), config.into(), &[port], &[]).unwrap();
    trial.send([(port.to_string(), Message::Flow)]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut outputs = json!({});
    // What is said of a stream comes after it.
    while outputs["metadata"].is_null() && outputs["error"].is_null() {
        assert!(Instant::now() < deadline, "nothing came");
        for (port, messages) in trial.take() {
            outputs[port] = messages.iter().map(json_of).collect();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    trial.end();
    outputs
}

fn capture(mut config: Value) -> Value {
    config["backend"] = "native".into();
    run("tpl_camera_capture", &config, "start")
}

fn bytes(frame: &Value) -> Vec<u8> {
    frame.as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect()
}

#[test]
fn a_camera_is_a_stream_of_pictures() {
    with_camera("inside_a_camera_is_a_stream_of_pictures", &[]);
}

#[test]
#[ignore = "runs in a process of its own, with made-up devices; another test starts it"]
fn inside_a_camera_is_a_stream_of_pictures() {
    let config = json!({"deviceId": "of the tests", "width": 60, "height": 50, "fps": 25, "frameCount": 3});
    let outputs = capture(config);
    let stream = &outputs["stream"][0];
    let facts = &stream["metadata"];
    assert_eq!((&facts["width"], &facts["height"], &facts["fps"]), (&json!(64), &json!(48), &json!(25)));
    assert_eq!((&facts["deviceId"], &facts["deviceName"]), (&json!("/dev/video0"), &json!("Camera of the tests")));
    let frames = stream["u8"].as_array().unwrap();
    assert_eq!(frames.len(), 3);
    for frame in frames {
        let frame = bytes(frame);
        let pixel = |x: usize, y: usize| &frame[(y * 64 + x) * 4..][..4];
        assert_eq!(frame.len(), 64 * 48 * 4);
        // Brightness goes up by a step a pixel, and begins at 16 every 200.
        let grey = |step: usize| (step as f64 * 255.0 / 219.0).round().min(255.0) as u8;
        let first = (0..200).find(|step| grey(*step) == pixel(0, 0)[0]).unwrap();
        for (x, y) in [(1, 0), (0, 1), (63, 0), (0, 47), (63, 47)] {
            let expected = grey((first + x + y) % 200);
            assert_eq!(pixel(x, y), [expected, expected, expected, 255], "{x} {y}");
        }
    }
    let text = capture(json!({"deviceId": "nine"}))["error"][0]["data"].as_str().unwrap().to_string();
    assert_eq!(
        text,
        "Camera capture failed: there is no camera `nine`; there are 0 `Camera of the tests` (/dev/video0)"
    );
}

#[test]
fn a_camera_that_is_pulled_out_is_told() {
    with_camera("inside_a_camera_that_is_pulled_out_is_told", &[("CAMERA_UNPLUGGED", Path::new("2"))]);
}

#[test]
#[ignore = "runs in a process of its own, with made-up devices; another test starts it"]
fn inside_a_camera_that_is_pulled_out_is_told() {
    let outputs = capture(json!({"width": 64, "height": 48}));
    let text = outputs["stream"][0]["error"].as_str().unwrap();
    assert!(text.starts_with("the camera is gone: "), "{text}");
}

#[test]
fn motion_jpeg_is_read_also_without_its_tables() {
    let folder = Folder::new("jpeg");
    let pixels: Vec<u8> = (0..32 * 16).flat_map(|place| [place as u8, (place / 32 * 16) as u8, 90, 255]).collect();
    let picture = Picture { width: 32, height: 16, channels: 4, pixels };
    let file = encode(&picture, Format::Jpeg(90)).unwrap();
    let (whole, bare) = (folder.0.join("whole.jpg"), folder.0.join("bare.jpg"));
    std::fs::write(&whole, &file).unwrap();
    std::fs::write(&bare, without_tables(&file)).unwrap();
    for path in [&whole, &bare] {
        with_camera("inside_motion_jpeg", &[("CAMERA_JPEG", path), ("WHOLE", &whole)]);
    }
}

/// A JPEG file without its Huffman tables, as cameras send it: those of the standard are meant.
fn without_tables(file: &[u8]) -> Vec<u8> {
    let mut bare = file[..2].to_vec();
    let mut place = 2;
    while file[place + 1] != 0xda {
        let length = 2 + usize::from(u16::from_be_bytes([file[place + 2], file[place + 3]]));
        if file[place + 1] != 0xc4 {
            bare.extend_from_slice(&file[place..place + length]);
        }
        place += length;
    }
    assert!(bare.len() < place);
    bare.extend_from_slice(&file[place..]);
    bare
}

#[test]
#[ignore = "runs in a process of its own, with made-up devices; another test starts it"]
fn inside_motion_jpeg() {
    let outputs = capture(json!({"width": 32, "height": 16, "frameCount": 2}));
    let frames = outputs["stream"][0]["u8"].as_array().unwrap();
    let whole = std::fs::read(std::env::var_os("WHOLE").unwrap()).unwrap();
    assert_eq!(frames.len(), 2, "{outputs}");
    assert_eq!(bytes(&frames[1]), decode(&whole).unwrap().pixels);
}

#[test]
fn a_microphone_is_a_stream_of_samples() {
    let samples: Vec<f32> = (0..96_000).map(|place| place as f32 / 96_000.0).collect();
    with_microphone("inside_a_microphone_is_a_stream_of_samples", &samples);
}

#[test]
#[ignore = "runs in a process of its own, with made-up devices; another test starts it"]
fn inside_a_microphone_is_a_stream_of_samples() {
    let listen = |url: &str, more: Value| {
        let mut config = json!({"url": url, "load": "pcm", "durationMs": 100, "bufferMs": 60_000});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run("tpl_audio_input", &config, "source")
    };
    for url in ["device:", "device:desk", "device:microphone of", "device:1", "DEVICE:Microphone of the tests"] {
        let outputs = listen(url, json!({"sampleRate": 8000, "channels": 2}));
        let stream = &outputs["stream"][0];
        assert_eq!(
            (&stream["metadata"]["sampleRate"], &stream["metadata"]["channels"]),
            (&json!(8000), &json!(2)),
            "{outputs}"
        );
        let heard: Vec<f64> = stream["f32"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|block| block.as_array().unwrap())
            .map(|sample| sample.as_f64().unwrap())
            .collect();
        assert_eq!(heard.len(), 1600);
        let expected = |place: usize| f64::from(place as f32 / 96_000.0);
        assert!(heard.iter().enumerate().all(|(place, sample)| (sample - expected(place)).abs() < 1e-6), "{heard:?}");
    }
    let error = |outputs: Value| outputs["error"][0]["data"].as_str().unwrap().to_string();
    let none = error(listen("device:kitchen", json!({})));
    assert!(none.starts_with("Audio capture failed: there is no microphone `kitchen`; there are 0 "), "{none}");
    assert!(none.contains("`Microphone of the tests` (desk)"), "{none}");
    let refused = error(listen("device:desk", json!({"channels": 5000})));
    assert!(refused.contains("does not work: it gives 1 channel at "), "{refused}");
    let looked = listen("device:desk", json!({"load": "none"}));
    assert_eq!(looked["metadata"][0]["deviceName"], "Microphone of the tests");
    assert_eq!(
        error(listen("device:desk", json!({"load": "bytes"}))),
        "Audio capture failed: a microphone has no file; the `load` `pcm` streams what it hears"
    );
}
