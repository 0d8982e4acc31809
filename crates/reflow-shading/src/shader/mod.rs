//! The family `shader`: surfaces as trees of nodes. Nodes nest those that come in; `tpl_shader_compiler` makes WGSL of them.

mod color;
mod compiler;
mod inputs;
mod math;
mod separate;
mod surface;
mod textures;

use std::borrow::Cow;

use reflow_component::Entry;
use reflow_component::declare::PortType;
use reflow_component::kind::PortKind;
use reflow_component::prelude::{Message, Nested, Value};
use reflow_component::table::{Constant, Language, Row, components as of_table};

pub(crate) fn components() -> Vec<Entry> {
    let tables = [inputs::TABLE, math::TABLE, color::TABLE, textures::TABLE, surface::TABLE];
    let others = [Entry::of::<compiler::Compiler>(), Entry::of::<separate::Separate>()];
    tables.into_iter().flat_map(of_table::<Shader>).chain(others).collect()
}

/// A node of the language: a value that a shader computes.
pub(crate) struct Shader;

impl PortKind for Shader {
    type Value = Nested;
    const AS_IS: bool = true;

    fn word() -> Cow<'static, str> {
        "shader".into()
    }

    fn text() -> Cow<'static, str> {
        "an Object with a node of the shader language".into()
    }

    fn made() -> Cow<'static, str> {
        "an Object with a node of the shader language".into()
    }

    fn port_type() -> PortType {
        PortType::object("Shader")
    }

    fn read(message: &Message) -> Option<Nested> {
        Nested::of(Self::NAME, message)
    }

    fn make(node: Nested) -> Message {
        node.into()
    }
}

impl Language for Shader {
    const NAME: &'static str = "shader";
    const CATEGORY: &'static str = "shader";
    const OUTPORT: (&'static str, &'static str) = ("shader", "The node.");
    const TRIGGER: &'static str = "_trigger";

    fn constant(value: f64) -> Value {
        Value::object([("type", Value::from("constFloat")), ("c", value.into())])
    }

    fn constants(values: [f64; 3]) -> Value {
        Value::object([("type", Value::from("constVec3")), ("c", Value::array(values))])
    }

    fn specimen() -> Value {
        Value::object([("type", "objectPosition")])
    }
}

const UV: Constant = Constant::Tag("texCoord");

const fn row(id: &'static str, title: &'static str, text: &'static str, tag: &'static str) -> Row {
    Row::new(id, title, text, tag)
}
