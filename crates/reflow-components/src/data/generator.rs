//! `tpl_generator`.

use std::sync::Arc;

use crate::config::Config;
use crate::declare::Declare;
use crate::prelude::*;
use crate::read;
use crate::size::value_bytes;

/// Produces sequences, repeated values, filled-in templates and grids.
///
/// Every packet on either port asks for one list; an object on `params` is laid over the config for that time. `output` is the
/// list (as kind Object), `metadata` its `{type, count}`.
///
/// # Errors
///
/// Nothing but an Error leaves for an unknown type (`Unknown type: …`) and for a list of more than 10 million values; objects, lists
/// and long texts count for several.
#[derive(Component)]
#[component(id = "tpl_generator", title = "Generator", category = "data")]
#[inport(trigger: Any, "Whatever comes asks for a list.")]
#[inport(params: JsonObject, "Config for this time; asks for a list too.")]
#[outport(output: List, "The list.")]
#[outport(metadata: JsonObject, "Type and length of the list.")]
#[outport(error: ErrorText, "Why there is no list.")]
#[example(
    config = r#"{"type": "linspace", "start": 1, "end": 3, "count": 3}"#,
    steps = r#"[{"params": {}}, {"params": {"count": 2}}]"#,
    outputs = r#"[{"output": [{"type": "Object", "data": [1.0, 2.0, 3.0]}], "metadata": [{"type": "Object", "data": {"type": "linspace", "count": 3}}]},
        {"output": [{"type": "Object", "data": [1.0, 3.0]}], "metadata": [{"type": "Object", "data": {"type": "linspace", "count": 2}}]}]"#
)]
pub(super) struct Generator {
    /// What the list holds.
    #[config(key = "type", default = Kind::Range.into(), lenient)]
    kind: Word<Kind>,
    /// First value of `range` and `linspace`.
    #[config(default = 0.0, lenient)]
    start: f64,
    /// Where `range` ends (not included, default 10) and `linspace` (included, default 1).
    #[config(lenient)]
    end: Option<f64>,
    /// From one value of `range` to the next; may be negative.
    #[config(default = 1.0, lenient)]
    step: f64,
    /// Number of items: 10 for `linspace` and 1 for `repeat` and `index` when left out.
    #[config(lenient)]
    count: Option<u64>,
    /// What `repeat` repeats.
    #[config]
    value: Value,
    /// What `index` fills in.
    #[config(default = numbered())]
    template: Value,
    /// Columns of `grid`.
    #[config(default = 4, lenient)]
    width: u64,
    /// Rows of `grid`.
    #[config(default = 4, lenient)]
    height: u64,
    /// Layers of `grid`.
    #[config(default = 1, lenient)]
    depth: u64,
    /// Distance between neighbours of `grid`.
    #[config(default = 1.0, lenient)]
    spacing: f64,
    /// Whether `grid` is centred on the origin.
    #[config(default = true, lenient)]
    center: bool,
}

/// What [`Generator`] puts into a list.
#[derive(Choice, Clone, Copy)]
enum Kind {
    /// `start`, `start + step`, … up to but not including `end` (default 10), downwards when `step` is negative; a step of 0
    /// gives nothing. Item *i* is `start + i * step`, so that errors do not add up.
    Range,
    /// `count` numbers from `start` to `end` (default 1), both included.
    Linspace,
    /// `value`, `count` times.
    Repeat,
    /// `template`, `count` times, with *i* from 0 and *t* from 0 to 1 filled in: the texts `"$i"` and `"$t"` become the numbers;
    /// inside of longer texts and of object keys `$i` becomes the index, inside of texts `$t` the part with 6 decimals.
    Index,
    /// `{x, y, ix, iy}` for every point of a grid of `width` by `height` points, x running fastest; with `depth` above 1 also `z`
    /// and `iz`. Neighbours are `spacing` apart; with `center` the grid is centred on the origin.
    Grid,
}

/// The template of `index` that does not say one.
fn numbered() -> Value {
    Value::object([("index", 0_i64)])
}

/// How many values a list may hold, those inside of its items included.
const MOST: f64 = 1e7;

impl Generator {
    fn items(&self) -> Result<Vec<Value>, String> {
        match self.kind.meaning("type")? {
            Kind::Range => self.range(),
            Kind::Linspace => {
                let (count, end) = (self.count(10, 1)?, self.end.unwrap_or(1.0));
                let last = count.saturating_sub(1).max(1) as f64;
                Ok((0..count).map(|i| Value::Float(self.start + i as f64 / last * (end - self.start))).collect())
            }
            Kind::Repeat => Ok(vec![self.value.clone(); self.count(1, size(&self.value))?]),
            Kind::Index => {
                let count = self.count(1, size(&self.template))?;
                let last = count.saturating_sub(1).max(1) as f64;
                Ok((0..count).map(|i| filled_in(&self.template, i, i as f64 / last)).collect())
            }
            Kind::Grid => self.grid(),
        }
    }

    /// The number of items, each holding `each` values.
    fn count(&self, otherwise: u64, each: usize) -> Result<usize, String> {
        let count = self.count.unwrap_or(otherwise);
        limited(count as f64 * each as f64)?;
        Ok(count as usize)
    }

    fn range(&self) -> Result<Vec<Value>, String> {
        let end = self.end.unwrap_or(10.0);
        let distance = (end - self.start) / self.step;
        if self.step == 0.0 || distance.is_nan() || distance <= 0.0 {
            return Ok(Vec::new());
        }
        let at = |i: usize| self.start + i as f64 * self.step;
        let is_inside = |i: usize| if self.step > 0.0 { at(i) < end } else { at(i) > end };
        limited(distance)?;
        // The division may round to either side of the last item.
        let guess = distance.ceil() as usize;
        let count = (guess.saturating_sub(1)..=guess).find(|i| !is_inside(*i)).unwrap_or(guess + 1);
        Ok((0..count).map(|i| Value::Float(at(i))).collect())
    }

