//! What the components of entities say of a text.

use reflow_component::prelude::Value;
use reflow_geometry::kernels::text::layout::{Align, Setting};

/// The longest text that is set.
const LONGEST: usize = 100_000;

/// A member of a component that is a finite number.
pub(super) fn number(component: &Value, key: &str, default: f64) -> f32 {
    let number = component.get(key).and_then(Value::as_number).map(|number| number as f32);
    number.filter(|number| number.is_finite()).unwrap_or(default as f32)
}

/// The text of a component, if there is any.
pub(super) fn content(component: &Value) -> Result<&str, String> {
    match component.get("content").and_then(Value::as_str).unwrap_or_default() {
        "" => Err("it has no content".to_string()),
        content if content.len() > LONGEST => Err(format!("its content is longer than {LONGEST} bytes")),
        content => Ok(content),
    }
}

/// How the text of a component is set.
pub(super) fn setting(component: &Value, size: f64, align: Align, letter_spacing: f64) -> Setting {
    let align = match component.get("align").and_then(Value::as_str) {
        Some("left") => Align::Left,
        Some("center") => Align::Center,
        Some("right") => Align::Right,
        _ => align,
    };
    Setting {
        size: number(component, "fontSize", size),
        align,
        max_width: number(component, "maxWidth", 0.0),
        line_height: number(component, "lineHeight", 1.2),
        letter_spacing: number(component, "letterSpacing", letter_spacing),
    }
}
