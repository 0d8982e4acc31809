//! `tpl_correlator`.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::sync::Arc;

use reflow_runtime::{Begin, Frame, StreamHandle, StreamWriter};

use super::blocking;
use crate::prelude::*;

/// Normalized cross-correlation of two sample streams, and the delay between them.
///
/// One stream of each inport is read to its end; the data is 32-bit floats, lowest byte first. With *n* samples in the shorter one
/// and *L* = `maxLagMs` × `sampleRate` / 1000, the correlation at lag *l* from -*L* to *L* is the sum of *a*\[*i*\] × *b*\[*i* + *l*\] over all
/// *i* for which both are among the first *n* samples, divided by *n* and the root mean squares of both; 0 where one is silent.
///
/// `stream` is a stream of type `audio/correlation` with the 2*L* + 1 values in one frame. `stats` is `{bestLagSamples, bestLagMs,
/// peakCorrelation, signalLength}`; a positive best lag means that *b* comes later than *a*. Long signals go through a Fourier
/// transform.
///
/// # Errors
///
/// What is no stream is told at once (`No StreamHandle on stream_a port`). When nothing can be read, `stream` brings an error
/// (`Empty input streams`, `Failed to collect streams`) and `stats` is empty.
#[derive(Component)]
#[component(id = "tpl_correlator", title = "Correlator", category = "analysis", asynchronous)]
#[inport(stream_a: Stream, required, "The first signal.")]
#[inport(stream_b: Stream, required, "The second signal.")]
#[outport(stream: Stream, "The correlation at every lag.")]
#[outport(stats: JsonObject, "Where the correlation is largest.")]
#[outport(error: ErrorText, "Why there is no correlation.")]
#[example(
    steps = r#"[{"stream_a": 1}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "No StreamHandle on stream_a port"}]}]"#
)]
pub(super) struct Correlator {
    /// Samples a second.
    #[config(key = "sampleRate", default = 44_100.0, range = 8_000..=192_000, unit = "Hz", lenient)]
    sample_rate: f64,
    /// Largest lag that is looked at.
    #[config(key = "maxLagMs", default = 100.0, range = 1..=5_000, unit = "ms", lenient)]
    max_lag_ms: f64,
    /// Streams of either inport that wait for a partner. They are paired here and not by the firing rule, so that what is
    /// no stream is told as it comes and uses up no partner.
    #[state]
    waiting: [VecDeque<Arc<StreamHandle>>; 2],
}

/// Streams of one inport that may wait.
const MAX_WAITING: usize = 1 << 16;

const CONTENT_TYPE: &str = "audio/correlation";

/// The most samples that are kept of one signal, and the largest lag.
const MOST: usize = 1 << 24;

/// Below so many products, adding them up is faster than transforming.
const DIRECT: usize = 1 << 21;

/// All samples of a stream; `None` when it ends in an error, is taken, or is too long.
async fn collect(handle: &StreamHandle) -> Option<Vec<f32>> {
    let reader = handle.take().ok()?;
    let mut bytes = Vec::new();
    while let Some(frame) = reader.read().await {
        match frame {
            Frame::Begin(_) => {}
            Frame::Data(data) => bytes.extend_from_slice(&data),
            Frame::End => break,
            Frame::Error(_) => return None,
        }
        if bytes.len() > 4 * MOST {
            return None;
        }
    }
    Some(bytes.chunks_exact(4).map(|sample| f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]])).collect())
}

/// The correlation at every lag from `-max_lag` to `max_lag`.
fn correlate(a: &[f32], b: &[f32], max_lag: usize) -> Vec<f32> {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let power = |signal: &[f32]| signal.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n as f64;
    let scale = (power(a) * power(b)).sqrt() * n as f64;
    let reach = max_lag.min(n.saturating_sub(1));
    let sums = if n.saturating_mul(2 * reach + 1) <= DIRECT { added(a, b, reach) } else { transformed(a, b, reach) };
    let padding = vec![0.0; max_lag - reach];
    let values = sums.into_iter().map(|sum| if scale == 0.0 { 0.0 } else { (sum / scale) as f32 });
    padding.iter().copied().chain(values).chain(padding.iter().copied()).collect()
}

/// Sums of products at the lags from `-reach` to `reach`, one after the other.
fn added(a: &[f32], b: &[f32], reach: usize) -> Vec<f64> {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let earlier = (1..=reach).rev().map(|lag| product(&a[lag..], b));
    earlier.chain((0..=reach).map(|lag| product(a, &b[lag..]))).collect()
}

