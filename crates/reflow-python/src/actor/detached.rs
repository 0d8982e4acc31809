//! Attempts that run on another thread of the host, since their time is limited or they may take long.

use std::sync::Arc;

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use reflow_runtime::{Step, Tick};

use super::{Kind, PythonActor, copy_variables, loop_module};
use crate::context::{PyContext, Start};
use crate::executor;
use crate::exit;
use crate::failures::{failure_of, unresolved};
use crate::references;

impl PythonActor {
    /// Runs the attempt on another thread of the host; the node only waits for its completion.
    pub(super) fn run_detached(&mut self, py: Python<'_>, tick: &mut Tick<'_>) -> Step {
        let (node, attempt) = tick.parts();
        let names = self.names(py, node);
        let context = match Bound::new(py, PyContext::new(node.clone(), names)) {
            Ok(context) => context,
            Err(error) => return Step::Failed(failure_of(py, error)),
        };
        let limit = node.policy().and_then(|policy| policy.timeout_ms).map(Duration::from_millis);
        let deadline = limit.and_then(|limit| node.now().checked_add(limit));
        // The node keeps the inputs, too, for the failure that may come.
        let mut own = attempt.of_inputs(attempt.inputs.clone());
        context.get().begin(py, &mut own, Start { inputs_dict: None, deadline, detached: true });
        let step = self.leave_open(py, &context, attempt);
        let (run, context) = (self.run.clone_ref(py), context.unbind());
        // This is the node's turn, so they are the node's variables.
        self.executor.host(copy_variables(py).ok(), Arc::default()).spawn(Box::pin(async move {
            exit::attach(|py| {
                let context = context.bind(py);
                // One that was given up while it waited for a thread never begins.
                if context.get().is_abandoned(py) {
                    context.get().unwound(py);
                } else {
                    detached_call(py, run.bind(py), context);
                }
            });
        }));
        step
    }
}

/// Runs a whole attempt on this thread; its answer is a completion.
fn detached_call(py: Python<'_>, run: &Bound<'_, PyAny>, context: &Bound<'_, PyContext>) {
    executor::beat(context.get().run_number());
    let called = PyTuple::new(py, [context]).and_then(|arguments| run.call(arguments, None));
    let followed = called.and_then(|value| {
        if value.is_instance_of::<PyDict>() {
            return Ok(Some(value));
        }
        match Kind::of(py, &value)? {
            Kind::Generator => {
                if context.get().inputs_copy(py).is_empty() {
                    // A source that has yielded everything has nothing more to say.
                    context.get().finish_node(py);
                }
                for outputs in value.try_iter()? {
                    let outputs = outputs?;
                    if !outputs.is_none() {
                        context.get().send_yielded(&outputs)?;
                    }
                }
                Ok(Some(PyDict::new(py).into_any()))
            }
            Kind::Awaitable(kind) => {
                // It did not look async from outside.
                let cancel = loop_module(py)?.call_method1("start_alone", (kind, &value, context))?;
                context.get().set_task(py, cancel.unbind());
                Ok(None)
            }
            Kind::Other => Ok(Some(value)),
        }
    });
    // That goes on on the asyncio loop.
    let Some(returned) = followed.transpose() else { return };
    // What it has left is looked at outside of it: its node goes on with that.
    context.get().set_returning(py, true);
    context.get().unwound(py);
    let taken = returned.and_then(|value| {
        if value.is_instance_of::<PyDict>() {
            return context.get().done_with(&value);
        }
        let open = value.is_none() || references::count(context) > 1 || context.get().is_deferred(py);
        if open { Ok(()) } else { context.get().returned(&value) }
    });
    if let Err(error) = taken {
        context.get().fail_with(py, failure_of(py, error));
    }
    let held = references::count(context) > 1 || context.get().is_deferred(py);
    if !held && !context.get().is_resolved(py) {
        context.get().fail_with(py, unresolved());
    }
    context.get().set_returning(py, false);
}
