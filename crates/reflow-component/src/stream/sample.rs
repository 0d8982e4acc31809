//! What the data of a stream is made of.

use reflow_runtime::{Buffer, BufferOwner};

/// A unit of data, lowest byte first.
pub trait Sample: Copy + Send + Sync + 'static {
    /// Its size in bytes.
    const SIZE: usize;

    /// The sample that `bytes`, [`SIZE`](Self::SIZE) of them, stand for.
    fn from_bytes(bytes: &[u8]) -> Self;

    /// Appends the bytes of the sample.
    fn put(self, bytes: &mut Vec<u8>);

    /// Many samples as bytes. What is laid out like that already is not copied.
    fn into_buffer(samples: Vec<Self>) -> Buffer {
        let mut bytes = Vec::with_capacity(samples.len() * Self::SIZE);
        samples.into_iter().for_each(|sample| sample.put(&mut bytes));
        bytes.into()
    }
}

/// Whole samples out of `bytes`; what is left of the last one is dropped.
pub(super) fn samples<S: Sample>(bytes: &[u8]) -> Vec<S> {
    bytes.chunks_exact(S::SIZE).map(S::from_bytes).collect()
}

impl Sample for u8 {
    const SIZE: usize = 1;

    fn from_bytes(bytes: &[u8]) -> Self {
        bytes[0]
    }

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }

    fn into_buffer(samples: Vec<Self>) -> Buffer {
        samples.into()
    }
}

/// Samples that own their bytes.
struct Owned<S>(Vec<S>);

macro_rules! numbers {
    ($($number:ty),+) => {
        $(
            impl Sample for $number {
                const SIZE: usize = size_of::<$number>();

                fn from_bytes(bytes: &[u8]) -> Self {
                    let mut array = [0; size_of::<$number>()];
                    array.copy_from_slice(bytes);
                    Self::from_le_bytes(array)
                }

                fn put(self, bytes: &mut Vec<u8>) {
                    bytes.extend_from_slice(&self.to_le_bytes());
                }

                #[cfg(target_endian = "little")]
                fn into_buffer(samples: Vec<Self>) -> Buffer {
                    Buffer::new(Owned(samples))
                }
            }

            impl BufferOwner for Owned<$number> {
                fn bytes(&self) -> &[u8] {
                    bytemuck::cast_slice(&self.0)
                }
            }
        )+
    };
}

numbers!(f32, f64, i16, u16, i32, u32);

/// A group of bytes that belong together, an RGBA pixel for example.
impl<const N: usize> Sample for [u8; N] {
    const SIZE: usize = N;

    fn from_bytes(bytes: &[u8]) -> Self {
        let mut pixel = [0; N];
        pixel.copy_from_slice(bytes);
        pixel
    }

    fn put(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self);
    }

    fn into_buffer(samples: Vec<Self>) -> Buffer {
        samples.into_flattened().into()
    }
}

/// A state for each channel of interleaved samples.
///
/// ```
/// use reflow_component::stream::Channels;
///
/// let mut sums = Channels::new(2, |_channel| 0.0_f32);
/// let mut samples = [1.0, 10.0, 2.0, 20.0, 3.0];
/// sums.each(&mut samples, |sum, sample| {
///     *sum += *sample;
///     *sample = *sum;
/// });
/// assert_eq!(samples, [1.0, 10.0, 3.0, 30.0, 6.0]);
/// // The next block goes on where this one stopped.
/// let mut rest = [40.0];
/// sums.each(&mut rest, |sum, sample| *sample += *sum);
/// assert_eq!(rest, [70.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Channels<T> {
    states: Vec<T>,
    /// The channel of the next sample.
    at: usize,
}

impl<T> Channels<T> {
    /// States for so many channels, at least one.
    pub fn new(channels: usize, state: impl FnMut(usize) -> T) -> Self {
        Self { states: (0..channels.max(1)).map(state).collect(), at: 0 }
    }

    /// Calls `work` for each sample with the state of its channel: sample *k* of the stream belongs to channel *k* modulo
    /// their number.
    pub fn each<S>(&mut self, samples: &mut [S], mut work: impl FnMut(&mut T, &mut S)) {
        for sample in samples {
            work(&mut self.states[self.at], sample);
            self.at += 1;
            if self.at == self.states.len() {
                self.at = 0;
            }
        }
    }

    /// The states, by channel.
    pub fn states(&mut self) -> &mut [T] {
        &mut self.states
    }
}