/// The same sums, by multiplying the spectra.
fn transformed(a: &[f32], b: &[f32], reach: usize) -> Vec<f64> {
    let size = (2 * a.len()).next_power_of_two();
    // Both signals are real, so that one transform can hold them: a as the real and b as the imaginary part.
    let mut both: Vec<Complex> = a.iter().zip(b).map(|(a, b)| Complex(f64::from(*a), f64::from(*b))).collect();
    both.resize(size, Complex(0.0, 0.0));
    transform(&mut both);
    let mut product: Vec<Complex> = (0..size)
        .map(|k| {
            let (x, y) = (both[k], both[(size - k) % size]);
            let a = Complex(f64::midpoint(x.0, y.0), (x.1 - y.1) / 2.0);
            let b = Complex(f64::midpoint(x.1, y.1), (y.0 - x.0) / 2.0);
            // a* b, conjugated, so that the transform below goes back.
            Complex(a.0 * b.0 + a.1 * b.1, a.1 * b.0 - a.0 * b.1)
        })
        .collect();
    transform(&mut product);
    let at = |lag: usize| product[lag].0 / size as f64;
    (1..=reach).rev().map(|lag| at(size - lag)).chain((0..=reach).map(at)).collect()
}

#[derive(Clone, Copy)]
struct Complex(f64, f64);

/// The discrete Fourier transform in place, for powers of two (Cooley and Tukey, 1965).
fn transform(values: &mut [Complex]) {
    let size = values.len();
    let bits = size.trailing_zeros();
    for index in 0..size {
        let other = index.reverse_bits().checked_shr(usize::BITS - bits).unwrap_or(0);
        if index < other {
            values.swap(index, other);
        }
    }
    let turns: Vec<Complex> = (0..size / 2)
        .map(|k| {
            let (sin, cos) = (-TAU * k as f64 / size as f64).sin_cos();
            Complex(cos, sin)
        })
        .collect();
    let mut half = 1;
    while half < size {
        let stride = size / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let turn = turns[k * stride];
                let turned = Complex(high.0 * turn.0 - high.1 * turn.1, high.0 * turn.1 + high.1 * turn.0);
                *high = Complex(low.0 - turned.0, low.1 - turned.1);
                *low = Complex(low.0 + turned.0, low.1 + turned.1);
            }
        }
        half *= 2;
    }
}

impl Correlator {
    fn max_lag(&self) -> Result<usize, String> {
        let lag = (self.max_lag_ms * self.sample_rate / 1000.0).trunc();
        if (0.0..=MOST as f64).contains(&lag) {
            Ok(lag as usize)
        } else {
            Err(format!("maxLagMs and sampleRate make a lag of {lag} samples; 0 to {MOST} are possible"))
        }
    }

    /// The frames of the result stream, and the statistics.
    fn result(&self, signals: Option<(usize, Vec<f32>)>, max_lag: usize) -> (Vec<Frame>, Value) {
        let failed = |text: &str| (vec![Frame::Error(text.into())], Value::object::<&str, Value>([]));
        let Some((length, values)) = signals else { return failed("Failed to collect streams") };
        if length == 0 {
            return failed("Empty input streams");
        }
        let mut best = 0;
        for (index, value) in values.iter().enumerate() {
            if *value > values[best] {
                best = index;
            }
        }
        let lag = best as i64 - max_lag as i64;
        let stats = Value::object([
            ("bestLagSamples", Value::Integer(lag)),
            ("bestLagMs", (lag as f64 / self.sample_rate * 1000.0).into()),
            ("peakCorrelation", values[best].into()),
            ("signalLength", length.into()),
        ]);
        let metadata = Value::object([("maxLag", Value::from(max_lag)), ("sampleRate", self.sample_rate.into())]);
        let begin = Begin { content_type: Some(CONTENT_TYPE.into()), size_hint: None, metadata: Some(metadata) };
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (vec![Frame::Begin(begin), Frame::Data(data.into()), Frame::End], stats)
    }
}

