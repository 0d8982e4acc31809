//! Who works on a run: processes, told apart and looked for.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The namespace of processes that a machine begins with.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// The name of this machine, and of the container on it: several may have one name, and none can look for processes of another.
pub(crate) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let machine = read("/proc/sys/kernel/hostname")
            .filter(|name| !name.is_empty())
            .or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
            .unwrap_or_else(|| "this machine".into());
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok();
        named(machine, namespace.as_ref().and_then(|namespace| namespace.to_str()))
    })
}

fn named(machine: String, namespace: Option<&str>) -> String {
    match namespace {
        None | Some(FIRST_NAMESPACE) => machine,
        Some(namespace) => format!("{machine} ({namespace})"),
    }
}

/// What tells a process from a later one of the same number: when it began, and the boot it is of. Empty where the system does
/// not say.
pub(crate) fn birth(pid: u32) -> String {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return String::new() };
    // The name in parentheses may hold anything.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<_> = after.split_whitespace().collect();
    // A process that has ended and was not waited for works on nothing.
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return String::new();
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{}-{}", boot.trim(), fields.get(19).unwrap_or(&""))
}

/// Whether processes can be looked for.
pub(crate) fn can_look() -> bool {
    std::path::Path::new("/proc/self/stat").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_one_name_are_told_apart() {
        let host = |namespace| named("app".into(), namespace);
        assert_eq!(host(Some(FIRST_NAMESPACE)), host(None));
        assert_ne!(host(Some("pid:[4026532198]")), host(None));
        assert_ne!(host(Some("pid:[4026532198]")), host(Some("pid:[4026532305]")));
    }
}
