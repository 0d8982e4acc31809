//! The inputs of a model: read off a tick, in the order and shape that the model wants, several as one batch.

use reflow_pack_sdk::prelude::*;

use crate::media::{self, Data};
use crate::model::Spec;
use crate::tensor::Tensor;

/// Tensors by name, or a list of them.
pub(super) fn read_all(message: &Message) -> Result<Vec<Tensor>, String> {
    let value = message.as_value().ok_or("expected tensors by name, or a list of them, on `tensors`")?;
    let read = |value: &Value, name: Option<&str>| {
        let (payload, data) = media::from_json(value, "tensor")?;
        let tensor = Tensor::of(&payload, data)?;
        tensor.check_size()?;
        Ok(Tensor { name: name.map(ToString::to_string).or(tensor.name), ..tensor })
    };
    match &value {
        Value::Array(items) => items.iter().map(|item| read(item, None)).collect(),
        Value::Object(members) => members.iter().map(|(name, item)| read(item, Some(name))).collect(),
        other => Err(format!("expected tensors by name, or a list of them, on `tensors`, found {}", other.kind())),
    }
}

/// The first input has the name that the model gives it.
pub(super) fn named(mut inputs: Vec<Tensor>, specs: &[Spec]) -> Vec<Tensor> {
    for (at, input) in inputs.iter_mut().enumerate() {
        let name = if at == 0 { specs.first().map(|spec| spec.name.clone()) } else { None };
        let name = name.or_else(|| input.name.clone()).unwrap_or_else(|| "input".to_string());
        input.name = Some(name);
    }
    inputs
}

/// Inputs in the order of the model, with the types and shapes that it wants.
pub(super) fn fitted(inputs: Vec<Tensor>, specs: &[Spec], model: &str) -> Result<Vec<Tensor>, String> {
    let wanted = || {
        specs
            .iter()
            .map(|spec| format!("`{}` {} {:?}", spec.name, spec.dtype.word(), spec.dims))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if inputs.len() != specs.len() {
        return Err(format!(
            "the model `{model}` takes {} inputs ({}), and there are {}",
            specs.len(),
            wanted(),
            inputs.len()
        ));
    }
    let mut inputs: Vec<Option<Tensor>> = inputs.into_iter().map(Some).collect();
    let is_single = specs.len() == 1;
    let mut ordered = Vec::with_capacity(specs.len());
    for spec in specs {
        let is_it = |input: &Option<Tensor>| {
            input.as_ref().is_some_and(|input| is_single || input.name.as_deref() == Some(&spec.name))
        };
        let input = inputs.iter_mut().find(|input| is_it(input)).and_then(Option::take);
        let input = input
            .ok_or_else(|| format!("the model `{model}` takes {}, and there is no input `{}`", wanted(), spec.name))?;
        let fits = spec.dims.is_empty()
            || spec.dims.len() == input.dims.len()
                && spec
                    .dims
                    .iter()
                    .zip(&input.dims)
                    .enumerate()
                    .all(|(at, (want, have))| *want == 0 || want == have || at == 0 && *want == 1);
        if input.dtype != spec.dtype || !fits {
            return Err(format!(
                "the model `{model}` takes `{}` as {} {:?} (0: any), and there is {} {:?}",
                spec.name,
                spec.dtype.word(),
                spec.dims,
                input.dtype.word(),
                input.dims
            ));
        }
        ordered.push(input);
    }
    Ok(ordered)
}

/// Tensors along their first axis.
pub(super) fn join(tensors: &[Tensor]) -> Result<Tensor, String> {
    let first = tensors.first().ok_or("there is nothing to put together")?;
    let mut data = Vec::new();
    let mut rows = 0;
    for tensor in tensors {
        if tensor.dtype != first.dtype
            || tensor.dims.len() != first.dims.len()
            || tensor.dims.get(1..) != first.dims.get(1..)
        {
            return Err(format!("tensors of {:?} and {:?} cannot be put into one batch", first.dims, tensor.dims));
        }
        rows += tensor.dims.first().copied().unwrap_or(1);
        data.extend_from_slice(&tensor.data);
    }
    let mut dims = first.dims.clone();
    match dims.first_mut() {
        Some(dim) => *dim = rows,
        None => dims.push(rows),
    }
    Ok(Tensor { dims, data: Data::Own(data), ..first.clone() })
}

/// Rows of an output.
pub(super) fn part(output: &Tensor, row: usize, count: usize) -> Result<Tensor, String> {
    let row_size = output.dims.get(1..).unwrap_or_default().iter().product::<usize>() * output.dtype.size();
    let data = output.data.get(row * row_size..(row + count) * row_size).ok_or_else(|| {
        format!("the output {:?} has no row for each input of the batch; run this model with `batch` 1", output.dims)
    })?;
    let mut dims = output.dims.clone();
    if let Some(dim) = dims.first_mut() {
        *dim = count;
    }
    Ok(Tensor { dims, data: Data::Own(data.to_vec()), metadata: Value::Null, ..output.clone() })
}
