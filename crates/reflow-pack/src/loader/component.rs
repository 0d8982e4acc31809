//! Components of packs as the runtime sees them.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::sync::Arc;

use reflow_pack_sdk::abi::{
    REFLOW_ASYNC, REFLOW_BLOCKING, REFLOW_HEAVY, REFLOW_OK, REFLOW_SYNC, ReflowActor, ReflowActorTable,
    ReflowComponent, ReflowStr, ReflowValue,
};
use reflow_runtime::{Component, ComponentSpec, Firing, Instance, Value};

use super::actor_async::AsyncActor;
use super::actor_blocking::BlockingActor;
use super::actor_sync::SyncActor;
use super::call::ForeignActor;
use super::foreign::{self, guard, sized};
use super::secret::Secrets;
use super::value;
use crate::descriptor::{FiringDescriptor, TemplateDescriptor};
use crate::schema;

/// The most ticks of one node that run at once.
const MOST_AT_ONCE: usize = 1_000;

type Create = unsafe extern "C" fn(
    *mut c_void,
    *const ReflowValue,
    *mut ReflowActor,
    *mut c_void,
) -> reflow_pack_sdk::abi::ReflowStatus;

type Adapt = unsafe extern "C" fn(*mut c_void, *const ReflowValue, *const ReflowValue) -> *mut ReflowValue;

/// A template of a loaded pack.
pub(crate) struct PackComponent {
    descriptor: TemplateDescriptor,
    spec: Arc<ComponentSpec>,
    create: Create,
    adapt: Option<Adapt>,
    context: Context,
}

/// What a pack wants its functions to be called with, given back when the component is not needed any more.
struct Context {
    context: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the ABI says that it is called once, at the end.
            unsafe { release(self.context) };
        }
    }
}

/// A component as this version of the ABI knows it.
///
/// # Safety
/// `component` is as the ABI says.
unsafe fn read(component: *const ReflowComponent) -> Result<ReflowComponent, &'static str> {
    // SAFETY: as this function demands.
    unsafe { sized(component, offset_of!(ReflowComponent, adapt)) }
        .ok_or("a component says that it is smaller than in any version of the ABI")
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
        unsafe {
            let known = read(component)?;
            let descriptor = foreign::text(known.descriptor).into_owned();
            // What registers stays for as long as the process.
            Self::of(&ReflowComponent { release: None, ..known }, &descriptor)
        }
    }

    /// A component that a source has found, which is handed over.
    ///
    /// # Safety
    /// `component` is as the ABI says.
    pub(super) unsafe fn found(component: *const ReflowComponent, descriptor: &str) -> Result<Self, String> {
        // SAFETY: as this function demands.
        unsafe { Self::of(&read(component)?, descriptor) }
    }

    /// # Safety
    /// `component` is as the ABI says.
    unsafe fn of(component: &ReflowComponent, json: &str) -> Result<Self, String> {
        let handed_over = Context { context: component.context, release: component.release };
        let descriptor: TemplateDescriptor =
            serde_json::from_str(json).map_err(|error| format!("the descriptor {json:?} is not one: {error}"))?;
        if let Some(problem) = descriptor.problem() {
            return Err(problem);
        }
        let create = component.create.ok_or_else(|| format!("the template `{}` has no `create`", descriptor.id))?;
        let spec = Arc::new(descriptor.to_spec());
        Ok(Self { descriptor, spec, create, adapt: component.adapt, context: handed_over })
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
        let status = unsafe {
            (self.create)(self.context.context, value::lend(config), actor.as_mut_ptr(), (&raw mut error).cast())
        };
        let secrets = self.secrets(config);
        if status != REFLOW_OK {
            let error = error.map(|error| secrets.mask(error).into_owned());
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
        Ok((unsafe { ForeignActor::new(actor.data, table, secrets) }, style))
    }

    /// What must not be told of a node with this config.
    fn secrets(&self, config: &Value) -> Secrets {
        Secrets::new(schema::secrets(&self.spec.config_schema, config))
    }

    /// What is wrong with a config as its schema says.
    fn problems(&self, config: &Value) -> Vec<String> {
        let problems = schema::problems(&self.spec.config_schema, config);
        if problems.is_empty() {
            return problems;
        }
        let secrets = self.secrets(config);
        problems.into_iter().map(|problem| secrets.mask(problem).into_owned()).collect()
    }

    /// What the pack says about a node with this config and these connections, by key.
    fn adapted(&self, config: &Value, connected: &[&str], key: &str) -> Option<Value> {
        let adapt = self.adapt?;
        let connected = Value::array(connected.iter().copied());
        // SAFETY: the ABI says how it is called; both values are lent for the call, and the answer is owned.
        let adapted =
            unsafe { value::receive(adapt(self.context.context, value::lend(config), value::lend(&connected))) }?;
        adapted.get(key).cloned()
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
        if let Some(problem) = self.problems(config).into_iter().next() {
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

    fn firing(&self, config: &Value, connected: &[&str]) -> Firing {
        let said = self.adapted(config, connected, "firing");
        let rule =
            said.and_then(|rule| serde_json::from_value::<FiringDescriptor>(serde_json::Value::from(&rule)).ok());
        rule.map_or_else(|| self.spec.firing.clone(), |rule| rule.0)
    }

    fn concurrency(&self, config: &Value, connected: &[&str]) -> usize {
        let said = self.adapted(config, connected, "concurrency").and_then(|said| said.as_integer());
        said.and_then(|said| usize::try_from(said).ok()).unwrap_or(1).clamp(1, MOST_AT_ONCE)
    }

    fn open_ports(&self) -> bool {
        self.descriptor.open_ports
    }

    fn check_config(&self, config: &Value) -> Vec<String> {
        let problems = self.problems(config);
        if problems.is_empty() { self.make(config).err().into_iter().collect() } else { problems }
    }
}
