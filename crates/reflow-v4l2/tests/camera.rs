//! Captures of a camera that is made of the kernel's own header (`camera.c`): each test runs again in a process that has it loaded.
#![cfg(all(target_os = "linux", target_pointer_width = "64", target_env = "gnu"))]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reflow_v4l2::{Device, Wish, cameras};

const WISH: Wish = Wish { width: 64, height: 48, fps: 50 };

/// Runs the ignored test `name` with the camera, which has these settings.
fn with_camera(name: &str, settings: &[(&str, &str)]) {
    let folder = std::env::temp_dir().join(format!("reflow-camera-{}-{name}", std::process::id()));
    let files = folder.join("dev");
    std::fs::create_dir_all(&files).unwrap();
    for file in ["video0", "video1", "null"] {
        std::fs::write(files.join(file), "").unwrap();
    }
    let library = folder.join("camera.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/camera.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.unwrap().success());
    let log = folder.join("log");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", name])
        .env("LD_PRELOAD", library)
        .env("CAMERA_FOLDER", files)
        .env("CAMERA_LOG", &log)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(folder).unwrap();
}

fn open() -> Device {
    Device::open(Path::new("/dev/video0")).unwrap()
}

fn log() -> String {
    std::fs::read_to_string(PathBuf::from(std::env::var_os("CAMERA_LOG").unwrap())).unwrap_or_default()
}

#[test]
fn a_camera_is_found_and_captured() {
    with_camera("inside_a_camera_is_found_and_captured", &[("CAMERA_BROKEN", "2"), ("CAMERA_JPEG", "/dev/null")]);
}

#[test]
#[ignore = "runs in a process of its own, with a made-up camera loaded; another test starts it"]
fn inside_a_camera_is_found_and_captured() {
    let found = cameras();
    assert_eq!(found.len(), 1, "the second file gives no pictures: {found:?}");
    assert_eq!((found[0].path.as_path(), found[0].name.as_str()), (Path::new("/dev/video0"), "Camera of the tests"));
    let modes = open().modes(&Wish { width: 650, height: 470, fps: 30 });
    let told: Vec<_> = modes.iter().map(|mode| (&mode.code, mode.width, mode.height, mode.interval)).collect();
    let expected =
        [(b"YUYV", 64, 48, Some([1, 50])), (b"YUYV", 160, 120, Some([1, 50])), (b"MJPG", 640, 464, Some([1, 30]))];
    assert_eq!(told, expected, "30 a second are not to be had: rather more than fewer, and the nearest of a range");
    let modes = open().modes(&Wish { fps: 20, ..WISH });
    assert_eq!(modes[0].interval, Some([1, 25]));

    let (format, mut capture) = open().start(&modes[0]).unwrap();
    assert_eq!((format.width, format.height, format.row), (64, 48, 160));
    assert!(!format.is_full_range);
    assert_eq!(format.interval, Some([1, 25]));
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    while pictures.len() < 4 {
        pictures.extend(capture.next(Duration::from_secs(10)).unwrap());
    }
    assert_eq!(pictures[0].len(), 160 * 48);
    for picture in &pictures {
        let first = picture[0];
        let brightness = |x: usize, y: usize| picture[y * 160 + x * 2];
        assert_eq!(u32::from(brightness(5, 7) - 16), (u32::from(first) - 16 + 12) % 200);
    }
    assert!(capture.lost() >= 1, "the third was broken");
    drop(capture);
    assert_eq!(log(), "started\nstopped\nreleased\n");
}

#[test]
fn a_camera_that_is_gone_is_an_error() {
    with_camera("inside_a_camera_that_is_gone_is_an_error", &[("CAMERA_UNPLUGGED", "2")]);
}

#[test]
#[ignore = "runs in a process of its own, with a made-up camera loaded; another test starts it"]
fn inside_a_camera_that_is_gone_is_an_error() {
    let device = open();
    let mode = device.modes(&WISH)[0];
    let (_, mut capture) = device.start(&mode).unwrap();
    let error = loop {
        if let Err(error) = capture.next(Duration::from_secs(10)) {
            break error;
        }
    };
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    drop(capture);
}

#[test]
fn a_camera_that_stands_still_is_waited_for_no_longer_than_asked() {
    with_camera("inside_a_camera_that_stands_still", &[("CAMERA_STILL", "1")]);
}

#[test]
#[ignore = "runs in a process of its own, with a made-up camera loaded; another test starts it"]
fn inside_a_camera_that_stands_still() {
    let device = open();
    let mode = device.modes(&WISH)[0];
    let (_, mut capture) = device.start(&mode).unwrap();
    assert!(capture.next(Duration::from_secs(10)).unwrap().is_some());
    let start = Instant::now();
    assert_eq!(capture.next(Duration::from_millis(50)).unwrap(), None);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_camera_of_another_program_does_not_start() {
    with_camera("inside_a_camera_of_another_program", &[("CAMERA_BUSY", "1")]);
}

#[test]
#[ignore = "runs in a process of its own, with a made-up camera loaded; another test starts it"]
fn inside_a_camera_of_another_program() {
    let device = open();
    let mode = device.modes(&WISH)[0];
    let error = device.start(&mode).err().unwrap();
    assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
    assert!(Device::open(Path::new("/dev/video1")).is_err_and(|error| error.to_string() == "it gives no pictures"));
    assert_eq!(Device::open(Path::new("/dev/video7")).err().unwrap().kind(), std::io::ErrorKind::NotFound);
}
