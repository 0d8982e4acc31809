//! The entry point of a pack.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::abi::{
    REFLOW_FAILED, REFLOW_INVALID, REFLOW_OK, REFLOW_PACK_ABI_VERSION, ReflowActor, ReflowCommand, ReflowComponent,
    ReflowHost, ReflowMessage, ReflowPackInfo, ReflowRegistry, ReflowSource, ReflowStatus, ReflowStr, ReflowValue,
};
use crate::component::{Component, TemplateSource};
use crate::failure::panic_text;
use crate::host::{self, borrowed, host, text};
use crate::message::Message;
use crate::value;
use reflow_message::Value;

/// Everything that a pack registers, for `export_pack!("acme.words", pack = Pack::new().…)`.
#[derive(Default)]
pub struct Pack {
    components: Vec<Box<dyn Component>>,
    sources: Vec<Box<dyn TemplateSource>>,
    commands: Vec<(String, Command)>,
}

type Command = Box<dyn Fn(&Value) -> Result<Value, String> + Send + Sync>;

impl Pack {
    /// A pack with nothing in it yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with more templates.
    #[must_use]
    pub fn with_components(mut self, components: impl IntoIterator<Item = Box<dyn Component>>) -> Self {
        self.components.extend(components);
        self
    }

    /// The same with templates that are known only at run time.
    #[must_use]
    pub fn with_source(mut self, source: impl TemplateSource) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// The same with something that programs may call, outside of any network. The error is a text for people.
    #[must_use]
    pub fn with_command(
        mut self,
        name: &str,
        command: impl Fn(&Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.commands.push((name.to_string(), Box::new(command)));
        self
    }
}

/// Makes the library a pack: defines its two exported functions.
///
/// `export_pack!("acme.words", all = [component::<Double>(), component::<Words>()])` takes any iterator of
/// `Box<dyn Component>`; [`component`](crate::declare::component) makes one of a declared struct. `export_pack!(DOUBLE, WORDS)`
/// names one [`Component`] value a template; the pack is called as its crate, or `export_pack!("acme.words": DOUBLE)` otherwise.
/// `export_pack!("acme.words", pack = Pack::new().…)` registers whatever a [`Pack`] can hold.
#[macro_export]
macro_rules! export_pack {
    (@pack $name:expr, $pack:expr) => {
        /// The ABI version that this pack was built for.
        #[unsafe(no_mangle)]
        pub extern "C" fn reflow_pack_abi_version() -> u32 {
            $crate::abi::REFLOW_PACK_ABI_VERSION
        }

        /// Registers the components of this pack.
        ///
        /// # Safety
        /// `host` and `registry` are what the runtime passes.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn reflow_pack_register(
            host: *const $crate::abi::ReflowHost,
            registry: *mut $crate::abi::ReflowRegistry,
        ) -> $crate::abi::ReflowStatus {
            // SAFETY: as this function demands.
            unsafe {
                $crate::register(host, registry, $name, env!("CARGO_PKG_VERSION"), || $pack)
            }
        }
    };
    ($name:literal, pack = $pack:expr) => {
        $crate::export_pack!(@pack $name, $pack);
    };
    ($name:literal, all = $components:expr) => {
        $crate::export_pack!(@pack $name, $crate::Pack::new().with_components($components));
    };
    ($name:literal : $($component:expr),+ $(,)?) => {
        $crate::export_pack!($name, all = [
            $(::std::boxed::Box::new($component) as ::std::boxed::Box<dyn $crate::Component>),+
        ]);
    };
    ($($component:expr),+ $(,)?) => {
        $crate::export_pack!(@pack env!("CARGO_PKG_NAME"), $crate::Pack::new().with_components([
            $(::std::boxed::Box::new($component) as ::std::boxed::Box<dyn $crate::Component>),+
        ]));
    };
}

/// What [`export_pack!`] calls.
///
/// # Safety
/// `host` and `registry` are what the runtime passed to the entry point.
#[doc(hidden)]
pub unsafe fn register(
    table: *const ReflowHost,
    registry: *mut ReflowRegistry,
    name: &str,
    version: &str,
    pack: impl FnOnce() -> Pack,
) -> ReflowStatus {
    if table.is_null() || registry.is_null() {
        return REFLOW_INVALID;
    }
    host::set(table);
    let info = ReflowPackInfo {
        size: size_of::<ReflowPackInfo>() as u32,
        abi_version: REFLOW_PACK_ABI_VERSION,
        name: text(name),
        version: text(version),
    };
    // SAFETY: the registry is alive; everything is borrowed for each call.
    unsafe {
        let status = (host().registry_identify)(registry, &raw const info);
        if status != REFLOW_OK {
            return status;
        }
        let added = catch_unwind(AssertUnwindSafe(|| {
            let Pack { components, sources, commands } = pack();
            let mut status = REFLOW_OK;
            let mut components = components.into_iter();
            while let (REFLOW_OK, Some(component)) = (status, components.next()) {
                status = add(registry, component);
            }
            let mut sources = sources.into_iter();
            while let (REFLOW_OK, Some(source)) = (status, sources.next()) {
                status = add_source(registry, source);
            }
            let mut commands = commands.into_iter();
            while let (REFLOW_OK, Some((name, command))) = (status, commands.next()) {
                status = add_command(registry, &name, command);
            }
            status
        }));
        added.unwrap_or_else(|payload| {
            let message = format!("the pack panicked while it registered: {}", panic_text(&*payload));
            (host().registry_fail)(registry, text(&message));
            REFLOW_FAILED
        })
    }
}

