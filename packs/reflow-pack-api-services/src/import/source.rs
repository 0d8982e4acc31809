//! Where documents come from: files and data, and the files beside them.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::limits::{MOST_BYTES, MOST_FILES, MOST_LEVELS, MOST_REFERENCES, is_too_deep};
use super::yaml;

/// A document, and the files that its references lead to.
pub(crate) struct Documents {
    /// The root first.
    documents: Vec<Document>,
    /// By the file that they lead from and what they say: the document that they lead to, or why not.
    links: HashMap<(usize, String), Result<usize, String>>,
}

struct Document {
    value: Value,
    file: Option<PathBuf>,
}

/// A place in a document.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    document: usize,
}

impl<'a> At<'a> {
    /// A value inside of this place.
    pub(super) fn to(self, value: &'a Value) -> Self {
        Self { value, document: self.document }
    }

    /// A member of the object that is here.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.to(value))
    }

    /// The text of a member.
    pub(super) fn text(self, key: &str) -> &'a str {
        self.value.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a member is true.
    pub(super) fn flag(self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The items of a list that is a member.
    pub(super) fn items(self, key: &str) -> impl Iterator<Item = Self> {
        self.value.get(key).and_then(Value::as_array).into_iter().flatten().map(move |item| self.to(item))
    }

    /// The members of an object that is a member.
    pub(super) fn members(self, key: &str) -> impl Iterator<Item = (&'a str, Self)> {
        let members = self.value.get(key).and_then(Value::as_object).into_iter().flatten();
        members.map(move |(key, value)| (key.as_str(), self.to(value)))
    }
}

/// Reads a file as JSON or YAML.
pub(crate) fn read_file(path: &Path) -> Result<Value, String> {
    let told = |problem: String| format!("{}: {problem}", path.display());
    let found = fs::metadata(path).map_err(|error| told(format!("cannot be read: {error}")))?;
    if !found.is_file() {
        return Err(told("is not a regular file".into()));
    }
    let too_large = || told(format!("has more than {MOST_BYTES} bytes, the most that is read"));
    if found.len() > MOST_BYTES {
        return Err(too_large());
    }
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(|error| told(format!("cannot be read: {error}")))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut text).map_err(|error| told(format!("cannot be read: {error}")))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(too_large());
    }
    let text = String::from_utf8(text).map_err(|_| told("is not UTF-8".into()))?;
    parse(text.trim_start_matches('\u{feff}')).map_err(told)
}

/// Reads a text as JSON, or as YAML if it does not begin like JSON.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let value = if text.trim_start().starts_with(['{', '[']) {
        match serde_json::from_str(text) {
            Ok(value) => value,
            // What begins with a brace may be YAML too; if it is neither, it is the JSON that somebody wants to hear about.
            Err(error) if error.to_string().contains("recursion") => {
                return Err(format!("has more than {MOST_LEVELS} levels"));
            }
            Err(error) => yaml::parse(text).map_err(|_| format!("is no JSON: {error}"))?,
        }
    } else {
        yaml::parse(text)?
    };
    if is_too_deep(&value) { Err(format!("has more than {MOST_LEVELS} levels")) } else { Ok(value) }
}

impl Documents {
    /// A document that is at hand. References to other files are refused.
    pub(crate) fn of(root: Value) -> Result<Self, String> {
        if is_too_deep(&root) {
            return Err(format!("the document has more than {MOST_LEVELS} levels"));
        }
        Ok(Self::with(root, None, None))
    }

    /// A file. References may lead to files in `folder`, if one is given.
    pub(crate) fn open(path: &Path, folder: Option<&Path>) -> Result<Self, String> {
        let root = read_file(path)?;
        let folder = folder.map(|folder| {
            folder.canonicalize().map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))
        });
        Ok(Self::with(root, path.canonicalize().ok(), folder.transpose()?))
    }

    fn with(root: Value, file: Option<PathBuf>, folder: Option<PathBuf>) -> Self {
        let mut this = Self { documents: vec![Document { value: root, file }], links: HashMap::new() };
        let mut next = 0;
        while next < this.documents.len() && next < MOST_FILES {
            for reference in outward(&this.documents[next].value) {
                let target = this.load(next, &reference, folder.as_deref());
                this.links.insert((next, reference), target);
            }
            next += 1;
        }
        this
    }

    /// The document that a reference to another file leads to.
    fn load(&mut self, from: usize, place: &str, folder: Option<&Path>) -> Result<usize, String> {
        let refused = || {
            format!("the reference `{place}` leads out of the document, which only files in an allowed folder may do")
        };
        let folder = folder.filter(|_| !place.contains("://")).ok_or_else(refused)?;
        let beside = self.documents[from].file.as_deref().and_then(Path::parent).unwrap_or(folder);
        let target = beside.join(decode(place)).canonicalize();
        let target = target.map_err(|error| format!("the reference `{place}` cannot be followed: {error}"))?;
        if !target.starts_with(folder) {
            return Err(refused());
        }
        if let Some(known) = self.documents.iter().position(|known| known.file.as_ref() == Some(&target)) {
            return Ok(known);
        }
        let value = read_file(&target)?;
        self.documents.push(Document { value, file: Some(target) });
        Ok(self.documents.len() - 1)
    }

    /// The whole document.
    pub(super) fn root(&self) -> At<'_> {
        At { value: &self.documents[0].value, document: 0 }
    }

    /// What is there, wherever references lead.
    pub(super) fn resolve<'a>(&'a self, mut at: At<'a>) -> Result<At<'a>, String> {
        for _ in 0..MOST_REFERENCES {
            let Some(reference) = at.value.get("$ref").and_then(Value::as_str) else { return Ok(at) };
            let (place, pointer) = reference.split_once('#').unwrap_or((reference, ""));
            let document = if place.is_empty() {
                at.document
            } else {
                let linked = self.links.get(&(at.document, place.to_string()));
                linked.cloned().unwrap_or_else(|| Err(format!("the reference `{reference}` is not followed")))?
            };
            let whole = &self.documents.get(document).ok_or("a document is missing")?.value;
            let value = whole.pointer(&decode(pointer));
            at = At { value: value.ok_or_else(|| format!("the reference `{reference}` leads to nothing"))?, document };
        }
        Err("its references lead in a circle".into())
    }
}

/// The files that references in a document name.
fn outward(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let place = reference.split('#').next().unwrap_or_default();
                    if !place.is_empty() && !found.iter().any(|known| known == place) {
                        found.push(place.to_string());
                    }
                }
                left.extend(members.values());
            }
            _ => {}
        }
    }
    found
}

/// A text without percent signs.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hexadecimal = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hexadecimal.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.into())
}
