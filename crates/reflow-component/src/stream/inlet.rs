//! Reading a stream.

use std::sync::Arc;

use reflow_runtime::{Begin, Buffer, Frame, StreamHandle, StreamReader, Value};

use super::CLOSED;
use super::sample::{Sample, samples};

/// What is known of a stream when its data begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opening {
    /// Media type of the data.
    pub content_type: Option<Arc<str>>,
    /// Expected size of the data in bytes.
    pub size_hint: Option<u64>,
    /// Anything else, from the Begin frame.
    pub metadata: Option<Value>,
    /// Whether there was a Begin frame; without one, all that is known comes with the handle.
    pub is_told: bool,
}

impl Opening {
    /// A whole number of the metadata.
    pub fn whole(&self, key: &str) -> Option<u64> {
        crate::config::whole_number(self.metadata.as_ref()?.get(key)?)?.try_into().ok()
    }

    /// A text of the metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key)?.as_str()
    }

    /// The metadata with these members added or replaced.
    pub fn add<V: Into<Value>>(&mut self, members: impl IntoIterator<Item = (&'static str, V)>) {
        let old = self.metadata.take().filter(|metadata| metadata.as_object().is_some());
        self.metadata =
            Some(old.unwrap_or_else(|| Value::object::<&str, Value>([])).merged_with(&Value::object(members)));
    }

    /// A number of the metadata.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.metadata.as_ref()?.get(key)?.as_number()
    }

    /// How many channels are interleaved in the data: `channels` of the metadata, at least 1.
    pub fn channels(&self) -> usize {
        self.whole("channels").map_or(1, |channels| channels.clamp(1, MOST_CHANNELS) as usize)
    }

    /// Samples a second: `sampleRate` of the metadata.
    pub fn sample_rate(&self) -> Option<f64> {
        self.number("sampleRate").filter(|rate| rate.is_finite() && *rate > 0.0)
    }

    pub(super) fn of(handle: &StreamHandle) -> Self {
        Self { content_type: handle.content_type.clone(), size_hint: handle.size_hint, ..Self::default() }
    }

    /// Takes over what a Begin frame says.
    pub(super) fn learn(&mut self, begin: Begin) {
        self.content_type = begin.content_type.or(self.content_type.take());
        self.size_hint = begin.size_hint.or(self.size_hint);
        self.metadata = begin.metadata;
        self.is_told = true;
    }
}

/// More are a mistake, and states for each would fill the memory.
const MOST_CHANNELS: u64 = 1024;

/// The reading end of a stream of samples.
pub struct Inlet<S> {
    pieces: Pieces,
    cut: Cut<S>,
}

/// The reading end of a stream, whatever its data is made of.
pub(super) struct Pieces {
    reader: StreamReader,
    opening: Opening,
}

/// What comes out of a stream.
pub(super) enum Piece {
    /// A Begin frame.
    Begin(Begin),
    /// Bytes, cut anywhere.
    Data(Buffer),
    /// The end, as it should be.
    End,
    /// The end with an error: an Error frame, or a writer that is gone.
    Failed(Arc<str>),
}

/// Makes whole samples of bytes that were cut anywhere.
pub(super) struct Cut<S> {
    /// What a frame boundary has cut off a sample, with the bytes that follow.
    rest: Vec<u8>,
    kind: std::marker::PhantomData<fn() -> S>,
}

impl Pieces {
    /// Takes the stream of a handle.
    pub(super) fn take(handle: &StreamHandle) -> Result<Self, String> {
        let reader = handle.take().map_err(|error| error.to_string())?;
        Ok(Self { reader, opening: Opening::of(handle) })
    }

    /// What is known of the stream so far.
    pub(super) fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The next piece.
    pub(super) async fn next(&mut self) -> Piece {
        match self.reader.read().await {
            Some(Frame::Begin(begin)) => {
                self.opening.learn(begin.clone());
                Piece::Begin(begin)
            }
            Some(Frame::Data(data)) => Piece::Data(data),
            Some(Frame::End) => Piece::End,
            Some(Frame::Error(text)) => Piece::Failed(text),
            None => Piece::Failed(CLOSED.into()),
        }
    }
}

impl<S: Sample> Cut<S> {
    pub(super) fn new() -> Self {
        Self { rest: Vec::new(), kind: std::marker::PhantomData }
    }

    /// The whole samples of a frame and of what was left before it.
    pub(super) fn whole(&mut self, data: &[u8]) -> Vec<S> {
        if self.rest.is_empty() && data.len().is_multiple_of(S::SIZE) {
            return samples(data);
        }
        self.rest.extend_from_slice(data);
        let whole = self.rest.len() - self.rest.len() % S::SIZE;
        let found = samples(&self.rest[..whole]);
        self.rest.drain(..whole);
        found
    }
}

impl<S: Sample> Inlet<S> {
    /// Takes the stream of a handle.
    ///
    /// # Errors
    /// When it was taken before, or is not here.
    pub fn take(handle: &StreamHandle) -> Result<Self, String> {
        Ok(Self { pieces: Pieces::take(handle)?, cut: Cut::new() })
    }

    /// What is known of the stream so far.
    pub fn opening(&self) -> &Opening {
        self.pieces.opening()
    }

    /// The next samples; `None` at the end of the stream.
    ///
    /// # Errors
    /// The text of an Error frame, or that the stream was closed before its End.
    pub async fn read(&mut self) -> Result<Option<Vec<S>>, Arc<str>> {
        loop {
            match self.pieces.next().await {
                Piece::Begin(_) => {}
                Piece::Data(data) => return Ok(Some(self.cut.whole(&data))),
                Piece::End => return Ok(None),
                Piece::Failed(text) => return Err(text),
            }
        }
    }
}

/// All samples of a stream, `most` at the most, and what its Begin said.
///
/// # Errors
/// When the stream was taken before, ends with an error, or has more samples.
pub async fn collect<S: Sample>(handle: &StreamHandle, most: usize) -> Result<(Opening, Vec<S>), Arc<str>> {
    let mut inlet = Inlet::take(handle)?;
    let mut all = Vec::new();
    while let Some(samples) = inlet.read().await? {
        if samples.len() > most - all.len() {
            return Err(format!("the stream has more than {most} samples").into());
        }
        all.extend_from_slice(&samples);
    }
    Ok((inlet.pieces.opening, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stream_of;
    use proptest::prelude::*;
    use reflow_runtime::{Message, block_until};
    use std::pin::pin;

    proptest! {
        #[test]
        fn samples_are_the_same_however_their_bytes_are_cut(
            samples in prop::collection::vec(any::<f32>(), 0..40), cuts in prop::collection::vec(0..160_usize, 0..12),
        ) {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let frames = cuts.windows(2).map(|cut| Frame::Data(bytes[cut[0]..cut[1]].into())).chain([Frame::End]);
            let Message::StreamHandle(handle) = stream_of(None, frames) else { unreachable!() };
            let mut collecting = pin!(collect::<f32>(&handle, 40));
            let (_, found) = block_until(None, |cx| collecting.as_mut().poll(cx)).unwrap().unwrap();
            let bits = |samples: &[f32]| samples.iter().map(|sample| sample.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&found), bits(&samples));
        }
    }
}
