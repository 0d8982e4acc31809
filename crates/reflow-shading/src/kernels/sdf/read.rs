//! Reading a tree from its JSON form: a wrong or missing field makes the whole tree invalid, and the error says where.

use reflow_message::{Branch, Nested, Object, Value};

use super::super::trail::{Place, Trail};
use super::fields::Field;
use super::tree::{Material, Node, NodeId, Operation, Primitive, Settings, Transform, Tree};

/// Why a value is no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ReadError {
    /// The way to the wrong place, `root.left.child` for example.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// What is wrong with a node, in itself or in one of its records.
pub(crate) struct Problem {
    within: &'static str,
    text: String,
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self { within: "", text }
    }
}

/// The members of one node or record.
pub(crate) struct Members<'a> {
    own: &'a Object,
    branch: Branch<'a>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(branch: Branch<'a>) -> Result<Self, Problem> {
        match branch.own() {
            Some(own) => Ok(Self { own, branch }),
            None => Err(format!("expected an object, found {}", branch.kind()).into()),
        }
    }

    /// A node in this one.
    fn node(&self, key: &str) -> Result<Branch<'a>, Problem> {
        self.branch.get(key).ok_or_else(|| format!("missing field `{key}`").into())
    }

    fn member(&self, key: &str) -> Result<&'a Value, Problem> {
        self.own.get(key).ok_or_else(|| format!("missing field `{key}`").into())
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str, Problem> {
        let value = self.member(key)?;
        value.as_str().ok_or_else(|| format!("`{key}`: expected a text, found {}", value.kind()).into())
    }

    pub(crate) fn field<F: Field>(&self, key: &str) -> Result<F, Problem> {
        F::read(self.member(key)?).ok_or_else(|| format!("`{key}`: expected {}", F::EXPECTED).into())
    }

    pub(crate) fn field_or<F: Field>(&self, key: &str, default: F) -> Result<F, Problem> {
        if self.own.contains_key(key) { self.field(key) } else { Ok(default) }
    }

    /// A record of its own, `material` or `settings`.
    fn record<R>(&self, key: &'static str, read: fn(&Members<'_>) -> Result<R, Problem>) -> Result<R, Problem> {
        let within = |problem: Problem| Problem { within: key, ..problem };
        let members = Members::new(self.member(key)?.into()).map_err(within)?;
        read(&members).map_err(within)
    }
}

pub(crate) fn unknown(key: &str, found: &str, known: &[&str]) -> Problem {
    let found: String = found.chars().take(40).collect();
    format!("unknown {key} `{found}`; there are {}", known.join(", ")).into()
}

/// What is left to do, as a stack: nodes to read, and nodes whose children were read.
enum Work<'a> {
    Read(Branch<'a>, Place),
    Close(Unfinished),
}

enum Unfinished {
    Operation(Operation),
    Transform(Transform),
    Material(Material),
    Scene(Box<Settings>),
}

/// The largest field, in bytes written out: about a hundred thousand nodes. Parts may be shared, so that a short value is a
/// field without end.
const LARGEST: u64 = 32 << 20;

impl Tree {
    /// Reads a field from its JSON form.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where; there are no partial trees.
    pub fn read(value: &Value) -> Result<Self, ReadError> {
        Self::read_branch(value.into())
    }

    /// Reads a field that may be deeper than JSON.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where; there are no partial trees.
    pub fn read_nested(nested: &Nested) -> Result<Self, ReadError> {
        Self::read_branch(nested.into())
    }

    fn read_branch(root: Branch<'_>) -> Result<Self, ReadError> {
        let mut trail = Trail::new();
        if root.bytes() > LARGEST {
            let problem = format!("{} bytes are too large for a field, there may be {LARGEST}", root.bytes());
            return Err(ReadError { path: trail.text(Trail::ROOT), problem });
        }
        let mut tree = Self::default();
        let mut done: Vec<NodeId> = Vec::new();
        let mut work = vec![Work::Read(root, Trail::ROOT)];
        while let Some(next) = work.pop() {
            match next {
                Work::Read(node, place) => {
                    tree.open(node, place, &mut trail, &mut done, &mut work).map_err(|problem| {
                        let dot = if problem.within.is_empty() { "" } else { "." };
                        let path = format!("{}{dot}{}", trail.text(place), problem.within);
                        ReadError { path, problem: problem.text }
                    })?;
                }
                Work::Close(node) => {
                    let node = close(node, &mut done);
                    done.push(tree.push(node));
                }
            }
        }
        Ok(tree)
    }

