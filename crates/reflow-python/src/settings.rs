//! The config of a network.

use reflow_runtime::{Value, suggestion};

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
/// The keys of each section, and of what is inside of it.
const SECTIONS: [(&[&str], &[&str]); 6] = [
    (&["compression"], &["enabled", "level", "size_threshold", "streaming_threshold", "type_strategies"]),
    (&["tracing"], &["batch_size", "batch_timeout", "enable_compression", "enabled", "retry_config", "server_url"]),
    (&["tracing", "batch_timeout"], &["nanos", "secs"]),
    (&["tracing", "retry_config"], &["backoff_multiplier", "initial_delay", "max_delay", "max_retries"]),
    (&["tracing", "retry_config", "initial_delay"], &["nanos", "secs"]),
    (&["tracing", "retry_config", "max_delay"], &["nanos", "secs"]),
];
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
    for section in ["compression", "tracing"] {
        match config.get(section).and_then(|section| section.get("enabled")) {
            None | Some(Value::Null | Value::Boolean(_)) => {}
            Some(other) => return Err(format!("config: `{section}.enabled` must be True or False, got {other}")),
        }
    }
    for (path, keys) in SECTIONS {
        let section = path.iter().try_fold(config, |section, key| section.get(key)).and_then(Value::as_object);
        for key in section.into_iter().flat_map(|section| section.keys()) {
            known(key, keys).map_err(|problem| format!("config: {}: {problem}", path.join(".")))?;
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
    for key in members.keys() {
        known(key, &KEYS).map_err(|problem| format!("config: {problem}"))?;
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

/// Refuses a key that is none of these.
fn known(key: &str, keys: &[&str]) -> Result<(), String> {
    if keys.contains(&key) {
        return Ok(());
    }
    let meant = suggestion(key, keys.iter().copied());
    let hint = meant.map_or_else(|| format!("there are {}", keys.join(", ")), |name| format!("did you mean `{name}`?"));
    Err(format!("unknown key `{key}`; {hint}"))
}