/// # Safety
/// `registry` is alive.
unsafe fn add(registry: *mut ReflowRegistry, component: Box<dyn Component>) -> ReflowStatus {
    let descriptor = component.spec().describe().to_json_string();
    // A pack stays loaded for as long as the process, and its components with it.
    let component = ReflowComponent { descriptor: text(&descriptor), release: None, ..raw(component) };
    // SAFETY: the registry is alive and the component borrowed for the call.
    unsafe { (host().registry_add)(registry, &raw const component) }
}

/// A component on the C side, with an empty descriptor; its context is the component, owned.
fn raw(component: Box<dyn Component>) -> ReflowComponent {
    ReflowComponent {
        size: size_of::<ReflowComponent>() as u32,
        reserved: 0,
        descriptor: text(""),
        context: Box::into_raw(Box::new(component)).cast(),
        create: Some(create),
        adapt: Some(adapt),
        release: Some(release),
    }
}

/// # Safety
/// `registry` is alive.
unsafe fn add_source(registry: *mut ReflowRegistry, source: Box<dyn TemplateSource>) -> ReflowStatus {
    let source = ReflowSource {
        size: size_of::<ReflowSource>() as u32,
        reserved: 0,
        context: Box::into_raw(Box::new(source)).cast(),
        list: Some(list),
        find: Some(find),
    };
    // SAFETY: the registry is alive and the source borrowed for the call.
    unsafe { (host().registry_add_source)(registry, &raw const source) }
}

/// # Safety
/// `registry` is alive.
unsafe fn add_command(registry: *mut ReflowRegistry, name: &str, command: Command) -> ReflowStatus {
    let command = ReflowCommand {
        size: size_of::<ReflowCommand>() as u32,
        reserved: 0,
        name: text(name),
        context: Box::into_raw(Box::new(command)).cast(),
        call: Some(call),
    };
    // SAFETY: the registry is alive and the command borrowed for the call.
    unsafe { (host().registry_add_command)(registry, &raw const command) }
}

unsafe extern "C" fn create(
    context: *mut c_void,
    config: *const ReflowValue,
    actor: *mut ReflowActor,
    errors: *mut c_void,
) -> ReflowStatus {
    // SAFETY: `context` is the component in `raw`, shared by all callers; `config` is lent for the call.
    let made = catch_unwind(AssertUnwindSafe(|| unsafe {
        let component = &*context.cast::<Box<dyn Component>>();
        component.instantiate(&value::from_raw(config))
    }));
    match caught(made, "the component") {
        Ok(instance) => {
            // SAFETY: the runtime lends room for the actor.
            unsafe { *actor = instance.into_raw() };
            REFLOW_OK
        }
        Err(message) => {
            // SAFETY: `errors` is what the runtime passed; the text is borrowed for the call.
            unsafe { (host().create_fail)(errors, text(&message)) };
            REFLOW_FAILED
        }
    }
}

/// What a call said, or the panic that it ended with.
fn caught<T>(made: std::thread::Result<Result<T, String>>, who: &str) -> Result<T, String> {
    made.unwrap_or_else(|payload| Err(format!("{who} panicked: {}", panic_text(&*payload))))
}

unsafe extern "C" fn adapt(
    context: *mut c_void,
    config: *const ReflowValue,
    connected: *const ReflowValue,
) -> *mut ReflowValue {
    // SAFETY: as in `create`.
    let adapted = catch_unwind(AssertUnwindSafe(|| unsafe {
        let component = &*context.cast::<Box<dyn Component>>();
        let connected = value::from_raw(connected);
        let connected: Vec<&str> = connected.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        value::to_owned_raw(&component.adapt(&value::from_raw(config), &connected).describe())
    }));
    adapted.unwrap_or(ptr::null_mut())
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: made by `raw`, and given back once.
    let component = unsafe { Box::from_raw(context.cast::<Box<dyn Component>>()) };
    // Nobody is left to be told about a panic.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(component)));
}

unsafe extern "C" fn list(context: *mut c_void) -> *mut ReflowValue {
    // SAFETY: `context` is the source in `add_source`, which is never given back.
    let ids = catch_unwind(AssertUnwindSafe(|| unsafe { (*context.cast::<Box<dyn TemplateSource>>()).ids() }));
    value::to_owned_raw(&Value::array(ids.unwrap_or_default()))
}

unsafe extern "C" fn find(
    context: *mut c_void,
    id: ReflowStr,
    component: *mut ReflowComponent,
    descriptor: *mut ReflowMessage,
) -> ReflowStatus {
    // SAFETY: as in `list`; the id is lent for the call.
    let found = catch_unwind(AssertUnwindSafe(|| unsafe {
        let source = &*context.cast::<Box<dyn TemplateSource>>();
        let found = source.find(borrowed(id).unwrap_or_default())?;
        let described = Message::string(found.spec().describe().to_json_string());
        Some((found, described))
    }));
    let Ok(Some((found, described))) = found else { return REFLOW_FAILED };
    // SAFETY: the runtime lends room for both.
    unsafe {
        component.write(raw(found));
        descriptor.write(described.into_raw());
    }
    REFLOW_OK
}

unsafe extern "C" fn call(
    context: *mut c_void,
    arguments: *const ReflowValue,
    errors: *mut c_void,
) -> *mut ReflowValue {
    // SAFETY: `context` is the command in `add_command`, which is never given back; the arguments are lent for the call.
    let done = catch_unwind(AssertUnwindSafe(|| unsafe {
        let command = &*context.cast::<Command>();
        command(&value::from_raw(arguments))
    }));
    match caught(done, "the pack") {
        Ok(value) => value::to_owned_raw(&value),
        Err(message) => {
            // SAFETY: `errors` is what the runtime passed; the text is borrowed for the call.
            unsafe { (host().create_fail)(errors, text(&message)) };
            ptr::null_mut()
        }
    }
}
