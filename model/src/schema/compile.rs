//! From the document of a schema to the rules.

use serde_json::{Map, Value};

use super::array::{ArrayRules, Items, Unique};
use super::format::Format;
use super::object::{Absence, Additional, Dependency, Emptiness, ObjectRules, Property};
use super::scalar::{Bound, NumberRules, Relation, StringRules};
use super::{AnyOf, Condition, Error, Node, Rules, Secrets, Type, Types};
use crate::pattern::{Case, Pattern};

/// How deep schemas may be nested; checking recurses as deep as the schema, never as deep as the document.
pub(super) const MAX_DEPTH: usize = 32;

type Result<T> = std::result::Result<T, Error>;

pub(super) fn compile(schema: &Value, secrets: Secrets) -> Result<Node> {
    Place { path: Vec::new(), depth: 0, secrets }.node(schema)
}

/// Where in the schema the compiler stands.
struct Place {
    path: Vec<String>,
    depth: usize,
    secrets: Secrets,
}

// === impl Place ===

impl Place {
    fn node(&mut self, schema: &Value) -> Result<Node> {
        if self.depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        match schema {
            Value::Bool(true) => Ok(Node::Anything),
            Value::Bool(false) => Ok(Node::Nothing),
            Value::Object(keywords) => self.rules(keywords).map(|rules| Node::Rules(Box::new(rules))),
            Value::Array(list) if list.is_empty() => Ok(Node::Anything),
            _ => Err(self.malformed("schema")),
        }
    }

    fn rules(&mut self, schema: &Map<String, Value>) -> Result<Rules> {
        for keyword in ["$ref", "propertyNames"] {
            if schema.contains_key(keyword) {
                return Err(Error::Unsupported { keyword, at: self.at() });
            }
        }
        Ok(Rules {
            types: self.types(schema)?,
            object: self.object(schema)?,
            array: self.array(schema)?,
            string: self.string(schema)?,
            number: self.number(schema)?,
            one_of_values: self.list(schema, "enum")?.cloned(),
            all_of: self.nodes(schema, "allOf")?.unwrap_or_default(),
            any_of: self.any_of(schema)?,
            one_of: self.nodes(schema, "oneOf")?,
            condition: self.condition(schema)?,
            not: self.child(schema, "not")?,
            format: self.text(schema, "format")?.and_then(Format::named),
            constant: schema.get("const").cloned(),
            contains: self.child(schema, "contains")?,
            passes_secrets: self.resolves_secrets() && schema.get("type").is_none_or(|kind| *kind == "string"),
        })
    }

