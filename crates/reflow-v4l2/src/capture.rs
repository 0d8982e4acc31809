//! Cameras, their modes, and pictures of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::time::Duration;

use crate::calls::{
    Buffer, CAPTURE, Capability, Description, Give, Interval, MAPPED, Off, On, Query, Request, SetFormat, SetInterval,
    Size, Take, call,
};

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Its file.
    pub path: PathBuf,
    /// What its driver calls it.
    pub name: String,
}

/// The cameras that there are, by the numbers of their files. What gives no pictures (a camera has a second file for what it says of
/// them) and what may not be opened is none.
pub fn cameras() -> Vec<Camera> {
    let files = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        files.filter_map(|file| file.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    let camera = |number| {
        let path = PathBuf::from(format!("/dev/video{number}"));
        let name = Device::open(&path).ok()?.name;
        Some(Camera { path, name })
    };
    numbers.into_iter().filter_map(camera).collect()
}

/// What a capture is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

/// What a camera can give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// The four letters of the format.
    pub code: [u8; 4],
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Seconds between pictures, as a fraction; `None` where the driver does not say.
    pub interval: Option<[u32; 2]>,
}

/// What a camera gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The four letters of the format.
    pub code: [u8; 4],
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from a row to the next.
    pub row: u32,
    /// Whether brightness goes from 0 to 255, and not from 16 to 235.
    pub is_full_range: bool,
    /// Seconds between pictures, as a fraction, if that is known.
    pub interval: Option<[u32; 2]>,
}

/// A camera that is open.
pub struct Device {
    file: File,
    name: String,
}

/// More formats, sizes or times than this are a driver that never ends.
const MOST: u32 = 256;

impl Device {
    /// Opens a camera.
    ///
    /// # Errors
    /// Why it cannot be opened, and that it is no camera.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Without it, to open a device that another program has can wait.
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
        let mut capability = Capability::default();
        call(file.as_fd(), &mut capability)?;
        let has_own = capability.all & 0x8000_0000 != 0;
        let can = if has_own { capability.of_this } else { capability.all };
        let (captures, streams) = (0x1, 0x0400_0000);
        if can & captures == 0 || can & streams == 0 {
            return Err(io::Error::other("it gives no pictures"));
        }
        let name = capability.card.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Self { file, name: String::from_utf8_lossy(name).trim().to_string() })
    }

    /// What it can give: of ranges of sizes and times what is nearest to the wish.
    pub fn modes(&self, wish: &Wish) -> Vec<Mode> {
        let mut modes = Vec::new();
        for index in 0..MOST {
            let mut format = Description { index, kind: CAPTURE, ..Description::default() };
            if call(self.file.as_fd(), &mut format).is_err() {
                break;
            }
            for (width, height) in self.sizes(format.code, wish) {
                let interval = self.interval(format.code, width, height, wish);
                modes.push(Mode { code: format.code, width, height, interval });
            }
        }
        modes
    }

    fn sizes(&self, code: [u8; 4], wish: &Wish) -> Vec<(u32, u32)> {
        let mut sizes = Vec::new();
        for index in 0..MOST {
            let mut size = Size { index, code, ..Size::default() };
            if call(self.file.as_fd(), &mut size).is_err() {
                break;
            }
            if size.kind == 1 {
                sizes.push((size.sides[0], size.sides[1]));
            } else {
                let [least_wide, most_wide, wide_step, least_high, most_high, high_step] = size.sides;
                sizes.push((
                    within(wish.width, least_wide, most_wide, wide_step),
                    within(wish.height, least_high, most_high, high_step),
                ));
                break;
            }
        }
        if sizes.is_empty() {
            // A driver need not tell; what it makes of the wish shows when it is set.
            sizes.push((wish.width, wish.height));
        }
        sizes
    }

    /// The time between pictures that is nearest to the wish: rather too short than too long.
    fn interval(&self, code: [u8; 4], width: u32, height: u32, wish: &Wish) -> Option<[u32; 2]> {
        let mut best: Option<[u32; 2]> = None;
        let rank = |[seconds, of]: [u32; 2]| {
            let fps = f64::from(of) / f64::from(seconds);
            let wished = f64::from(wish.fps);
            // Drivers write 29.97 as 30 and the other way round.
            (fps < wished * 0.99, (fps - wished).abs())
        };
        for index in 0..MOST {
            let mut interval = Interval { index, code, width, height, ..Interval::default() };
            if call(self.file.as_fd(), &mut interval).is_err() {
                break;
            }
            let [first, longest, _] = interval.fractions;
            if interval.kind != 1 {
                let fps = |[seconds, of]: [u32; 2]| f64::from(of) / f64::from(seconds.max(1));
                let wished = f64::from(wish.fps);
                return Some(if wished >= fps(first) {
                    first
                } else if wished <= fps(longest) {
                    longest
                } else {
                    [1, wish.fps]
                });
            }
            if first[0] > 0 && first[1] > 0 && best.is_none_or(|best| rank(first) < rank(best)) {
                best = Some(first);
            }
        }
        best
    }

    /// Sets a mode, and begins to capture. What the camera makes of it is the format.
    ///
    /// # Errors
    /// Why it does not capture; another program has it, for example.
    pub fn start(self, mode: &Mode) -> io::Result<(Format, Capture)> {
        let device = self.file.as_fd();
        let mut set = SetFormat {
            kind: CAPTURE,
            width: mode.width,
            height: mode.height,
            code: mode.code,
            // Whole pictures, not halves of them.
            field: 1,
            ..SetFormat::default()
        };
        call(device, &mut set)?;
        let mut timing =
            SetInterval { kind: CAPTURE, fraction: mode.interval.unwrap_or_default(), ..SetInterval::default() };
        // A driver need not let one choose.
        let interval = mode.interval.filter(|_| call(device, &mut timing).is_ok()).map(|_| timing.fraction);
        let format = Format {
            code: set.code,
            width: set.width,
            height: set.height,
            row: set.row,
            // `V4L2_QUANTIZATION_FULL_RANGE`, or the default of `V4L2_COLORSPACE_JPEG`.
            is_full_range: set.range == 1 || set.range == 0 && set.colors == 7,
            interval: interval.filter(|[seconds, of]| *seconds > 0 && *of > 0),
        };
        Ok((format, Capture::new(self.file)?))
    }
}

