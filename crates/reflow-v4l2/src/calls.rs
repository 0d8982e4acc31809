//! The calls of the kernel, with the layouts of `linux/videodev2.h`. Only what captures need has a name.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What a structure is for, and which number it has.
///
/// # Safety
/// The kernel reads and writes a structure of this layout for `NUMBER`, and every pattern of bits is a value of it.
pub(crate) unsafe trait Call {
    const NUMBER: u64;
}

/// The number of a call: its direction (1 writes, 2 reads), the size of its structure, and its place among those of video.
const fn number(direction: u64, size: usize, place: u64) -> u64 {
    direction << 30 | (size as u64) << 16 | (b'V' as u64) << 8 | place
}

/// Asks the kernel, again when a signal came in between.
pub(crate) fn call<C: Call>(device: BorrowedFd<'_>, structure: &mut C) -> io::Result<()> {
    loop {
        // SAFETY: the structure has the layout that the kernel expects for this number, which the trait promises, and lives.
        if unsafe { libc::ioctl(device.as_raw_fd(), C::NUMBER as libc::Ioctl, &raw mut *structure) } != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Pictures that come in, one plane each.
pub(crate) const CAPTURE: u32 = 1;
/// Memory of the driver that is mapped.
pub(crate) const MAPPED: u32 = 1;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident: $direction:literal $place:literal, $size:literal bytes, { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Default)]
        pub(crate) struct $name { $(pub(crate) $field: $kind),* }

        const _: () = assert!(size_of::<$name>() == $size);

        // SAFETY: the layout is that of the kernel, of whose size it is, and its members are numbers.
        unsafe impl Call for $name {
            const NUMBER: u64 = number($direction, $size, $place);
        }
    )*};
}

/// Bytes that mean nothing here.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Rest<const WORDS: usize>([u32; WORDS]);

impl<const WORDS: usize> Default for Rest<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

calls! {
    /// `VIDIOC_QUERYCAP`: what a device can.
    Capability: 2 0, 104 bytes, {
        driver: [u8; 16], card: [u8; 32], bus: [u8; 32], version: u32, all: u32, of_this: u32, rest: Rest<3>,
    }
    /// `VIDIOC_ENUM_FMT`: a format by its number.
    Description: 3 2, 64 bytes, {
        index: u32, kind: u32, flags: u32, text: [u8; 32], code: [u8; 4], bus_code: u32, rest: Rest<3>,
    }
    /// `VIDIOC_ENUM_FRAMESIZES`: a size of a format by its number.
    Size: 3 74, 44 bytes, { index: u32, code: [u8; 4], kind: u32, sides: [u32; 6], rest: Rest<2> }
    /// `VIDIOC_ENUM_FRAMEINTERVALS`: a time between pictures by its number.
    Interval: 3 75, 52 bytes, {
        index: u32, code: [u8; 4], width: u32, height: u32, kind: u32, fractions: [[u32; 2]; 3], rest: Rest<2>,
    }
    /// `VIDIOC_S_FMT`: sets the format, and says what it became.
    SetFormat: 3 5, 208 bytes, {
        kind: u32, hole: u32, width: u32, height: u32, code: [u8; 4], field: u32, row: u32, bytes: u32, colors: u32, private: u32,
        flags: u32, encoding: u32, range: u32, transfer: u32, rest: Rest<38>,
    }
    /// `VIDIOC_S_PARM`: sets the time between pictures, and says what it became.
    SetInterval: 3 22, 204 bytes, {
        kind: u32, capability: u32, mode: u32, fraction: [u32; 2], more: u32, buffers: u32, rest: Rest<44>,
    }
    /// `VIDIOC_REQBUFS`: makes buffers, or lets them go.
    Request: 3 8, 20 bytes, { count: u32, kind: u32, memory: u32, rest: Rest<2> }
}

/// A buffer, for three calls.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Buffer {
    pub(crate) index: u32,
    pub(crate) kind: u32,
    pub(crate) used: u32,
    pub(crate) flags: u32,
    pub(crate) field: u32,
    hole: u32,
    time: [i64; 2],
    timecode: Rest<4>,
    pub(crate) sequence: u32,
    pub(crate) memory: u32,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    rest: Rest<3>,
}

/// A kind of buffers, for the two calls that start and stop.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Switch<const PLACE: u64>(pub(crate) u32);

macro_rules! buffer_calls {
    ($($(#[$doc:meta])* $name:ident: $place:literal;)*) => {$(
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Default)]
        pub(crate) struct $name(pub(crate) Buffer);

        // SAFETY: as above.
        unsafe impl Call for $name {
            const NUMBER: u64 = number(3, size_of::<Buffer>(), $place);
        }
    )*};
}

const _: () = assert!(size_of::<Buffer>() == 88 && std::mem::offset_of!(Buffer, offset) == 64);

buffer_calls! {
    /// `VIDIOC_QUERYBUF`: where a buffer is.
    Query: 9;
    /// `VIDIOC_QBUF`: gives a buffer to the driver.
    Give: 15;
    /// `VIDIOC_DQBUF`: takes the next one that is full.
    Take: 17;
}

/// `VIDIOC_STREAMON`: pictures are to come.
pub(crate) type On = Switch<18>;
/// `VIDIOC_STREAMOFF`: no more.
pub(crate) type Off = Switch<19>;

// SAFETY: the kernel reads the number of a kind.
unsafe impl<const PLACE: u64> Call for Switch<PLACE> {
    const NUMBER: u64 = number(1, size_of::<u32>(), PLACE);
}

impl Buffer {
    pub(crate) fn new(index: u32) -> Self {
        Self { index, kind: CAPTURE, memory: MAPPED, ..Self::default() }
    }
}
