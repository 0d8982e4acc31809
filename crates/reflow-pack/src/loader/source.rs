//! Templates that a pack knows only at run time, and what it does for programs.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::sync::Arc;

use reflow_pack_sdk::abi::{
    REFLOW_OK, ReflowCommand, ReflowComponent, ReflowMessage, ReflowSource, ReflowStatus, ReflowStr, ReflowValue,
};
use reflow_runtime::Value;

use super::component::PackComponent;
use super::foreign::{self, sized};
use super::{message, value};

type List = unsafe extern "C" fn(*mut c_void) -> *mut ReflowValue;
type Find = unsafe extern "C" fn(*mut c_void, ReflowStr, *mut ReflowComponent, *mut ReflowMessage) -> ReflowStatus;
type Call = unsafe extern "C" fn(*mut c_void, *const ReflowValue, *mut c_void) -> *mut ReflowValue;

/// Templates of a loaded pack that are asked for one by one.
pub(crate) struct PackSource {
    context: *mut c_void,
    list: List,
    find: Find,
}

// SAFETY: the ABI says that the functions may be called from several threads at once.
unsafe impl Send for PackSource {}
// SAFETY: as above.
unsafe impl Sync for PackSource {}

impl PackSource {
    /// A source as a pack registers it; a text when it cannot be used.
    ///
    /// # Safety
    /// `source` is as the ABI says.
    pub(super) unsafe fn new(source: *const ReflowSource) -> Result<Self, String> {
        let shortest = offset_of!(ReflowSource, find) + size_of::<Option<Find>>();
        // SAFETY: as this function demands.
        let source = unsafe { sized(source, shortest) };
        let source = source.ok_or("a source says that it is smaller than in any version of the ABI")?;
        let (Some(list), Some(find)) = (source.list, source.find) else {
            return Err("a source has no `list` or no `find`".into());
        };
        Ok(Self { context: source.context, list, find })
    }

    /// The ids that it has now.
    pub(crate) fn ids(&self) -> Vec<String> {
        // SAFETY: the ABI says how it is called, and that the answer is owned.
        let ids = unsafe { value::receive((self.list)(self.context)) }.unwrap_or_default();
        ids.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
    }

    /// The template with this id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<PackComponent>> {
        let mut component = MaybeUninit::<ReflowComponent>::zeroed();
        let mut descriptor = message::FLOW;
        // SAFETY: the ABI says how it is called; id, component and descriptor are lent for the call.
        let status =
            unsafe { (self.find)(self.context, foreign::lend(id), component.as_mut_ptr(), &raw mut descriptor) };
        if status != REFLOW_OK {
            return None;
        }
        // SAFETY: zero is valid for it, and `find` has filled it; the descriptor is handed over.
        let made = unsafe {
            let descriptor = message::receive(descriptor);
            PackComponent::found(component.as_ptr(), descriptor.as_text().unwrap_or_default())
        };
        made.ok().filter(|component| component.id() == id).map(Arc::new)
    }
}

/// Something that a loaded pack does for programs.
#[derive(Clone)]
pub(crate) struct PackCommand {
    pub(crate) name: String,
    context: *mut c_void,
    call: Call,
}

// SAFETY: the ABI says that it may be called from several threads at once.
unsafe impl Send for PackCommand {}
// SAFETY: as above.
unsafe impl Sync for PackCommand {}

impl PackCommand {
    /// A command as a pack registers it; a text when it cannot be used.
    ///
    /// # Safety
    /// `command` is as the ABI says.
    pub(super) unsafe fn new(command: *const ReflowCommand) -> Result<Self, String> {
        let shortest = offset_of!(ReflowCommand, call) + size_of::<Option<Call>>();
        // SAFETY: as this function demands; the name is lent for the call.
        let (command, name) = unsafe {
            let command =
                sized(command, shortest).ok_or("a command says that it is smaller than in any version of the ABI")?;
            (command, foreign::text(command.name).into_owned())
        };
        let call = command.call.ok_or_else(|| format!("the command `{name}` has no `call`"))?;
        Ok(Self { name, context: command.context, call })
    }

    /// Calls it.
    pub(crate) fn call(&self, arguments: &Value) -> Result<Value, String> {
        let mut error: Option<String> = None;
        // SAFETY: the ABI says how it is called; arguments and error are lent for the call, and the answer is owned.
        let answer =
            unsafe { value::receive((self.call)(self.context, value::lend(arguments), (&raw mut error).cast())) };
        answer.ok_or_else(|| error.unwrap_or_else(|| "it failed and did not say why".into()))
    }
}