    fn grid(&self) -> Result<Vec<Value>, String> {
        let flat = self.depth <= 1;
        limited(self.width as f64 * self.height as f64 * self.depth as f64 * if flat { 10.0 } else { 12.0 })?;
        let at = |index: u64, count: u64| {
            let offset = if self.center { (count - 1) as f64 * self.spacing / 2.0 } else { 0.0 };
            Value::Float(index as f64 * self.spacing - offset)
        };
        let [x, y, z, ix, iy, iz]: [Arc<str>; 6] = ["x", "y", "z", "ix", "iy", "iz"].map(Into::into);
        let mut points = Vec::new();
        for layer in 0..self.depth {
            for row in 0..self.height {
                for column in 0..self.width {
                    let mut point = Object::new();
                    point.insert(Arc::clone(&x), at(column, self.width));
                    point.insert(Arc::clone(&y), at(row, self.height));
                    point.insert(Arc::clone(&ix), column.into());
                    point.insert(Arc::clone(&iy), row.into());
                    if !flat {
                        point.insert(Arc::clone(&z), at(layer, self.depth));
                        point.insert(Arc::clone(&iz), layer.into());
                    }
                    points.push(point.into());
                }
            }
        }
        Ok(points)
    }
}

fn limited(values: f64) -> Result<(), String> {
    if values > MOST {
        Err(format!("The list would hold {values:.0} values; at most {MOST} are allowed"))
    } else {
        Ok(())
    }
}

/// About how many plain values a template takes the room of.
fn size(template: &Value) -> usize {
    value_bytes(template).div_ceil(24)
}

fn filled_in(template: &Value, index: usize, part: f64) -> Value {
    match template {
        Value::String(text) => match &**text {
            "$i" => index.into(),
            "$t" => part.into(),
            text if text.contains('$') => {
                text.replace("$i", &index.to_string()).replace("$t", &format!("{part:.6}")).into()
            }
            _ => template.clone(),
        },
        Value::Array(items) => Value::array(items.iter().map(|item| filled_in(item, index, part))),
        Value::Object(members) => Value::object(members.iter().map(|(key, member)| {
            let key = if key.contains("$i") { key.replace("$i", &index.to_string()).into() } else { Arc::clone(key) };
            (key, filled_in(member, index, part))
        })),
        other => other.clone(),
    }
}

impl Actor for Generator {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let params = tick.input(Self::IN_PARAMS).and_then(read::payload).filter(|params| params.as_object().is_some());
        let overlaid = params.map(|params| {
            let config = tick.config().merged_with(params);
            Self::configure(&mut Config::new(&config))
        });
        let this = overlaid.as_ref().unwrap_or(self);
        match this.items() {
            Ok(items) => {
                let metadata = [("type", Value::from(this.kind.text())), ("count", items.len().into())];
                tick.emit(Self::OUT_OUTPUT, Message::object(items));
                tick.emit(Self::OUT_METADATA, Message::object(Value::object(metadata)));
                Ok(())
            }
            Err(text) => tick.report(Self::OUT_ERROR, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use proptest::prelude::*;
    use serde_json::json;

    fn generate(config: serde_json::Value) -> serde_json::Value {
        run::<Generator>(config, [json!({"trigger": 1})]).remove(0)
    }

    #[test]
    fn ranges_do_not_drift() {
        let outputs = generate(json!({"end": 1, "step": 0.1}));
        let items = outputs["output"][0]["data"].as_array().unwrap();
        assert_eq!(items.len(), 10);
        assert_eq!(items[7], json!(7.0 * 0.1));
    }

    #[test]
    fn hostile_configs_give_an_error_or_nothing() {
        for config in [
            json!({"end": 1e300}),
            json!({"step": 1e-300}),
            json!({"type": "repeat", "count": i64::MAX}),
            json!({"type": "grid", "width": 1_000_000, "height": 1_000_000}),
            json!({"type": "index", "count": 5_000_000, "template": [1, 2, 3]}),
        ] {
            let text = generate(config)["error"][0]["data"].as_str().unwrap().to_string();
            assert!(text.starts_with("The list would hold "), "{text}");
        }
        assert_eq!(
            generate(json!({"type": "nope"})),
            json!({"error": [{"type": "Error", "data": "Unknown type: nope"}]})
        );
        let of_two = generate(json!({"type": "repeat", "count": 2.0}));
        assert_eq!(of_two["metadata"], json!([{"type": "repeat", "count": 2}]));
        assert_eq!(generate(json!({"type": "grid", "depth": 0}))["metadata"], json!([{"type": "grid", "count": 0}]));
        assert_eq!(
            generate(json!({"type": "linspace", "count": 0}))["output"],
            json!([{"type": "Object", "data": []}])
        );
        assert_eq!(generate(json!({"start": "x", "end": []}))["output"][0]["data"].as_array().unwrap().len(), 10);
    }

    proptest! {
        #[test]
        fn a_range_holds_exactly_what_lies_before_its_end(start in -1e3..1e3_f64, end in -1e3..1e3_f64, step in -5.0..5.0_f64) {
            prop_assume!(step.abs() > 1e-2);
            let config = Value::object([("start", start), ("end", end), ("step", step)]);
            let items = Generator::configure(&mut Config::new(&config)).items().unwrap();
            let inside = |value: f64| if step > 0.0 { value < end } else { value > end };
            prop_assert!(items.iter().all(|item| inside(item.as_number().unwrap())));
            prop_assert!(!inside(start + items.len() as f64 * step));
        }
    }
}
