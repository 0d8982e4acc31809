//! Cameras: by `Video4Linux`, with the feature `cameras`.

use crate::kernels::camera::Layout;
pub(crate) use crate::kernels::camera::Wish;

/// How a camera works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Format {
    pub(crate) layout: Layout,
    /// Pictures a second, if that is known.
    pub(crate) fps: Option<f64>,
}

/// A picture as the camera wrote it.
pub(crate) type Raw = Vec<u8>;

#[cfg(not(all(feature = "cameras", target_os = "linux", target_pointer_width = "64")))]
pub(crate) use super::absent::Cameras;
#[cfg(all(feature = "cameras", target_os = "linux", target_pointer_width = "64"))]
pub(crate) use linux::Cameras;

#[cfg(all(feature = "cameras", target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use std::time::Duration;

    use reflow_v4l2::{Camera, Capture, Device};

    use super::{Format, Raw, Wish};
    use crate::devices::{Devices, Name, Opened, Source};
    use crate::kernels::camera::{Layout, Mode, Pixels, choose};

    pub(crate) struct Cameras;

    impl Devices for Cameras {
        type Device = Camera;
        type Wish = Wish;
        type Format = Format;
        type Piece = Raw;

        const KIND: &str = "camera";

        fn list(&self) -> Result<Vec<(Name, Camera)>, String> {
            let named =
                |camera: Camera| (Name { id: camera.path.display().to_string(), text: camera.name.clone() }, camera);
            Ok(reflow_v4l2::cameras().into_iter().map(named).collect())
        }

        fn open(&self, camera: Camera, wish: &Wish) -> Result<Opened<Self>, String> {
            let text = |error: std::io::Error| error.to_string();
            let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let device = Device::open(&camera.path).map_err(text)?;
            let wished = reflow_v4l2::Wish {
                width: whole(wish.width),
                height: whole(wish.height),
                fps: u32::try_from(wish.fps).unwrap_or(u32::MAX),
            };
            let fps = |interval: Option<[u32; 2]>| interval.map(|[seconds, of]| f64::from(of) / f64::from(seconds));
            let found = device.modes(&wished);
            let modes: Vec<Mode> = found
                .iter()
                .map(|mode| Mode {
                    code: mode.code,
                    width: mode.width as usize,
                    height: mode.height as usize,
                    fps: fps(mode.interval),
                })
                .collect();
            let codes = || modes.iter().map(|mode| mode.code.escape_ascii().to_string()).collect::<Vec<_>>().join(", ");
            let place = choose(&modes, wish).ok_or_else(|| format!("its pictures cannot be read ({})", codes()))?;
            let (format, capture) = device.start(&found[place]).map_err(text)?;
            let pixels = Pixels::of(format.code)
                .ok_or_else(|| format!("its pictures cannot be read ({})", format.code.escape_ascii()))?;
            let layout = Layout {
                pixels,
                width: format.width as usize,
                height: format.height as usize,
                row: format.row as usize,
                is_full_range: format.is_full_range,
            };
            Ok((Format { layout, fps: fps(format.interval) }, Box::new(capture)))
        }

        fn weight(_format: &Format, _picture: &Raw) -> usize {
            1
        }
    }

    impl Source<Raw> for Capture {
        fn next(&mut self, wait: Duration) -> Result<Option<Raw>, String> {
            Self::next(self, wait).map_err(|error| error.to_string())
        }

        fn lost(&self) -> u64 {
            Self::lost(self)
        }
    }
}
