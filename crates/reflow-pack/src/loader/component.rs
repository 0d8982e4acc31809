//! Components of packs as the runtime sees them.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::sync::Arc;

use reflow_pack_sdk::abi::{
    REFLOW_ASYNC, REFLOW_BLOCKING, REFLOW_HEAVY, REFLOW_OK, REFLOW_SYNC, ReflowActor, ReflowActorTable,
    ReflowComponent, ReflowStr,
};
use reflow_runtime::{Component, ComponentSpec, Instance, Value};

use super::actor_async::AsyncActor;
use super::actor_blocking::BlockingActor;
use super::actor_sync::SyncActor;
use super::call::ForeignActor;
use super::foreign::{self, guard, sized};
use super::value;
use crate::descriptor::TemplateDescriptor;
use crate::schema;

type Create = unsafe extern "C" fn(
    *mut c_void,
    *const reflow_pack_sdk::abi::ReflowValue,
    *mut ReflowActor,
    *mut c_void,
) -> reflow_pack_sdk::abi::ReflowStatus;

/// A template of a loaded pack.
pub(crate) struct PackComponent {
    descriptor: TemplateDescriptor,
    spec: Arc<ComponentSpec>,
    context: *mut c_void,
    create: Create,
}

// SAFETY: the ABI says that `create` may be called from several threads at once with the context.
unsafe impl Send for PackComponent {}
// SAFETY: as above.
unsafe impl Sync for PackComponent {}

impl PackComponent {
    /// A component as a pack registers it; a text when it cannot be used.
    ///
    /// # Safety
    /// `component` is as the ABI says.
    pub(super) unsafe fn new(component: *const ReflowComponent) -> Result<Self, String> {
        // SAFETY: as this function demands; the descriptor is lent for the call.
        let (component, json) = unsafe {
            let component = sized(component, size_of::<ReflowComponent>())
                .ok_or("a component says that it is smaller than in any version of the ABI")?;
            (component, foreign::text(component.descriptor))
        };
        let descriptor: TemplateDescriptor =
            serde_json::from_str(&json).map_err(|error| format!("the descriptor {json:?} is not one: {error}"))?;
        if let Some(problem) = descriptor.problem() {
            return Err(problem);
        }
        let create = component.create.ok_or_else(|| format!("the template `{}` has no `create`", descriptor.id))?;
        let spec = Arc::new(descriptor.to_spec());
        Ok(Self { descriptor, spec, context: component.context, create })
    }

    pub(crate) fn id(&self) -> &str {
        &self.descriptor.id
    }

    pub(crate) fn descriptor(&self) -> &TemplateDescriptor {
        &self.descriptor
    }

    fn make(&self, config: &Value) -> Result<(ForeignActor, u32), String> {
        let mut actor = MaybeUninit::<ReflowActor>::zeroed();
        let mut error: Option<String> = None;
        // SAFETY: the ABI says how `create` is called; config, actor and error are lent for the call.
        let status =
            unsafe { (self.create)(self.context, value::lend(config), actor.as_mut_ptr(), (&raw mut error).cast()) };
        if status != REFLOW_OK {
            return Err(error.unwrap_or_else(|| "the component refused its config and did not say why".into()));
        }
        // SAFETY: zero is valid for it, and `create` has written it.
        let actor = unsafe { actor.assume_init() };
        // SAFETY: the ABI says that the table is alive and begins with its size.
        let table = unsafe { sized(actor.table, offset_of!(ReflowActorTable, on_signal)) };
        let table = table.ok_or("its actor has no table, or one that is smaller than in any version of the ABI")?;
        let style = table.style;
        if table.run.is_none() || (style == REFLOW_ASYNC && table.resume.is_none()) {
            return Err("its actor lacks `run`, or is async without `resume`".into());
        }
        // SAFETY: the data belongs to the table and is handed over.
        Ok((unsafe { ForeignActor::new(actor.data, table) }, style))
    }
}

pub(super) unsafe extern "C" fn create_fail(errors: *mut c_void, message: ReflowStr) {
    guard((), || {
        // SAFETY: the ABI says that `errors` is what `create` was given, and the text is valid for the call.
        unsafe {
            if let Some(error) = errors.cast::<Option<String>>().as_mut() {
                *error = Some(foreign::text(message).into_owned());
            }
        }
    });
}

impl Component for PackComponent {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        if let Some(problem) = schema::problems(&self.spec.config_schema, config).into_iter().next() {
            return Err(problem);
        }
        let (actor, style) = self.make(config)?;
        match style {
            REFLOW_SYNC => Ok(Instance::new(SyncActor::new(actor))),
            REFLOW_BLOCKING => Ok(Instance::new_async(BlockingActor::new(actor, false))),
            REFLOW_HEAVY => Ok(Instance::new_async(BlockingActor::new(actor, true))),
            REFLOW_ASYNC => Ok(Instance::new_async(AsyncActor::new(actor))),
            other => Err(format!("its actor has the style {other}, which this runtime does not know")),
        }
    }

    fn check_config(&self, config: &Value) -> Vec<String> {
        let problems = schema::problems(&self.spec.config_schema, config);
        if problems.is_empty() { self.make(config).err().into_iter().collect() } else { problems }
    }
}
