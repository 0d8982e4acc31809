//! Staggered starts: how much later each of several tracks begins.

use reflow_message::Value;

use crate::kernels::easing::ease;
use crate::values::{number_or, text_or};

/// How much later each of some tracks begins, in seconds. They come in the order of their names; `arrival` says when each came.
pub(super) fn offsets(stagger: &Value, arrival: &[usize]) -> Vec<f64> {
    let count = arrival.len();
    if let Some(step) = stagger.as_number() {
        return (0..count).map(|index| index as f64 * step).collect();
    }
    let delay = number_or(stagger, "delay", 0.0);
    if delay == 0.0 || !delay.is_finite() {
        return vec![0.0; count];
    }
    let last = count.saturating_sub(1).max(1) as f64;
    let (order, from) = (text_or(stagger, "order", "index"), text_or(stagger, "from", "start"));
    let easing = text_or(stagger, "easing", "linear");
    let offset = |index: usize| {
        let rank = match order {
            "index" => arrival.iter().filter(|other| **other < arrival[index]).count(),
            "reverse" => count - 1 - index,
            _ => index,
        };
        let x = rank as f64 / last;
        // From the middle or both ends, half as many steps lead to the last.
        let (part, span) = match from {
            "end" => (1.0 - x, last),
            "center" => ((x - 0.5).abs() * 2.0, last / 2.0),
            "edges" => (1.0 - (x - 0.5).abs() * 2.0, last / 2.0),
            _ => (x, last),
        };
        ease(easing, part) * delay * span
    };
    (0..count).map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, arrival: &[usize]) -> Vec<f64> {
        offsets(&Value::from_json(json).unwrap(), arrival)
    }

    #[test]
    fn tracks_begin_one_after_another() {
        assert_eq!(of("0.5", &[2, 0, 1]), [0.0, 0.5, 1.0]);
        assert_eq!(of(r#"{"delay": 1}"#, &[2, 0, 1]), [2.0, 0.0, 1.0]);
        assert_eq!(of(r#"{"delay": 1, "order": "name"}"#, &[2, 0, 1]), [0.0, 1.0, 2.0]);
        assert_eq!(of(r#"{"delay": 1, "order": "reverse"}"#, &[2, 0, 1]), [2.0, 1.0, 0.0]);
        assert_eq!(of(r#"{"delay": 1, "from": "center", "order": "name"}"#, &[0, 1, 2]), [1.0, 0.0, 1.0]);
        assert_eq!(of("null", &[0, 1]), [0.0, 0.0]);
        assert_eq!(of(r#"{"delay": 1}"#, &[]), Vec::<f64>::new());
    }
}
