//! `tpl_loop`.

use std::sync::{Arc, LazyLock};

use crate::prelude::*;
use crate::read;

static KEYS: LazyLock<[Arc<str>; 2]> = LazyLock::new(|| ["index".into(), "value".into()]);

/// Sends the items of a list one by one, each with its index.
///
/// For every item of a list on `collection`, in order, an Object `{"value": item, "index": i}` leaves by `item`, i
/// counting from 0; after the last one, or at once when there is none, true leaves by `completed`. Anything but a
/// list on `collection`, and anything on `initial_value`, only sends true on `completed`. A list may also come as the
/// JSON payload of an Object, Any or Optional message. Where the next node is slower, the items wait for room.
#[derive(Component)]
#[component(id = "tpl_loop", title = "Loop", category = "flow")]
#[inport(collection: List, required, "The list.")]
#[inport(initial_value: Any, "Only answered with `completed`.")]
#[outport(item: JsonObject, "An item and its index.")]
#[outport(completed: Boolean, "True, after the last item.")]
#[example(
    steps = r#"[{"collection": ["a", "b"]}]"#,
    outputs = r#"[{"item": [{"index": 0, "value": "a"}, {"index": 1, "value": "b"}], "completed": [true]}]"#
)]
pub(super) struct Loop;

impl Actor for Loop {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(message) = tick.take(Self::IN_COLLECTION) {
            let [index, value] = &*KEYS;
            for (at, item) in (0_i64..).zip(read::list(&message).unwrap_or_default()) {
                let item = Value::object([(Arc::clone(index), at.into()), (Arc::clone(value), item.clone())]);
                tick.send(Self::OUT_ITEM, Message::Object(item));
            }
        }
        tick.send(Self::OUT_COMPLETED, true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_no_list_is_completed_at_once() {
        let done = json!({"completed": [true]});
        let steps = [json!({"collection": []}), json!({"collection": 3}), json!({"initial_value": 1})];
        assert_eq!(run::<Loop>(json!({}), steps), [done.clone(), done.clone(), done]);
    }

    #[test]
    fn lists_come_in_other_kinds_too() {
        let outputs = run::<Loop>(json!({}), [json!({"collection": {"type": "Any", "data": [null]}})]);
        assert_eq!(outputs, [json!({"item": [{"index": 0, "value": null}], "completed": [true]})]);
    }
}
