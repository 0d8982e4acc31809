//! `tpl_split`.

use super::NOT_A_LIST;
use crate::prelude::*;
use crate::read;

/// Takes a list apart: its first item, the rest, and its length.
///
/// `head` is sent as kind Object whatever the item is, and not at all for an empty list. A list may also come as the JSON payload
/// of an Object, Any or Optional message.
///
/// # Errors
///
/// Anything but a list is the Error `Expected Array on input port`.
#[derive(Component)]
#[component(id = "tpl_split", title = "Split", category = "flow")]
#[inport(input: List, required, "The list.")]
#[outport(head: Any, "The first item.")]
#[outport(tail: List, "The other items.")]
#[outport(count: Integer, "How many items there are.")]
#[outport(error: ErrorText, "Why there is no result.")]
#[example(
    steps = r#"[{"input": [{"x": 1}, 2, 3]}]"#,
    outputs = r#"[{"head": [{"x": 1}], "tail": [[2, 3]], "count": [3]}]"#
)]
pub(super) struct Split;

impl Actor for Split {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let Some(items) = read::list(&message) else { return tick.report(Self::OUT_ERROR, NOT_A_LIST) };
        if let Some(head) = items.first() {
            tick.emit(Self::OUT_HEAD, Message::Object(head.clone()));
        }
        tick.emit(Self::OUT_TAIL, Message::Array(items.get(1..).unwrap_or_default().into()));
        tick.emit(Self::OUT_COUNT, items.len() as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn scalars_are_objects_and_nothing_has_no_head() {
        let outputs = run::<Split>(json!({}), [json!({"input": ["only"]}), json!({"input": []}), json!({"input": 5})]);
        assert_eq!(outputs[0], json!({"head": [{"type": "Object", "data": "only"}], "tail": [[]], "count": [1]}));
        assert_eq!(outputs[1], json!({"tail": [[]], "count": [0]}));
        assert_eq!(outputs[2], json!({"error": [{"type": "Error", "data": NOT_A_LIST}]}));
    }
}