    fn open<'a>(
        &mut self,
        node: Branch<'a>,
        place: Place,
        trail: &mut Trail,
        done: &mut Vec<NodeId>,
        work: &mut Vec<Work<'a>>,
    ) -> Result<(), Problem> {
        const KINDS: [&str; 6] = ["primitive", "operation", "transform", "material", "ref", "scene"];
        let members = Members::new(node)?;
        let mut child = |key: &'static str| -> Result<Work<'a>, Problem> {
            Ok(Work::Read(members.node(key)?, trail.step(place, key)))
        };
        match members.text("type")? {
            "primitive" => {
                let has_material = members.own.get("material").is_some_and(|material| !material.is_null());
                let material = if has_material { Some(members.record("material", Material::read)?) } else { None };
                let primitive = Primitive::read(&members)?;
                if let Some(problem) = primitive.problem() {
                    return Err(problem.into());
                }
                done.push(self.push(Node::Primitive { primitive, material }));
            }
            "operation" => {
                work.push(Work::Close(Unfinished::Operation(Operation::read(&members)?)));
                let (left, right) = (child("left")?, child("right")?);
                work.extend([right, left]);
            }
            "transform" => {
                work.push(Work::Close(Unfinished::Transform(Transform::read(&members)?)));
                work.push(child("child")?);
            }
            "material" => {
                work.push(Work::Close(Unfinished::Material(members.record("material", Material::read)?)));
                work.push(child("child")?);
            }
            "ref" => done.push(self.push(Node::Reference { name: members.field("name")? })),
            "scene" => {
                let settings = members.record("settings", Settings::read)?;
                work.push(Work::Close(Unfinished::Scene(Box::new(settings))));
                work.push(child("root")?);
            }
            other => return Err(unknown("type", other, &KINDS)),
        }
        Ok(())
    }
}

/// Puts a node together whose children were read.
fn close(node: Unfinished, done: &mut Vec<NodeId>) -> Node {
    // The children of a node were read, and so pushed, before it is closed.
    let mut child = || done.pop().unwrap_or(NodeId(0));
    match node {
        Unfinished::Operation(operation) => {
            let (right, left) = (child(), child());
            Node::Operation { operation, left, right }
        }
        Unfinished::Transform(transform) => Node::Transform { transform, child: child() },
        Unfinished::Material(material) => Node::Material { material, child: child() },
        Unfinished::Scene(settings) => Node::Scene { root: child(), settings },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Result<Tree, ReadError> {
        Tree::read(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn what_is_read_is_written_in_normal_form() {
        let text = r#"{"type":"operation","op":"smoothUnion","k":1,"left":{"type":"primitive","primitive":"sphere","radius":0.1,"x":5},
            "right":{"type":"transform","transform":"repeat","spacing":[1,2,3],"count":[1,0,2],"child":
            {"type":"material","material":{"slot":"a"},"child":{"type":"primitive","primitive":"puddle","radius":1,"height":1,
            "noise_freq":1,"noise_amp":1,"material":null}}}}"#;
        let written = tree(text).unwrap().to_value();
        assert_eq!(
            written.to_json_string(),
            concat!(
                r#"{"k":1.0,"left":{"material":null,"primitive":"sphere","radius":0.10000000149011612,"type":"primitive"},"#,
                r#""op":"smoothUnion","right":{"child":{"child":{"bevel":0.07999999821186066,"height":1.0,"material":null,"#,
                r#""meniscus":0.009999999776482582,"noise_amp":1.0,"noise_freq":1.0,"primitive":"puddle","radius":1.0,"#,
                r#""type":"primitive"},"material":{"color":[0.800000011920929,0.800000011920929,0.800000011920929],"#,
                r#""emission":[0.0,0.0,0.0],"ior":1.5,"metallic":0.0,"roughness":0.5,"slot":"a"},"type":"material"},"#,
                r#""count":[1,0,2],"spacing":[1.0,2.0,3.0],"transform":"repeat","type":"transform"},"type":"operation"}"#
            )
        );
        assert_eq!(Tree::read(&written).unwrap().to_value(), written);
        assert_eq!(tree(text).unwrap().slots(), ["a"]);
    }

    #[test]
    fn errors_say_where_and_what() {
        let cases = [
            ("5", "root: expected an object, found number"),
            ("{}", "root: missing field `type`"),
            (r#"{"type":"cube"}"#, "root: unknown type `cube`; there are primitive, operation"),
            (r#"{"type":"primitive","primitive":"sphere"}"#, "root: missing field `radius`"),
            (
                r#"{"type":"primitive","primitive":"box","size":[1,2]}"#,
                "root: `size`: expected a list of 3 finite numbers of 32 bits",
            ),
            (
                r#"{"type":"transform","transform":"round","radius":1,"child":{"type":"primitive","primitive":"sphere","radius":"1"}}"#,
                "root.child: `radius`: expected a finite number of 32 bits",
            ),
            (
                r#"{"type":"transform","transform":"repeat","spacing":[1,1,1],"count":[1.0,1,1],"child":{}}"#,
                "root: `count`: expected a list of 3 whole numbers",
            ),
        ];
        for (text, expected) in cases {
            let error = tree(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
