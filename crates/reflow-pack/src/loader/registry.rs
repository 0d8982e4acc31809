//! Where a pack registers while its entry point runs.

use std::mem::offset_of;

use reflow_pack_sdk::abi::{
    REFLOW_FAILED, REFLOW_OK, ReflowCommand, ReflowComponent, ReflowPackInfo, ReflowRegistry, ReflowSource,
    ReflowStatus, ReflowStr,
};

use super::Registered;
use super::component::PackComponent;
use super::foreign::{self, guard, sized};
use super::source::{PackCommand, PackSource};

/// What a pack has said so far.
#[derive(Default)]
pub(super) struct Registry {
    identity: Option<(String, String)>,
    components: Vec<PackComponent>,
    sources: Vec<PackSource>,
    commands: Vec<PackCommand>,
    problem: Option<String>,
}

impl Registry {
    /// Everything that was registered; a text when it cannot be used.
    pub(super) fn finish(self, succeeded: bool) -> Result<Registered, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if !succeeded {
            return Err("its entry point failed and did not say why".into());
        }
        let (name, version) = self.identity.ok_or("its entry point did not say who it is (`registry_identify`)")?;
        if self.components.is_empty() && self.sources.is_empty() {
            return Err("it has no templates".into());
        }
        let Self { components, sources, commands, .. } = self;
        Ok(Registered { name, version, components, sources, commands })
    }

    /// Keeps the first problem.
    fn refuse(&mut self, problem: impl Into<String>) -> ReflowStatus {
        self.problem.get_or_insert_with(|| problem.into());
        REFLOW_FAILED
    }
}

/// # Safety
/// `registry` is null or what the entry point was given, which still runs.
unsafe fn with(registry: *mut ReflowRegistry, call: impl FnOnce(&mut Registry) -> ReflowStatus) -> ReflowStatus {
    // SAFETY: as this function demands.
    guard(REFLOW_FAILED, || unsafe { registry.cast::<Registry>().as_mut() }.map_or(REFLOW_FAILED, call))
}

pub(super) unsafe extern "C" fn identify(registry: *mut ReflowRegistry, info: *const ReflowPackInfo) -> ReflowStatus {
    // SAFETY: the ABI says that registry and info are valid for the call, and so are its texts.
    unsafe {
        with(registry, |registry| {
            let Some(info) = sized(info, offset_of!(ReflowPackInfo, version) + size_of::<ReflowStr>()) else {
                return registry.refuse("it identifies itself with less than any version of the ABI asks for");
            };
            let name = foreign::text(info.name).into_owned();
            if let Some(problem) = crate::names::problem_with_pack(&name) {
                return registry.refuse(problem);
            }
            registry.identity = Some((name, foreign::text(info.version).into_owned()));
            REFLOW_OK
        })
    }
}

pub(super) unsafe extern "C" fn add(registry: *mut ReflowRegistry, component: *const ReflowComponent) -> ReflowStatus {
    // SAFETY: the ABI says that registry and component are valid for the call.
    unsafe {
        with(registry, |registry| match PackComponent::new(component) {
            Err(problem) => registry.refuse(problem),
            Ok(new) if registry.components.iter().any(|known| known.id() == new.id()) => {
                registry.refuse(format!("it registers the template `{}` twice", new.id()))
            }
            Ok(new) => {
                registry.components.push(new);
                REFLOW_OK
            }
        })
    }
}

pub(super) unsafe extern "C" fn add_source(registry: *mut ReflowRegistry, source: *const ReflowSource) -> ReflowStatus {
    // SAFETY: the ABI says that registry and source are valid for the call.
    unsafe {
        with(registry, |registry| match PackSource::new(source) {
            Err(problem) => registry.refuse(problem),
            Ok(source) => {
                registry.sources.push(source);
                REFLOW_OK
            }
        })
    }
}

pub(super) unsafe extern "C" fn add_command(
    registry: *mut ReflowRegistry,
    command: *const ReflowCommand,
) -> ReflowStatus {
    // SAFETY: the ABI says that registry and command are valid for the call.
    unsafe {
        with(registry, |registry| match PackCommand::new(command) {
            Err(problem) => registry.refuse(problem),
            Ok(new) if registry.commands.iter().any(|known| known.name == new.name) => {
                registry.refuse(format!("it registers the command `{}` twice", new.name))
            }
            Ok(new) => {
                registry.commands.push(new);
                REFLOW_OK
            }
        })
    }
}

pub(super) unsafe extern "C" fn fail(registry: *mut ReflowRegistry, message: ReflowStr) {
    // SAFETY: the ABI says that registry and text are valid for the call.
    unsafe { with(registry, |registry| registry.refuse(foreign::text(message))) };
}
