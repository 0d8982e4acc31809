//! Running a step of a stream component where it belongs, its panics contained.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use reflow_runtime::NodeHandle;

use super::LONG_FRAME;

/// Runs `work`, on the compute pool when it has that many bytes before it.
pub(super) async fn step<T: Send + 'static>(
    node: &NodeHandle,
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    if bytes >= LONG_FRAME {
        return node.compute(work).await.map_err(|failure| failure.message.to_string());
    }
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| panic_text(&*payload))
}

/// What a caught panic says.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    format!("the component panicked: {}", text.unwrap_or("a panic without a text"))
}
