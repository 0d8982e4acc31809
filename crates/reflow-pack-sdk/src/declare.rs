//! Declaring components: the kit that the bundled ones are made with too.
//!
//! ```
//! use reflow_pack_sdk::prelude::*;
//!
//! /// Repeats a text.
//! #[derive(Component)]
//! #[component(id = "acme_repeat", title = "Repeat", category = "text")]
//! #[inport(input: Text, required, "The text.")]
//! #[outport(output: Text, "The text, repeated.")]
//! struct Repeat {
//!     /// How often the text is repeated.
//!     #[config(default = 3, max = 1000)]
//!     times: u32,
//! }
//!
//! impl Actor for Repeat {
//!     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
//!         let text = tick.need(Self::IN_INPUT)?;
//!         tick.write(Self::OUT_OUTPUT, text.repeat(self.times as usize));
//!         Ok(())
//!     }
//! }
//!
//! reflow_pack_sdk::export_pack!("acme.text", all = [component::<Repeat>()]);
//! ```

use std::marker::PhantomData;

pub use reflow_component::declare::*;
pub use reflow_component_macros::{PackChoice as Choice, PackComponent as Component, PackConfigGroup as ConfigGroup};

pub use crate::actor::Instance;
use crate::actor::{Actor, AsyncActor};
use crate::component::{Adaptation, Component as Template, ComponentSpec, Documentation, PortSpec};

/// A declared struct that becomes the actor of a node. Derived, never written by hand.
pub trait Make: Declare {
    /// The actor of a node.
    fn into_instance(self) -> Instance;
}

/// The template of a declared component, for [`export_pack!`](crate::export_pack).
pub fn component<D: Make>() -> Box<dyn Template> {
    Box::new(Declared::<D>(PhantomData))
}

struct Declared<D>(PhantomData<fn() -> D>);

impl<D: Make> Template for Declared<D> {
    fn spec(&self) -> ComponentSpec {
        let declaration = D::declaration();
        ComponentSpec {
            id: declaration.id.into(),
            inports: declaration.inports.iter().map(port).collect(),
            outports: declaration.outports.iter().map(port).collect(),
            firing: declaration.firing.clone(),
            source: declaration.source,
            open_ports: declaration.open_ports,
            config_schema: config_schema(&declaration),
            documentation: Documentation {
                title: declaration.title.into(),
                category: declaration.category.into(),
                summary: declaration.summary(),
                text: declaration.body().into(),
            },
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        let mut config = Config::new(config);
        let made = D::configure(&mut config);
        let (problems, _) = config.finish();
        if problems.is_empty() { Ok(made.into_instance()) } else { Err(problems.join("; ")) }
    }

    fn adapt(&self, config: &Value, connected: &[&str]) -> Adaptation {
        let firing =
            D::declaration().per_node.then(|| D::configure(&mut Config::new(config)).firing_of_node(connected));
        Adaptation { firing, concurrency: None }
    }
}

fn port(port: &Port) -> PortSpec {
    PortSpec {
        name: port.name.into(),
        kind: port.kind.word.to_string(),
        port_type: port.kind.port_type.clone(),
        also: port.kind.also.clone(),
        summary: port.summary.into(),
        required: port.required,
        latest: port.latest,
    }
}

/// Makes a node of an actor that computes and never waits.
pub fn computes(actor: impl Actor) -> Instance {
    Instance::new(actor)
}

/// Makes a node of an actor that computes for long.
pub fn heavy(actor: impl Actor) -> Instance {
    Instance::new_heavy(actor)
}

/// Makes a node of an actor that may block its thread.
pub fn blocking(actor: impl Actor) -> Instance {
    Instance::new_blocking(actor)
}

/// Makes a node of an actor that may wait in the middle of a tick.
pub fn asynchronous(actor: impl AsyncActor) -> Instance {
    Instance::new_async(actor)
}
