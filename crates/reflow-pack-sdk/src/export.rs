//! The entry point of a pack.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{
    REFLOW_FAILED, REFLOW_INVALID, REFLOW_OK, REFLOW_PACK_ABI_VERSION, ReflowActor, ReflowComponent, ReflowHost,
    ReflowPackInfo, ReflowRegistry, ReflowStatus, ReflowValue,
};
use crate::component::Component;
use crate::failure::panic_text;
use crate::host::{self, host, text};
use crate::value;

/// Makes the library a pack: defines its two exported functions.
///
/// `export_pack!("acme.words", all = [component::<Double>(), component::<Words>()])` takes any iterator of
/// `Box<dyn Component>`; [`component`](crate::declare::component) makes one of a declared struct. `export_pack!(DOUBLE, WORDS)`
/// names one [`Component`] value a template; the pack is called as its crate, or `export_pack!("acme.words": DOUBLE)` otherwise.
#[macro_export]
macro_rules! export_pack {
    (@pack $name:expr, $components:expr) => {
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
                $crate::register(host, registry, $name, env!("CARGO_PKG_VERSION"), || {
                    ::std::iter::IntoIterator::into_iter($components).collect()
                })
            }
        }
    };
    ($name:literal, all = $components:expr) => {
        $crate::export_pack!(@pack $name, $components);
    };
    ($name:literal : $($component:expr),+ $(,)?) => {
        $crate::export_pack!(@pack $name, [
            $(::std::boxed::Box::new($component) as ::std::boxed::Box<dyn $crate::Component>),+
        ]);
    };
    ($($component:expr),+ $(,)?) => {
        $crate::export_pack!(@pack env!("CARGO_PKG_NAME"), [
            $(::std::boxed::Box::new($component) as ::std::boxed::Box<dyn $crate::Component>),+
        ]);
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
    components: impl FnOnce() -> Vec<Box<dyn Component>>,
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
            for component in components() {
                let status = add(registry, component);
                if status != REFLOW_OK {
                    return status;
                }
            }
            REFLOW_OK
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
    let context: &'static mut Box<dyn Component> = Box::leak(Box::new(component));
    let component = ReflowComponent {
        size: size_of::<ReflowComponent>() as u32,
        reserved: 0,
        descriptor: text(&descriptor),
        context: std::ptr::from_mut(context).cast(),
        create: Some(create),
    };
    // SAFETY: the registry is alive and the component borrowed for the call.
    unsafe { (host().registry_add)(registry, &raw const component) }
}

unsafe extern "C" fn create(
    context: *mut c_void,
    config: *const ReflowValue,
    actor: *mut ReflowActor,
    errors: *mut c_void,
) -> ReflowStatus {
    // SAFETY: `context` is the component leaked in `add`, shared by all callers; `config` is lent for the call.
    let made = catch_unwind(AssertUnwindSafe(|| unsafe {
        let component = &*context.cast::<Box<dyn Component>>();
        component.instantiate(&value::from_raw(config))
    }));
    let message = match made {
        Ok(Ok(instance)) => {
            // SAFETY: the runtime lends room for the actor.
            unsafe { *actor = instance.into_raw() };
            return REFLOW_OK;
        }
        Ok(Err(message)) => message,
        Err(payload) => format!("the component panicked: {}", panic_text(&*payload)),
    };
    // SAFETY: `errors` is what the runtime passed; the text is borrowed for the call.
    unsafe { (host().create_fail)(errors, text(&message)) };
    REFLOW_FAILED
}
