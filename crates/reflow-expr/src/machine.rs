//! `Machine`: one evaluation of a compiled expression.

use std::sync::Arc;

use crate::ast::{Arrow, Binary, Element, Key, Kind, Logical, Node, Pattern, Property, Unary};
use crate::builtins;
use crate::convert;
use crate::datum::{Closure, Datum, Frame, Function, Items, Made, Members};
use crate::error::{Fault, Outcome};
use crate::limits::{Budget, CALL_DEPTH, MAX_CALLS, MAX_LEVELS};
use crate::operators;
use crate::scope::Scope;
use indexmap::IndexMap;

/// Parameters in reach of a node.
type Locals<'a> = Option<&'a Arc<Frame>>;

/// The members that an expression is making.
pub(crate) type Entries = IndexMap<Arc<str>, Datum>;

pub(crate) struct Machine<'a> {
    scope: &'a dyn Scope,
    pub(crate) budget: &'a mut Budget,
    depth: u16,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(scope: &'a dyn Scope, budget: &'a mut Budget) -> Self {
        Self { scope, budget, depth: 0 }
    }

    pub(crate) fn run(&mut self, node: &Node) -> Outcome<Datum> {
        self.evaluate(node, None)
    }

    fn evaluate(&mut self, node: &Node, locals: Locals<'_>) -> Outcome<Datum> {
        Ok(self.chain(node, locals)?.unwrap_or(Datum::Undefined))
    }

    /// The value of `node`; `None` when an optional link (`?.`) inside of it led nowhere, which ends the whole chain.
    fn chain(&mut self, node: &Node, locals: Locals<'_>) -> Outcome<Option<Datum>> {
        if self.depth >= MAX_CALLS {
            return Err(Fault::limit("calls functions too deeply").at(node.at));
        }
        self.depth += 1;
        let result = self.budget.steps(1).and_then(|()| self.dispatch(node, locals));
        self.depth -= 1;
        result.map_err(|fault| fault.at(node.at))
    }

    // Each arm is a function of its own, so that the stack of a deep expression stays small.
    fn dispatch(&mut self, node: &Node, locals: Locals<'_>) -> Outcome<Option<Datum>> {
        match &node.kind {
            Kind::Literal(value) => Ok(Some(value.clone())),
            Kind::Local { up, slot } => Ok(Some(local(locals, *up, *slot))),
            Kind::Global(name) => self.global(name),
            Kind::Builtin(builtin) => Ok(Some(Datum::Function(Function::Builtin(*builtin)))),
            Kind::Template(parts) => self.template(parts, locals).map(Some),
            Kind::Array(elements) => self.array(elements, locals).map(Some),
            Kind::Object(properties) => self.object(properties, locals).map(Some),
            Kind::Member { object, name, optional } => self.member(object, name, *optional, locals),
            Kind::Index { object, index, optional } => self.index(object, index, *optional, locals),
            Kind::Call { callee, arguments, optional, host } => {
                self.call(callee, arguments, *optional, host.as_ref(), locals)
            }
            Kind::Unary(operator, operand) => self.unary(*operator, operand, locals).map(Some),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right, locals).map(Some),
            Kind::Logical(operator, left, right) => self.logical(*operator, left, right, locals).map(Some),
            Kind::Conditional(parts) => self.conditional(parts, locals).map(Some),
            Kind::Arrow(arrow) => Ok(Some(closure(arrow, locals))),
        }
    }

    fn binary(&mut self, operator: Binary, left: &Node, right: &Node, locals: Locals<'_>) -> Outcome<Datum> {
        let left = self.evaluate(left, locals)?;
        let right = self.evaluate(right, locals)?;
        operators::binary(self, operator, &left, &right)
    }

    fn conditional(&mut self, parts: &[Node; 3], locals: Locals<'_>) -> Outcome<Datum> {
        let [condition, first, second] = parts;
        let holds = convert::truthy(&self.evaluate(condition, locals)?);
        self.evaluate(if holds { first } else { second }, locals)
    }

    fn global(&mut self, name: &str) -> Outcome<Option<Datum>> {
        match self.scope.lookup(name) {
            Some(value) => Ok(Some(Datum::from(value))),
            None => Err(Fault::evaluation(format!("`{name}` is not defined"))),
        }
    }

    fn template(&mut self, parts: &[Node], locals: Locals<'_>) -> Outcome<Datum> {
        let mut text = String::new();
        for part in parts {
            let value = self.evaluate(part, locals)?;
            let piece = convert::to_text(self, &value)?;
            self.budget.make(piece.len())?;
            text.push_str(&piece);
        }
        Ok(Datum::string(text))
    }

    fn array(&mut self, elements: &[Element], locals: Locals<'_>) -> Outcome<Datum> {
        let items = self.elements(elements, locals)?;
        self.list(items)
    }

    fn elements(&mut self, elements: &[Element], locals: Locals<'_>) -> Outcome<Vec<Datum>> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            match element {
                Element::Item(node) => items.push(self.evaluate(node, locals)?),
                Element::Spread(node) => {
                    let list = self.evaluate(node, locals)?;
                    items.extend(self.spread(&list).map_err(|fault| fault.at(node.at))?);
                }
            }
        }
        Ok(items)
    }

    /// The items of something that can be iterated: a list, or the characters of a text.
    pub(crate) fn spread(&mut self, value: &Datum) -> Outcome<Vec<Datum>> {
        match value {
            Datum::Array(items) => {
                self.make_items(items.len())?;
                Ok(items.iter().collect())
            }
            Datum::String(text) => {
                self.make_items(text.len())?;
                Ok(text.chars().map(|c| Datum::string(c.encode_utf8(&mut [0; 4]) as &str)).collect())
            }
            other => Err(Fault::evaluation(format!("expected an array, found {}", other.describe()))),
        }
    }

    fn object(&mut self, properties: &[Property], locals: Locals<'_>) -> Outcome<Datum> {
        let mut entries = Entries::with_capacity(properties.len());
        for property in properties {
            match property {
                Property::Member(key, node) => {
                    let key = match key {
                        Key::Name(name) => Arc::clone(name),
                        Key::Computed(node) => {
                            let key = self.evaluate(node, locals)?;
                            let key = convert::to_text(self, &key)?;
                            self.budget.scan(key.len())?;
                            key
                        }
                    };
                    entries.insert(key, self.evaluate(node, locals)?);
                }
                Property::Spread(node) => {
                    let value = self.evaluate(node, locals)?;
                    entries.extend(self.entries(&value)?);
                }
            }
        }
        self.record(entries)
    }

    /// The members of an object, the items of a list under their indexes; nothing for other kinds.
    pub(crate) fn entries(&mut self, value: &Datum) -> Outcome<Vec<(Arc<str>, Datum)>> {
        match value {
            Datum::Object(members) => {
                self.make_items(2 * members.len())?;
                let entries = members.entries();
                for (key, _) in &entries {
                    self.budget.scan(key.len())?;
                }
                Ok(entries)
            }
            Datum::Array(_) | Datum::String(_) => {
                let items = self.spread(value)?;
                Ok(items.into_iter().enumerate().map(|(index, item)| (index.to_string().into(), item)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn member(&mut self, object: &Node, name: &str, optional: bool, locals: Locals<'_>) -> Outcome<Option<Datum>> {
        let Some(object) = self.chain(object, locals)? else { return Ok(None) };
        if optional && object.is_nullish() {
            return Ok(None);
        }
        builtins::member(self, &object, name).map(Some)
    }

    fn index(&mut self, object: &Node, index: &Node, optional: bool, locals: Locals<'_>) -> Outcome<Option<Datum>> {
        let Some(object) = self.chain(object, locals)? else { return Ok(None) };
        if optional && object.is_nullish() {
            return Ok(None);
        }
        let index = self.evaluate(index, locals)?;
        self.element(&object, &index).map(Some)
    }

    fn element(&mut self, object: &Datum, index: &Datum) -> Outcome<Datum> {
        if let Datum::Number(number) = index {
            let whole = *number as usize;
            if whole as f64 == *number {
                match object {
                    Datum::Array(items) => return Ok(items.get(whole).unwrap_or(Datum::Undefined)),
                    Datum::String(text) => {
                        self.budget.scan(text.len())?;
                        return Ok(crate::text::unit_at(text, whole).map_or(Datum::Undefined, Datum::string));
                    }
                    _ => {}
                }
            }
        }
        let key = convert::to_text(self, index)?;
        match (object, crate::datum::index_key(&key)) {
            (Datum::Array(items), Some(at)) => Ok(items.get(at as usize).unwrap_or(Datum::Undefined)),
            _ => {
                // Whoever looks for a key compares it or hashes it.
                self.budget.scan(key.len())?;
                builtins::member(self, object, &key)
            }
        }
    }

    fn call(
        &mut self,
        callee: &Node,
        arguments: &[Element],
        optional: bool,
        host: Option<&Arc<str>>,
        locals: Locals<'_>,
    ) -> Outcome<Option<Datum>> {
        if let Some(host) = host
            && let Some(result) = self.host_call(host, arguments, locals)?
        {
            return Ok(Some(result));
        }
        if let Kind::Member { object, name, optional: optional_member } = &callee.kind {
            let Some(receiver) = self.chain(object, locals)? else { return Ok(None) };
            if *optional_member && receiver.is_nullish() {
                return Ok(None);
            }
            return self.method(&receiver, name, arguments, optional, locals).map_err(|fault| fault.at(callee.at));
        }
        let Some(function) = self.chain(callee, locals)? else { return Ok(None) };
        if optional && function.is_nullish() {
            return Ok(None);
        }
        let Datum::Function(function) = function else {
            return Err(Fault::evaluation(format!("{} is not a function", function.describe())));
        };
        let arguments = self.elements(arguments, locals)?;
        self.apply(&function, &arguments).map(Some)
    }

    /// Calls a function of the scope, if `name` is one: `f` or `object.f`, where the scope has no data `object`.
    fn host_call(&mut self, name: &str, arguments: &[Element], locals: Locals<'_>) -> Outcome<Option<Datum>> {
        let root = name.split('.').next().unwrap_or(name);
        if self.scope.lookup(root).is_some() {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in self.elements(arguments, locals)? {
            values.push(convert::to_value(self, &argument)?);
        }
        match self.scope.call(name, &values) {
            Some(Ok(value)) => Ok(Some(Datum::from(value))),
            Some(Err(message)) => Err(Fault::evaluation(message)),
            None => Ok(None),
        }
    }

    fn method(
        &mut self,
        receiver: &Datum,
        name: &str,
        arguments: &[Element],
        optional: bool,
        locals: Locals<'_>,
    ) -> Outcome<Option<Datum>> {
        // A member of that name comes before a built-in method.
        let own = match receiver {
            Datum::Object(members) => members.get(name),
            Datum::Function(_) => Some(builtins::member(self, receiver, name)?),
            Datum::Undefined | Datum::Null => {
                return Err(Fault::evaluation(format!("cannot call `{name}` of {}", receiver.describe())));
            }
            _ => None,
        };
        match own {
            Some(Datum::Function(function)) => {
                let arguments = self.elements(arguments, locals)?;
                return self.apply(&function, &arguments).map(Some);
            }
            Some(Datum::Undefined) | None => {}
            Some(other) => {
                return Err(Fault::evaluation(format!("`{name}` is {}, not a function", other.describe())));
            }
        }
        if optional && !builtins::has_method(receiver, name) {
            return Ok(None);
        }
        let arguments = self.elements(arguments, locals)?;
        builtins::method(self, receiver, name, &arguments).map(Some)
    }

    /// Calls a function.
    pub(crate) fn apply(&mut self, function: &Function, arguments: &[Datum]) -> Outcome<Datum> {
        self.budget.steps(1)?;
        match function {
            Function::Builtin(builtin) => builtin.call(self, arguments),
            Function::Native(native) => (native.run)(self, arguments),
            Function::Closure(closure) => self.enter(&closure.arrow, closure.frame.as_ref(), arguments),
        }
    }

    fn enter(&mut self, arrow: &Arrow, parent: Locals<'_>, arguments: &[Datum]) -> Outcome<Datum> {
        let mut values = Vec::with_capacity(arrow.parameters.len());
        for (position, pattern) in arrow.parameters.iter().enumerate() {
            let argument = if arrow.rest && position + 1 == arrow.parameters.len() {
                self.list(arguments.get(position..).unwrap_or_default().to_vec())?
            } else {
                arguments.get(position).cloned().unwrap_or(Datum::Undefined)
            };
            self.bind(pattern, argument, &mut values)?;
        }
        let below = values.iter().map(Datum::levels).chain(parent.map(|frame| frame.levels)).max().unwrap_or(0);
        let frame = Arc::new(Frame { values, parent: parent.cloned(), levels: level_above(below)? });
        self.depth += CALL_DEPTH;
        let result = self.evaluate(&arrow.body, Some(&frame));
        self.depth -= CALL_DEPTH;
        result
    }

    fn bind(&mut self, pattern: &Pattern, argument: Datum, values: &mut Vec<Datum>) -> Outcome<()> {
        match pattern {
            Pattern::Name => values.push(argument),
            Pattern::Array(patterns) => {
                let items = self.spread(&argument)?;
                let mut items = items.into_iter();
                for pattern in patterns {
                    let item = items.next().unwrap_or(Datum::Undefined);
                    if let Some(pattern) = pattern {
                        self.bind(pattern, item, values)?;
                    }
                }
            }
            Pattern::Object(members) => {
                for (key, pattern) in members {
                    let member = builtins::member(self, &argument, key)?;
                    self.bind(pattern, member, values)?;
                }
            }
        }
        Ok(())
    }

    fn unary(&mut self, operator: Unary, operand: &Node, locals: Locals<'_>) -> Outcome<Datum> {
        if operator == Unary::TypeOf {
            // The one thing that may be asked of a name nobody defined.
            if let Kind::Global(name) = &operand.kind
                && self.scope.lookup(name).is_none()
            {
                return Ok(Datum::string("undefined"));
            }
            return Ok(Datum::string(self.evaluate(operand, locals)?.type_word()));
        }
        let value = self.evaluate(operand, locals)?;
        Ok(match operator {
            Unary::Not => Datum::Boolean(!convert::truthy(&value)),
            Unary::Negate => Datum::Number(-convert::to_number(self, &value)?),
            Unary::BitNot => Datum::Number(f64::from(!operators::to_int32(convert::to_number(self, &value)?))),
            Unary::Number | Unary::TypeOf => Datum::Number(convert::to_number(self, &value)?),
        })
    }

    fn logical(&mut self, operator: Logical, left: &Node, right: &Node, locals: Locals<'_>) -> Outcome<Datum> {
        let left = self.evaluate(left, locals)?;
        let decided = match operator {
            Logical::And => !convert::truthy(&left),
            Logical::Or => convert::truthy(&left),
            Logical::Nullish => !left.is_nullish(),
        };
        if decided { Ok(left) } else { self.evaluate(right, locals) }
    }

    // ---- making things

    /// Accounts for `count` items of lists or objects.
    pub(crate) fn make_items(&mut self, count: usize) -> Outcome<()> {
        self.budget.steps(count)?;
        self.budget.make(count.saturating_mul(size_of::<Datum>()))
    }

    /// A text made by the expression.
    pub(crate) fn text(&mut self, text: impl Into<Arc<str>>) -> Outcome<Datum> {
        let text = text.into();
        self.budget.make(text.len())?;
        Ok(Datum::String(text))
    }

    /// A list made by the expression.
    pub(crate) fn list(&mut self, items: Vec<Datum>) -> Outcome<Datum> {
        self.make_items(items.len())?;
        let levels = level_above(items.iter().map(Datum::levels).max().unwrap_or(0))?;
        Ok(Datum::Array(Items::Made(Arc::new(Made { content: items, levels }))))
    }

    /// An object made by the expression.
    pub(crate) fn record(&mut self, entries: Entries) -> Outcome<Datum> {
        self.make_items(2 * entries.len())?;
        let levels = level_above(entries.values().map(Datum::levels).max().unwrap_or(0))?;
        Ok(Datum::Object(Members::Made(Arc::new(Made { content: entries, levels }))))
    }
}

fn level_above(levels: u16) -> Outcome<u16> {
    if levels >= MAX_LEVELS {
        return Err(Fault::limit("makes data that is nested too deeply"));
    }
    Ok(levels + 1)
}

fn closure(arrow: &Arc<Arrow>, locals: Locals<'_>) -> Datum {
    Datum::Function(Function::Closure(Arc::new(Closure { arrow: Arc::clone(arrow), frame: locals.cloned() })))
}

fn local(locals: Locals<'_>, up: u16, slot: u16) -> Datum {
    let mut frame = locals;
    for _ in 0..up {
        frame = frame.and_then(|frame| frame.parent.as_ref());
    }
    frame.and_then(|frame| frame.values.get(usize::from(slot)).cloned()).unwrap_or(Datum::Undefined)
}
