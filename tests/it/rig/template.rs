//! `template.yaml`, with its intrinsic functions, and what comes of it for given parameters.

#![expect(clippy::expect_used, clippy::panic, reason = "a template that cannot be read has failed every test")]

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use granit_parser::{Event, Parser};
use serde_json::{Map, Value, json};

static ROOT: LazyLock<Value> = LazyLock::new(|| {
    let parser = Parser::new_from_str(include_str!("../../../template.yaml"));
    let events = parser.map(|event| event.expect("template.yaml is YAML").0);
    let nodes = events.filter(|event| !matches!(event, Event::Comment(..)));
    let mut reader = Reader { events: nodes, anchors: HashMap::new() };
    loop {
        match reader.events.next().expect("a document") {
            Event::StreamStart | Event::DocumentStart(..) => {}
            event => return reader.node(event),
        }
    }
});

/// Every scalar is a string, and every short form of a function is its long form.
struct Reader<E> {
    events: E,
    anchors: HashMap<usize, Value>,
}

impl<'i, E: Iterator<Item = Event<'i>>> Reader<E> {
    fn node(&mut self, event: Event<'i>) -> Value {
        if let Event::Alias(anchor) = event {
            return self.anchors[&anchor].clone();
        }
        let (anchor, tag) = (event.anchor_id(), event.tag().map(|tag| tag.suffix().to_owned()));
        let plain = match event {
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.events.next().expect("an end") {
                        Event::SequenceEnd => break Value::Array(items),
                        event => items.push(self.node(event)),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut members = Map::new();
                loop {
                    match self.events.next().expect("an end") {
                        Event::MappingEnd => break Value::Object(members),
                        Event::Scalar(name, ..) => {
                            let event = self.events.next().expect("a value");
                            let value = self.node(event);
                            members.insert(name.into_owned(), value);
                        }
                        other => panic!("no name of a member: {other:?}"),
                    }
                }
            }
            other => panic!("not a node: {other:?}"),
        };
        let value = match tag.as_deref() {
            None => plain,
            Some(name @ ("Ref" | "Condition")) => json!({ name: plain }),
            Some("GetAtt") => json!({ "Fn::GetAtt": plain.as_str().expect("an attribute") }),
            Some(name) => json!({ format!("Fn::{name}"): plain }),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, value.clone());
        }
        value
    }
}

/// The parameters, as they are declared.
pub(crate) fn parameters() -> &'static Map<String, Value> {
    ROOT["Parameters"].as_object().expect("parameters")
}

/// The variables of the function, as they are written.
pub(crate) fn variables() -> &'static Map<String, Value> {
    ROOT["Resources"]["PassgrantFunction"]["Properties"]["Environment"]["Variables"].as_object().expect("variables")
}

/// The template with parameters: those that are given, and the defaults of the others.
pub(crate) struct Stack {
    values: BTreeMap<String, String>,
}

impl Stack {
    pub(crate) fn new(given: &[(&str, &str)]) -> Self {
        let default = |(name, parameter): (&String, &Value)| {
            let value = parameter["Default"].as_str().unwrap_or_default();
            (name.clone(), value.to_owned())
        };
        let mut values: BTreeMap<String, String> = parameters().iter().map(default).collect();
        for (name, value) in given {
            assert!(parameters().contains_key(*name), "there is no parameter {name}");
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        Self { values }
    }

    /// What the rules say against the parameters.
    pub(crate) fn broken_rules(&self) -> Vec<&'static str> {
        let rules = ROOT["Rules"].as_object().expect("rules").values();
        let applies = |rule: &&Value| rule.get("RuleCondition").is_none_or(|condition| self.holds(condition));
        let assertions = rules.filter(applies).flat_map(|rule| rule["Assertions"].as_array().expect("assertions"));
        let broken = assertions.filter(|assertion| !self.holds(&assertion["Assert"]));
        broken.map(|assertion| assertion["AssertDescription"].as_str().expect("a description")).collect()
    }

