//! The config of a network.

use reflow_runtime::Value;

/// What a network's config can set.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) capacity: Option<usize>,
    /// Bytes of payloads that events and failures may keep.
    pub(crate) kept_bytes: Option<u64>,
    /// Bytes that the result cache in memory may hold.
    pub(crate) cache_bytes: Option<u64>,
    /// How large a value may be that is written out; for the whole process.
    pub(crate) max_value_bytes: Option<u64>,
}

const KEYS: [&str; 6] = ["cache_bytes", "capacity", "compression", "kept_bytes", "max_value_bytes", "tracing"];
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
    let number = |key: &str, least: u64| match members.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Integer(number)) if u64::try_from(*number).is_ok_and(|number| number >= least) => {
            Ok(Some(*number as u64))
        }
        Some(other) => Err(format!("config: `{key}` must be a whole number of at least {least}, got {other}")),
    };
    Ok(Settings {
        capacity: number("capacity", 1)?.map(|capacity| capacity as usize),
        cache_bytes: number("cache_bytes", 0)?,
        kept_bytes: number("kept_bytes", 0)?,
        max_value_bytes: number("max_value_bytes", 1)?,
    })
}