/// The number in a range that is nearest to a wished one.
fn within(wished: u32, least: u32, most: u32, step: u32) -> u32 {
    let step = step.max(1);
    let wished = wished.clamp(least, most.max(least));
    least + (wished - least) / step * step
}

/// Buffers that the driver fills: one is read, one is filled, and two more bridge the time in which this thread does not run.
const BUFFERS: u32 = 4;

/// A camera that captures. Dropping it ends that.
pub struct Capture {
    file: File,
    buffers: Vec<Mapping>,
    /// The number of the last picture.
    last: Option<u32>,
    lost: u64,
}

impl Capture {
    fn new(file: File) -> io::Result<Self> {
        let mut request = Request { count: BUFFERS, kind: CAPTURE, memory: MAPPED, ..Request::default() };
        call(file.as_fd(), &mut request)?;
        let mut capture = Self { file, buffers: Vec::new(), last: None, lost: 0 };
        for index in 0..request.count {
            let mut query = Query(Buffer::new(index));
            call(capture.device(), &mut query)?;
            let mapping =
                Mapping::new(capture.device(), query.0.offset & u64::from(u32::MAX), query.0.length as usize)?;
            capture.buffers.push(mapping);
            call(capture.device(), &mut Give(Buffer::new(index)))?;
        }
        call(capture.device(), &mut On { 0: CAPTURE })?;
        Ok(capture)
    }

    fn device(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Pictures that the camera took and the driver had no room for, or found broken.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The next picture, `None` when none comes for `wait`.
    ///
    /// # Errors
    /// Why there are no more; the camera was unplugged, for example.
    pub fn next(&mut self, wait: Duration) -> io::Result<Option<Vec<u8>>> {
        let mut asked = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: it is one structure, which lives.
        match unsafe { libc::poll(&raw mut asked, 1, wait.as_millis() as i32) } {
            0 => return Ok(None),
            -1 => {
                let error = io::Error::last_os_error();
                return if error.kind() == io::ErrorKind::Interrupted { Ok(None) } else { Err(error) };
            }
            _ => {}
        }
        let mut taken = Take(Buffer::new(0));
        match call(self.device(), &mut taken) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        }
        let Buffer { index, used, flags, sequence, .. } = taken.0;
        let Some(mapping) = self.buffers.get(index as usize) else {
            return Err(io::Error::other("the driver gave a buffer that it does not have"));
        };
        let is_broken = flags & 0x40 != 0;
        let picture = (!is_broken).then(|| mapping.bytes(used as usize).to_vec());
        call(self.device(), &mut Give(Buffer::new(index)))?;
        // Some drivers leave the number 0.
        let skipped = self.last.map_or(0, |last| sequence.wrapping_sub(last).wrapping_sub(1));
        self.lost += u64::from(is_broken) + if skipped < u32::MAX / 2 { u64::from(skipped) } else { 0 };
        self.last = Some(sequence);
        Ok(picture)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // What was unplugged cannot be told to stop.
        let _ = call(self.device(), &mut Off { 0: CAPTURE });
        self.buffers.clear();
        let _ = call(self.device(), &mut Request { count: 0, kind: CAPTURE, memory: MAPPED, ..Request::default() });
    }
}

/// A buffer of the driver, as memory of this process.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to nobody else, and is no thread's own.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(device: BorrowedFd<'_>, offset: u64, length: usize) -> io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping, where the kernel chooses; it lies over nothing.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), length, access, kind, device.as_raw_fd(), offset as libc::off_t)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(start.cast()).map(|start| Self { start, length }).ok_or_else(|| io::Error::other("no memory"))
    }

    /// Its first bytes. The driver writes to them only between `Give` and `Take`.
    fn bytes(&self, used: usize) -> &[u8] {
        // SAFETY: the mapping is this long and lives; after `Take` and before `Give`, nobody writes to it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), used.min(self.length)) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped so, and nothing points to it any more. It fails for what is not mapped only.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_size_of_a_range_is_the_nearest_below() {
        let at = |wished| within(wished, 16, 1920, 16);
        assert_eq!([0, 16, 40, 640, 5000].map(at), [16, 16, 32, 640, 1920]);
        assert_eq!(within(7, 1, 10, 0), 7, "no step");
        assert_eq!(within(7, 10, 1, 1), 10, "a range the wrong way round");
    }
}
