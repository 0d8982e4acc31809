//! Tensors.

use half::f16;
use reflow_pack_sdk::prelude::*;

use crate::envelope;
use crate::media::{self, Data};

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    F32,
    F16,
    I32,
    I64,
    U8,
    I8,
    Bool,
}

impl Dtype {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "f32" | "float32" | "float" => Self::F32,
            "f16" | "float16" | "half" => Self::F16,
            "i32" | "int32" => Self::I32,
            "i64" | "int64" => Self::I64,
            "u8" | "uint8" => Self::U8,
            "i8" | "int8" => Self::I8,
            "bool" | "boolean" => Self::Bool,
            _ => return None,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::Bool => "bool",
        }
    }

    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 => 2,
            Self::U8 | Self::I8 | Self::Bool => 1,
        }
    }
}

/// A tensor, numbers little endian, in C order.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: Option<String>,
    pub(crate) dtype: Dtype,
    pub(crate) dims: Vec<usize>,
    pub(crate) metadata: Value,
    pub(crate) data: Data,
}

/// The dimensions in `{dims: […]}` or `[…]`.
pub(crate) fn dims(shape: Option<&Value>) -> Result<Vec<usize>, String> {
    let list = shape.and_then(|shape| shape.get("dims").or(Some(shape))).and_then(Value::as_array);
    let list = list.ok_or("a tensor has `shape`, {dims: [numbers]}")?;
    let dims: Option<Vec<usize>> =
        list.iter().map(|dim| dim.as_integer().and_then(|dim| dim.try_into().ok())).collect();
    dims.ok_or_else(|| "the dimensions of a tensor are whole numbers from 0".to_string())
}

/// The number of elements, `None` when it is beyond counting.
pub(crate) fn count(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim))
}

impl Tensor {
    /// Reads a packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(message: Option<&Message>) -> Result<Self, String> {
        let (payload, data) = media::read(message.ok_or("expected a tensor, found nothing")?, "tensor")?;
        Self::of(&payload, data)
    }

    /// Reads a packet whose data fills its shape.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read_whole(message: Option<&Message>) -> Result<Self, String> {
        let tensor = Self::read(message)?;
        tensor.check_size()?;
        Ok(tensor)
    }

    /// Whether the data fills the shape.
    ///
    /// # Errors
    /// How many bytes there are, and how many there would be.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let expected = self.expected();
        if expected == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!(
            "a tensor of the shape {:?} and type {} has {} bytes, this one has {}",
            self.dims,
            self.dtype.word(),
            expected.map_or("more than can be counted".to_string(), |bytes| bytes.to_string()),
            self.data.len()
        ))
    }

    pub(crate) fn of(payload: &Value, data: Data) -> Result<Self, String> {
        let word = payload.get("dtype").and_then(Value::as_str).ok_or("a tensor has a `dtype`")?;
        let dtype = Dtype::from_word(word)
            .ok_or_else(|| format!("the type `{word}` of a tensor is none of f32, f16, i32, i64, u8, i8, bool"))?;
        Ok(Self {
            name: payload.get("name").and_then(Value::as_str).map(ToString::to_string),
            dtype,
            dims: dims(payload.get("shape"))?,
            metadata: media::metadata(payload),
            data,
        })
    }

    /// Bytes that the shape asks for.
    pub(crate) fn expected(&self) -> Option<usize> {
        count(&self.dims)?.checked_mul(self.dtype.size())
    }

    fn payload(&self) -> Value {
        Value::object([
            ("name", Value::from(self.name.as_deref())),
            ("dtype", self.dtype.word().into()),
            ("shape", shape(&self.dims)),
            ("metadata", self.metadata.clone()),
        ])
    }

    /// The packet.
    pub(crate) fn to_message(&self) -> Message {
        Message::bytes(envelope::encode("tensor", self.payload(), &self.data))
    }

    /// The JSON form, which is four times as large.
    pub(crate) fn to_json(&self) -> Value {
        let bytes = Value::array(self.data.iter().map(|byte| i64::from(*byte)));
        self.payload().merged_with(&Value::object([("data", bytes)]))
    }

    /// The elements as floats; `None` for a type that holds none.
    pub(crate) fn floats(&self) -> Option<Vec<f32>> {
        let data = &*self.data;
        Some(match self.dtype {
            Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            Dtype::U8 => data.iter().map(|byte| f32::from(*byte)).collect(),
            Dtype::I8 => data.iter().map(|byte| f32::from(*byte as i8)).collect(),
            Dtype::I32 | Dtype::I64 | Dtype::Bool => return None,
        })
    }
}

/// `{dims: […]}`.
pub(crate) fn shape(dims: &[usize]) -> Value {
    Value::object([("dims", Value::array(dims.iter().map(|dim| *dim as i64)))])
}

/// Floats as the bytes of a tensor.
pub(crate) fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().map(|number| number.to_le_bytes()).collect::<Vec<_>>().into_flattened()
}