    fn types(&self, schema: &Map<String, Value>) -> Result<Option<Types>> {
        let malformed = || self.malformed("type");
        let named = |name: &Value| name.as_str().and_then(Type::named).ok_or_else(malformed);
        match schema.get("type") {
            None => Ok(None),
            Some(Value::Array(names)) => {
                let any = names.iter().map(named).collect::<Result<Vec<_>>>()?;
                let names: Vec<_> = any.iter().map(|kind| kind.name()).collect();
                let expected = format!("expected one of {}", names.join(", "));
                Ok(Some(Types { any, expected }))
            }
            Some(name) => {
                let kind = named(name)?;
                let expected = format!("expected {}", kind.name());
                Ok(Some(Types { any: vec![kind], expected }))
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Result<Option<ObjectRules>> {
        const KEYWORDS: [&str; 7] = [
            "properties",
            "additionalProperties",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "dependencies",
            "required",
        ];
        if !KEYWORDS.iter().any(|keyword| schema.contains_key(*keyword)) {
            return Ok(None);
        }
        let mut required = self.names(schema, "required")?;
        let mut rules = ObjectRules {
            min: self.count(schema, "minProperties")?,
            max: self.count(schema, "maxProperties")?,
            emptiness: match &required {
                Some(names) if names.is_empty() => Emptiness::Demanded,
                _ => Emptiness::Free,
            },
            ..ObjectRules::default()
        };
        let mut dependencies = self.dependencies(schema)?;
        for (name, member) in self.members(schema, "properties")? {
            let node = self.within(&["properties", name], |place| place.node(member))?;
            let is_required = required.as_mut().is_some_and(|names| take(names, |other| **other == **name).is_some());
            let absence = match member.get("default") {
                _ if is_required => Absence::Refused,
                Some(Value::Null) | None => Absence::Allowed,
                Some(default) => Absence::Filled(default.clone()),
            };
            let dependency = take(&mut dependencies, |(other, _)| **other == **name).map(|(_, found)| found);
            rules.names.insert(name.as_str().into());
            rules.properties.push(Property { name: name.as_str().into(), node, absence, dependency });
        }
        rules.required = required.unwrap_or_default();
        rules.dependencies = dependencies;
        for (pattern, member) in self.members(schema, "patternProperties")? {
            let node = self.within(&["patternProperties", pattern], |place| place.node(member))?;
            rules.patterns.push((self.pattern(pattern)?, node));
        }
        rules.additional = match self.child(schema, "additionalProperties")? {
            None | Some(Node::Anything) => Additional::Allowed,
            Some(Node::Nothing) => Additional::Forbidden,
            Some(node) => Additional::Matching(node),
        };
        Ok(Some(rules))
    }

    fn dependencies(&mut self, schema: &Map<String, Value>) -> Result<Vec<(Box<str>, Dependency)>> {
        let mut dependencies = Vec::new();
        for (name, needs) in self.members(schema, "dependencies")? {
            let dependency = match needs {
                Value::Array(names) if !names.is_empty() => Dependency::Names(self.strings(names, "dependencies")?),
                other => Dependency::Object(self.within(&["dependencies", name], |place| place.node(other))?),
            };
            dependencies.push((name.as_str().into(), dependency));
        }
        Ok(dependencies)
    }

    fn array(&mut self, schema: &Map<String, Value>) -> Result<Option<ArrayRules>> {
        if !["items", "minItems", "maxItems", "uniqueItems"].iter().any(|keyword| schema.contains_key(*keyword)) {
            return Ok(None);
        }
        let items = match schema.get("items") {
            None => None,
            Some(Value::Bool(_)) => return Err(Error::Unsupported { keyword: "items", at: self.at() }),
            Some(Value::Array(_)) => {
                let each = self.nodes(schema, "items")?.unwrap_or_default();
                Some(Items::Each(each, self.child(schema, "additionalItems")?))
            }
            Some(_) => self.child(schema, "items")?.map(Items::All),
        };
        let unique = match schema.get("uniqueItems") {
            Some(Value::Bool(true)) => Some(Unique),
            Some(Value::Bool(false)) | None => None,
            Some(_) => return Err(self.malformed("uniqueItems")),
        };
        let (min, max) = (self.count(schema, "minItems")?, self.count(schema, "maxItems")?);
        Ok(Some(ArrayRules { min, max, items, unique }))
    }

    fn string(&self, schema: &Map<String, Value>) -> Result<Option<StringRules>> {
        let rules = StringRules {
            min: self.count(schema, "minLength")?,
            max: self.count(schema, "maxLength")?,
            pattern: self.text(schema, "pattern")?.map(|pattern| self.pattern(pattern)).transpose()?,
        };
        Ok((rules.min.is_some() || rules.max.is_some() || rules.pattern.is_some()).then_some(rules))
    }

    fn number(&self, schema: &Map<String, Value>) -> Result<Option<NumberRules>> {
        let mut rules = NumberRules { multiple_of: self.double(schema, "multipleOf")?, bounds: Vec::new() };
        for (keyword, relation) in [
            ("minimum", Relation::AtLeast),
            ("exclusiveMinimum", Relation::GreaterThan),
            ("maximum", Relation::AtMost),
            ("exclusiveMaximum", Relation::SmallerThan),
        ] {
            if let Some(limit) = self.double(schema, keyword)? {
                rules.bounds.push(Bound { relation, limit });
            }
        }
        Ok((rules.multiple_of.is_some() || !rules.bounds.is_empty()).then_some(rules))
    }

    fn any_of(&mut self, schema: &Map<String, Value>) -> Result<Option<AnyOf>> {
        let Some(nodes) = self.nodes(schema, "anyOf")? else { return Ok(None) };
        let required: Vec<String> = self
            .list(schema, "anyOf")?
            .into_iter()
            .flatten()
            .filter_map(|branch| branch.get("required"))
            // The encoder of the message escapes slashes.
            .map(|names| names.to_string().replace('/', "\\/"))
            .collect();
        let mut message = "object matches none of the required".to_owned();
        if !required.is_empty() {
            message.push_str(": ");
            message.push_str(&required.join(" or "));
        }
        Ok(Some(AnyOf { nodes, message }))
    }

    fn condition(&mut self, schema: &Map<String, Value>) -> Result<Option<Condition>> {
        let Some(test) = self.child(schema, "if")? else { return Ok(None) };
        Ok(Some(Condition { test, then: self.child(schema, "then")?, otherwise: self.child(schema, "else")? }))
    }

    // The values of keywords.

    fn child(&mut self, schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<Node>> {
        schema.get(keyword).map(|child| self.within(&[keyword], |place| place.node(child))).transpose()
    }

    fn nodes(&mut self, schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<Vec<Node>>> {
        let Some(list) = self.list(schema, keyword)? else { return Ok(None) };
        let mut nodes = Vec::with_capacity(list.len());
        for (index, child) in list.iter().enumerate() {
            nodes.push(self.within(&[keyword, &index.to_string()], |place| place.node(child))?);
        }
        Ok(Some(nodes))
    }

    fn list<'a>(&self, schema: &'a Map<String, Value>, keyword: &'static str) -> Result<Option<&'a Vec<Value>>> {
        schema.get(keyword).map(|list| list.as_array().ok_or_else(|| self.malformed(keyword))).transpose()
    }

    fn members<'a>(
        &self,
        schema: &'a Map<String, Value>,
        keyword: &'static str,
    ) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>> {
        let map = match schema.get(keyword) {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(Value::Array(list)) if list.is_empty() => None,
            Some(_) => return Err(self.malformed(keyword)),
        };
        Ok(map.into_iter().flatten())
    }

    fn names(&self, schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<Vec<Box<str>>>> {
        match schema.get(keyword) {
            None => Ok(None),
            Some(Value::Object(map)) if map.is_empty() => Ok(Some(Vec::new())),
            Some(Value::Array(names)) => self.strings(names, keyword).map(Some),
            Some(_) => Err(self.malformed(keyword)),
        }
    }

    fn strings(&self, names: &[Value], keyword: &'static str) -> Result<Vec<Box<str>>> {
        names.iter().map(|name| name.as_str().map(Into::into).ok_or_else(|| self.malformed(keyword))).collect()
    }

    fn text<'a>(&self, schema: &'a Map<String, Value>, keyword: &'static str) -> Result<Option<&'a str>> {
        schema.get(keyword).map(|text| text.as_str().ok_or_else(|| self.malformed(keyword))).transpose()
    }

    fn count(&self, schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<usize>> {
        let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok());
        schema.get(keyword).map(|value| count(value).ok_or_else(|| self.malformed(keyword))).transpose()
    }

    fn double(&self, schema: &Map<String, Value>, keyword: &'static str) -> Result<Option<f64>> {
        schema.get(keyword).map(|value| value.as_f64().ok_or_else(|| self.malformed(keyword))).transpose()
    }

    fn pattern(&self, pattern: &str) -> Result<Pattern> {
        Pattern::compile(pattern, Case::Sensitive).map_err(|source| Error::Pattern { at: self.at(), source })
    }

    fn within<T>(&mut self, steps: &[&str], compile: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let length = self.path.len();
        self.path.extend(steps.iter().map(|step| (*step).to_owned()));
        self.depth += 1;
        let result = compile(self);
        self.depth -= 1;
        self.path.truncate(length);
        result
    }

    fn resolves_secrets(&self) -> bool {
        match self.secrets {
            Secrets::Resolved => true,
            Secrets::Unknown => false,
            Secrets::At(places) => places.contains(&self.at().as_str()),
        }
    }

    fn at(&self) -> String {
        self.path.join(".")
    }

    fn malformed(&self, keyword: &'static str) -> Error {
        Error::Malformed { keyword, at: self.at() }
    }
}

/// Takes the first item that fits out of the list.
fn take<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> Option<T> {
    list.iter().position(fits).map(|index| list.remove(index))
}

// === impl Type ===

impl Type {
    const ALL: [Self; 7] =
        [Self::Object, Self::Array, Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Null];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Null => "null",
        }
    }
}