#[async_trait]
impl AsyncActor for Correlator {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        for (port, waiting) in self.waiting.iter_mut().enumerate() {
            let problem = match tick.take(port) {
                None => continue,
                Some(Message::StreamHandle(handle)) if waiting.len() < MAX_WAITING => {
                    waiting.push_back(handle);
                    continue;
                }
                Some(Message::StreamHandle(_)) => "Too many streams wait for a partner",
                Some(_) => "No StreamHandle",
            };
            let name = tick.node().inport_name(port as u16);
            return tick.report(Self::OUT_ERROR, format!("{problem} on {name} port"));
        }
        let [Some(_), Some(_)] = self.waiting.each_ref().map(VecDeque::front) else { return Ok(()) };
        let [Some(a), Some(b)] = self.waiting.each_mut().map(VecDeque::pop_front) else { return Ok(()) };
        let max_lag = match self.max_lag() {
            Ok(max_lag) => max_lag,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        // Both at once: they may come from one writer that fills them in turn.
        let signals = match tokio::join!(collect(&a), collect(&b)) {
            (Some(a), Some(b)) => {
                let length = a.len().min(b.len());
                blocking(move || Ok((length, correlate(&a, &b, max_lag)))).await.ok()
            }
            _ => None,
        };
        let (frames, stats) = self.result(signals, max_lag);
        let writer = StreamWriter::new(0, tick.node().id(), "stream", Some(CONTENT_TYPE));
        for frame in frames {
            writer.write(frame).await.map_err(|error| error.to_string())?;
        }
        let handle = writer.handle(None).map_err(|error| error.to_string())?;
        tick.emit(Self::OUT_STREAM, Message::StreamHandle(handle));
        tick.emit(Self::OUT_STATS, Message::object(stats));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::testing::Trial;
    use proptest::prelude::*;
    use reflow_runtime::block_until;

    fn stream(frames: Vec<Frame>) -> Message {
        let writer = StreamWriter::new(0, "", "", None);
        for frame in frames {
            let mut frame = Some(frame);
            block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap().unwrap();
        }
        Message::StreamHandle(writer.handle(None).unwrap())
    }

    fn samples(samples: &[f32]) -> Message {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        stream(vec![Frame::Data(bytes.into()), Frame::End])
    }

    fn run(a: Message, b: Message) -> (Vec<Frame>, Value) {
        let config = Value::object([("sampleRate", 1000.0), ("maxLagMs", 4.0)]);
        let component = Arc::new(Entry::of::<Correlator>());
        let mut trial = Trial::new(component, config, &["stream_a", "stream_b"], &[]).unwrap();
        let mut outputs = trial.step([("stream_a".to_string(), a), ("stream_b".to_string(), b)]);
        let Some(Message::StreamHandle(handle)) = outputs.remove("stream").and_then(|mut list| list.pop()) else {
            panic!("no stream");
        };
        let reader = handle.take().unwrap();
        let mut frames = Vec::new();
        while let Some(Some(frame)) = block_until(None, |cx| reader.poll_read(cx)) {
            frames.push(frame);
        }
        (frames, outputs["stats"][0].to_value())
    }

    #[test]
    fn a_delay_is_found() {
        let a = samples(&[0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0]);
        let b = samples(&[0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0]);
        let (frames, stats) = run(a, b);
        let expected = r#"{"bestLagMs":2.0,"bestLagSamples":2,"peakCorrelation":1.0,"signalLength":8}"#;
        assert_eq!(stats.to_json_string(), expected);
        assert!(matches!(&frames[..], [Frame::Begin(_), Frame::Data(data), Frame::End] if data.len() == 9 * 4));
    }

    #[test]
    fn nothing_to_read_is_an_error_in_the_stream() {
        let (frames, stats) = run(samples(&[]), samples(&[1.0]));
        assert_eq!(frames, [Frame::Error("Empty input streams".into())]);
        assert_eq!(stats.to_json_string(), "{}");
        let (frames, _) = run(samples(&[1.0]), stream(vec![Frame::Error("gone".into())]));
        assert_eq!(frames, [Frame::Error("Failed to collect streams".into())]);
    }

    #[test]
    fn silence_correlates_with_nothing() {
        assert_eq!(correlate(&[0.0; 4], &[1.0; 4], 6), vec![0.0; 13]);
    }

    proptest! {
        #[test]
        fn both_ways_give_the_same_sums(
            pairs in prop::collection::vec((-1.0..1.0_f32, -1.0..1.0_f32), 1..200), reach in 0..200_usize,
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let reach = reach.min(a.len() - 1);
            let (direct, fast) = (added(&a, &b, reach), transformed(&a, &b, reach));
            prop_assert_eq!(direct.len(), 2 * reach + 1);
            for (direct, fast) in direct.iter().zip(&fast) {
                prop_assert!((direct - fast).abs() < 1e-9, "{} {}", direct, fast);
            }
        }
    }
}
