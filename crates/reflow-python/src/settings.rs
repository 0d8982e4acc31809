//! The config of a network.

use reflow_runtime::Value;

/// What a network's config can set.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) capacity: Option<usize>,
}

const KEYS: [&str; 3] = ["capacity", "compression", "tracing"];
const STRATEGIES: [&str; 4] = ["Never", "Always", "SizeThreshold", "Adaptive"];

/// Reads a config. `compression` and `tracing` are accepted for programs written for earlier releases; a local network
/// compresses nothing, and its trace is read with `events()`.
pub(crate) fn read(config: &Value) -> Result<Settings, String> {
    let Some(members) = config.as_object() else {
        return Err(format!("config: expected a mapping, got {}", config.kind()));
    };
    for section in ["compression", "tracing"] {
        match members.get(section) {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => return Err(format!("config: `{section}` must be a mapping or None, got {}", other.kind())),
        }
    }
    let strategies = config.get("compression").and_then(|section| section.get("type_strategies"));
    for (kind, strategy) in strategies.and_then(Value::as_object).into_iter().flatten() {
        if !strategy.as_str().is_some_and(|word| STRATEGIES.contains(&word)) {
            return Err(format!(
                "config: compression.type_strategies.{kind}: expected one of {}, got {strategy}",
                STRATEGIES.join(", ")
            ));
        }
    }
    if let Some(unknown) = members.keys().find(|key| !KEYS.contains(&&***key)) {
        return Err(format!("config: unknown key `{unknown}`; there are {}", KEYS.join(", ")));
    }
    let capacity = match members.get("capacity") {
        None | Some(Value::Null) => None,
        Some(Value::Integer(capacity)) if *capacity >= 1 => Some(*capacity as usize),
        Some(other) => return Err(format!("config: `capacity` must be a whole number of at least 1, got {other}")),
    };
    Ok(Settings { capacity })
}
