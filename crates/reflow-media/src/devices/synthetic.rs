//! Devices of tests: what they do is what they are called.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Devices, Name, Opened, Source, cameras, microphones};
use crate::kernels::camera::{Layout, Mode, Pixels, choose};

/// The devices that are open.
pub(crate) static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Gives so many pieces, and does then what it is called.
struct Script<T> {
    make: Box<dyn FnMut(u64) -> T>,
    number: u64,
    name: &'static str,
}

/// Gives what is asked for at once, so that a reader is always slower.
const FAST: &str = "fast";
/// Gives three pieces and is pulled out.
const UNPLUGGED: &str = "unplugged";
/// Gives three pieces and nothing more.
const STILL: &str = "still";
/// Panics at its fourth piece.
const PANICS: &str = "panics";
/// Does not begin.
const BUSY: &str = "busy";
/// Gives pieces that cannot be read.
const BROKEN: &str = "broken";

const NAMES: [&str; 6] = [FAST, UNPLUGGED, STILL, PANICS, BUSY, BROKEN];

fn list() -> Vec<(Name, &'static str)> {
    NAMES.map(|name| (Name { id: format!("synthetic:{name}"), text: name.into() }, name)).into()
}

impl<T> Script<T> {
    fn new(name: &'static str, make: impl FnMut(u64) -> T + 'static) -> Result<Self, String> {
        if name == BUSY {
            return Err("another program has it".to_string());
        }
        OPEN.fetch_add(1, Ordering::SeqCst);
        Ok(Self { make: Box::new(make), number: 0, name })
    }
}

impl<T> Drop for Script<T> {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<T> Source<T> for Script<T> {
    fn next(&mut self, wait: Duration) -> Result<Option<T>, String> {
        match self.name {
            UNPLUGGED if self.number == 3 => return Err("it was pulled out".to_string()),
            #[expect(clippy::panic, reason = "what is tested")]
            PANICS if self.number == 3 => panic!("a fault of a driver"),
            STILL if self.number == 3 => {
                std::thread::sleep(wait);
                return Ok(None);
            }
            _ => {}
        }
        self.number += 1;
        Ok(Some((self.make)(self.number - 1)))
    }

    fn lost(&self) -> u64 {
        0
    }
}

pub(crate) struct Cameras;

impl Devices for Cameras {
    type Device = &'static str;
    type Wish = cameras::Wish;
    type Format = cameras::Format;
    type Piece = cameras::Raw;

    const KIND: &str = "camera";
    const PATIENCE: Duration = Duration::from_millis(60);

    fn list(&self) -> Result<Vec<(Name, &'static str)>, String> {
        Ok(list())
    }

    /// Grey pictures, whose pixels are their number.
    fn open(&self, name: &'static str, wish: &cameras::Wish) -> Result<Opened<Self>, String> {
        let modes = [(4, 2, 30.0), (8, 4, 15.0)].map(|(width, height, fps)| Mode {
            code: *b"GREY",
            width,
            height,
            fps: Some(fps),
        });
        let Mode { width, height, fps, .. } = modes[choose(&modes, wish).ok_or("no mode")?];
        let bytes = if name == BROKEN { 1 } else { width * height };
        let script = Script::new(name, move |number| vec![number as u8; bytes])?;
        let layout = Layout { pixels: Pixels::Grey, width, height, row: width, is_full_range: false };
        Ok((cameras::Format { layout, fps }, Box::new(script)))
    }

    fn weight(_format: &cameras::Format, _picture: &cameras::Raw) -> usize {
        1
    }
}

pub(crate) struct Microphones;

impl Devices for Microphones {
    type Device = &'static str;
    type Wish = microphones::Wish;
    type Format = microphones::Format;
    type Piece = Vec<f32>;

    const KIND: &str = "microphone";
    const PATIENCE: Duration = Duration::from_millis(60);

    fn list(&self) -> Result<Vec<(Name, &'static str)>, String> {
        Ok(list())
    }

    /// Blocks of 10 samples of each channel, whose samples count.
    fn open(&self, name: &'static str, wish: &microphones::Wish) -> Result<Opened<Self>, String> {
        let format = microphones::Format { rate: wish.rate.unwrap_or(1000), channels: wish.channels.unwrap_or(2) };
        let channels = usize::from(format.channels);
        let script = Script::new(name, move |number| {
            (0..10 * channels).map(|place| (number as usize * 10 + place / channels) as f32).collect()
        })?;
        Ok((format, Box::new(script)))
    }

    fn weight(format: &microphones::Format, samples: &Vec<f32>) -> usize {
        samples.len() / usize::from(format.channels)
    }
}