    /// Whether the stack creates a resource, or has an output.
    pub(crate) fn has(&self, kind: &str, name: &str) -> bool {
        let condition = ROOT[kind][name].get("Condition");
        condition.is_none_or(|condition| self.condition(condition.as_str().expect("a condition")))
    }

    /// What the function finds in its environment.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let Value::Object(variables) = self.resolve(&Value::Object(variables().clone())) else {
            panic!("variables");
        };
        variables.into_iter().map(|(name, value)| (name, value.as_str().expect("text").to_owned())).collect()
    }

    /// A property of a resource.
    pub(crate) fn property(&self, resource: &str, name: &str) -> Value {
        self.resolve(&ROOT["Resources"][resource]["Properties"][name])
    }

    pub(crate) fn output(&self, name: &str) -> Value {
        self.resolve(&ROOT["Outputs"][name]["Value"])
    }

    fn condition(&self, name: &str) -> bool {
        self.holds(&ROOT["Conditions"][name])
    }

    fn holds(&self, expression: &Value) -> bool {
        let (function, argument) = only_member(expression).unwrap_or_else(|| panic!("no condition: {expression}"));
        let list = || argument.as_array().expect("a list").iter();
        match function {
            "Fn::And" => list().all(|each| self.holds(each)),
            "Fn::Or" => list().any(|each| self.holds(each)),
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::Equals" => self.resolve(&argument[0]) == self.resolve(&argument[1]),
            "Fn::Contains" => argument[0].as_array().expect("a list").contains(&self.resolve(&argument[1])),
            "Condition" => self.condition(argument.as_str().expect("a name")),
            other => panic!("no condition: {other}"),
        }
    }

    /// A value without functions. A resource is its name, and an attribute of one `NAME.ATTRIBUTE`.
    fn resolve(&self, value: &Value) -> Value {
        if let Some((function, argument)) = only_member(value) {
            let text = || argument.as_str().expect("text");
            match function {
                "Ref" => return self.reference(text()),
                "Fn::GetAtt" => return argument.clone(),
                "Fn::Sub" => return self.substitute(text()).into(),
                "Fn::If" => {
                    let chosen = if self.condition(argument[0].as_str().expect("a name")) { 1 } else { 2 };
                    return self.resolve(&argument[chosen]);
                }
                "Fn::Join" => {
                    let Value::Array(parts) = self.resolve(&argument[1]) else { panic!("nothing to join") };
                    let parts: Vec<&str> = parts.iter().map(|part| part.as_str().expect("text")).collect();
                    return parts.join(argument[0].as_str().expect("text")).into();
                }
                "Fn::Split" => {
                    let text = self.resolve(&argument[1]);
                    let separator = argument[0].as_str().expect("text");
                    return text.as_str().expect("text").split(separator).collect();
                }
                "Fn::Select" => {
                    let index: usize = argument[0].as_str().and_then(|index| index.parse().ok()).expect("a number");
                    return self.resolve(&argument[1])[index].clone();
                }
                _ => {}
            }
        }
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).filter(|item| !item.is_null()).collect(),
            Value::Object(members) => {
                let resolved = members.iter().map(|(name, value)| (name.clone(), self.resolve(value)));
                Value::Object(resolved.filter(|(_, value)| !value.is_null()).collect())
            }
            other => other.clone(),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::NoValue" => Value::Null,
            "AWS::Partition" => "aws".into(),
            "AWS::Region" => "eu-central-1".into(),
            "AWS::AccountId" => "111122223333".into(),
            "AWS::StackName" => "passgrant".into(),
            name => self.values.get(name).map_or(name, String::as_str).into(),
        }
    }

    fn substitute(&self, text: &str) -> String {
        let mut whole = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').expect("an end");
            whole += before;
            whole += self.reference(name).as_str().expect("text");
            rest = after;
        }
        whole + rest
    }
}

fn only_member(value: &Value) -> Option<(&str, &Value)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.iter().next().map(|(name, value)| (name.as_str(), value))
}
