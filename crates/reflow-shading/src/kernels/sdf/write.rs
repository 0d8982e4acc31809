//! Writing a tree in its JSON form.

use reflow_message::Value;

use super::tree::{Material, Node, Operation, Primitive, Settings, Transform, Tree};

impl Tree {
    /// The field in normal form: numbers are rounded to `f32`, every default is there.
    pub fn to_value(&self) -> Value {
        let mut values: Vec<Value> = Vec::with_capacity(self.len());
        for (_, node) in self.nodes() {
            let value = match node {
                Node::Primitive { primitive, material } => {
                    let (word, fields) = primitive.write();
                    let material = material.as_ref().map_or(Value::Null, Material::to_value);
                    tagged("primitive", Some((Primitive::TAG, word)), fields, [("material", material)])
                }
                Node::Operation { operation, left, right } => {
                    let (word, fields) = operation.write();
                    let sides = [("left", *left), ("right", *right)].map(|(key, id)| (key, values[id.index()].clone()));
                    tagged("operation", Some((Operation::TAG, word)), fields, sides)
                }
                Node::Transform { transform, child } => {
                    let (word, fields) = transform.write();
                    let child = [("child", values[child.index()].clone())];
                    tagged("transform", Some((Transform::TAG, word)), fields, child)
                }
                Node::Material { material, child } => {
                    let members = [("material", material.to_value()), ("child", values[child.index()].clone())];
                    tagged("material", None, Vec::new(), members)
                }
                Node::Reference { name } => tagged("ref", None, Vec::new(), [("name", name.as_str().into())]),
                Node::Scene { root, settings } => {
                    let members = [("root", values[root.index()].clone()), ("settings", settings.to_value())];
                    tagged("scene", None, Vec::new(), members)
                }
            };
            values.push(value);
        }
        values.pop().unwrap_or_default()
    }
}

impl Settings {
    /// The settings in normal form.
    pub fn to_value(&self) -> Value {
        Value::object(self.write())
    }
}

impl Material {
    fn to_value(&self) -> Value {
        Value::object(self.write().into_iter().filter(|(key, value)| *key != "slot" || !value.is_null()))
    }
}

fn tagged<const N: usize>(
    kind: &'static str,
    variant: Option<(&'static str, &'static str)>,
    fields: Vec<(&'static str, Value)>,
    members: [(&'static str, Value); N],
) -> Value {
    let variant = variant.map(|(tag, word)| (tag, Value::from(word)));
    Value::object([("type", kind.into())].into_iter().chain(variant).chain(fields).chain(members))
}
