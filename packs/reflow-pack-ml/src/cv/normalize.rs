//! `tpl_cv_normalize_tensor`.

use reflow_pack_sdk::prelude::*;

use crate::media::{Data, field, with_field};
use crate::tensor::{Dtype, Tensor, bytes};

/// Scales and shifts a tensor, and takes mean and standard deviation of each channel out.
///
/// `out = ((in * scale + offset) - mean[c]) / std[c]`, always f32, with the same name and shape. The channel *c* is the last axis, or the
/// second one where the tensor's metadata (`fields.layout`) or the config says `nchw`. `fields.normalized` becomes true. Takes f32, f16,
/// u8 and i8.
///
/// # Errors
///
/// On `error`: no tensor, another type, data that does not fill the shape.
#[derive(Component)]
#[component(id = "tpl_cv_normalize_tensor", title = "Normalize Tensor", category = "cv")]
#[inport(tensor: Any, required, "The tensor.")]
#[outport(tensor: Bytes, "The tensor, normalized.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct Normalize {
    /// Applied first.
    #[config(default = 1.0, lenient)]
    scale: f64,
    /// Added next.
    #[config(lenient)]
    offset: f64,
    /// The number of channels; that of the shape when not given.
    #[config(lenient)]
    channels: Option<u64>,
    /// The mean of each channel; 0 where there is none.
    #[config(lenient)]
    mean: Vec<f64>,
    /// The standard deviation of each channel; 1 where there is none, 0.000001 at least.
    #[config(lenient)]
    std: Vec<f64>,
    /// Order in memory, `nhwc` or `nchw`; what the tensor says when not given.
    #[config(lenient)]
    layout: Option<String>,
}

impl Actor for Normalize {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match Tensor::read_whole(tick.input(Self::IN_TENSOR)).and_then(|tensor| self.normalize(tensor)) {
            Ok(tensor) => {
                tick.emit(Self::OUT_TENSOR, tensor.to_message());
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl Normalize {
    fn normalize(&self, tensor: Tensor) -> Result<Tensor, String> {
        let mut values = tensor.floats().ok_or_else(|| {
            format!("tensors of f32, f16, u8 and i8 can be normalized, this one is of {}", tensor.dtype.word())
        })?;
        let told = field(&tensor.metadata, "layout").and_then(Value::as_str);
        let is_planar = self.layout.as_deref().or(told).is_some_and(|layout| layout.eq_ignore_ascii_case("nchw"));
        let axis = if is_planar && tensor.dims.len() > 1 { 1 } else { tensor.dims.len().saturating_sub(1) };
        let own = tensor.dims.get(axis).copied().unwrap_or(1);
        let channels = self.channels.map_or(own, |channels| channels as usize).max(1);
        // Elements from one channel to the next.
        let step =
            if is_planar { tensor.dims[axis.min(tensor.dims.len()) + 1..].iter().product::<usize>().max(1) } else { 1 };
        let (scale, offset) = (self.scale as f32, self.offset as f32);
        let table: Vec<(f32, f32)> = (0..channels.min(values.len().max(1)))
            .map(|channel| {
                let mean = self.mean.get(channel).copied().unwrap_or(0.0) as f32;
                let std = self.std.get(channel).copied().unwrap_or(1.0).max(1e-6) as f32;
                (mean, std)
            })
            .collect();
        for (at, value) in values.iter_mut().enumerate() {
            let (mean, std) = table[at / step % table.len()];
            *value = ((*value * scale + offset) - mean) / std;
        }
        Ok(Tensor {
            metadata: with_field(&tensor.metadata, "normalized", true),
            dtype: Dtype::F32,
            data: Data::Own(bytes(&values)),
            ..tensor
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(config: &Value, tensor: Tensor) -> Vec<f32> {
        let mut config = reflow_pack_sdk::declare::Config::new(config);
        let node = <Normalize as reflow_pack_sdk::declare::Declare>::configure(&mut config);
        node.normalize(tensor).unwrap().floats().unwrap()
    }

    #[test]
    fn channels_are_where_the_layout_says() {
        let tensor = |dims: &[usize], layout: &str| Tensor {
            name: None,
            dtype: Dtype::U8,
            dims: dims.to_vec(),
            metadata: with_field(&Value::Null, "layout", layout),
            data: Data::Own(vec![0, 10, 20, 30]),
        };
        let config: Value = serde_json::from_str(r#"{"mean": [0, 10]}"#).unwrap();
        assert_eq!(normalized(&config, tensor(&[1, 1, 2, 2], "nhwc")), [0.0, 0.0, 20.0, 20.0]);
        assert_eq!(normalized(&config, tensor(&[1, 2, 1, 2], "nchw")), [0.0, 10.0, 10.0, 20.0]);
    }
}
