//! The parts of a form that say what a user is: claims, a row each, and scopes.

use std::collections::BTreeSet;

use maud::{Markup, html};
use passgrant::claims;
use passgrant::json::{Number, Object, Value};
use passgrant::scope::{Scope, ScopeToken};

use crate::console::field::{self, Field, Wrong};
use crate::console::layout;
use crate::console::line::Line;
use crate::console::visit::Posted;
use crate::user::claim::{check_name, parse_json_value, unusual};

/// How many rows are empty.
const SPARE: usize = 3;

/// What the value of a claim is, as it is typed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Number,
    Bool,
    Json,
}

impl Kind {
    const CHOICES: [(&'static str, &'static str); 4] =
        [("text", "text"), ("number", "number"), ("bool", "true or false"), ("json", "JSON")];

    pub(super) fn of(value: &Value) -> Self {
        match value {
            // A browser would send another text than it was given.
            Value::String(text) if text.contains(|character: char| character.is_control() && character != '\n') => {
                Self::Json
            }
            Value::String(_) => Self::Text,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Bool,
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Json,
        }
    }

    fn sent_as(sent: &str) -> Self {
        match sent {
            "number" => Self::Number,
            "bool" => Self::Bool,
            "json" => Self::Json,
            _ => Self::Text,
        }
    }

    const fn choice(self) -> (&'static str, &'static str) {
        Self::CHOICES[self as usize]
    }

    pub(super) const fn name(self) -> &'static str {
        self.choice().1
    }

    /// `value` as it is typed.
    pub(super) fn text(value: &Value) -> String {
        match value {
            Value::String(text) if Self::of(value) == Self::Text => text.clone(),
            _ => value.to_string(),
        }
    }
}

/// A claim as it is typed.
#[derive(Default)]
struct Row {
    name: String,
    kind: Kind,
    text: String,
    wrong: Option<String>,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.name.is_empty() && self.text.is_empty()
    }

    /// About how many lines the value takes.
    fn lines(&self) -> usize {
        const IN_A_LINE: usize = 60;
        self.text.split('\n').map(|line| 1 + line.chars().count() / IN_A_LINE).sum::<usize>().clamp(1, 8)
    }

    fn value(&self) -> Result<Value, &'static str> {
        check_name(&self.name)?;
        let text = self.text.trim();
        match self.kind {
            Kind::Text => Ok(Value::String(self.text.clone())),
            Kind::Number => {
                Number::parse(text).map(Value::Number).map_err(|_| "the value is not a number, as in 42 or 1.5")
            }
            Kind::Bool if text == "true" || text == "false" => Ok((text == "true").into()),
            Kind::Bool => Err("the value is neither true nor false"),
            Kind::Json => parse_json_value(text),
        }
    }
}

/// The claims of a form.
#[derive(Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// The name of the button that only asks for more rows.
    pub(super) const MORE: &'static str = "more";

    /// The rows of `claims`.
    pub(super) fn of(claims: &Object) -> Self {
        let row = |(name, value): (&String, &Value)| Row {
            name: name.clone(),
            kind: Kind::of(value),
            text: Kind::text(value),
            wrong: None,
        };
        Self(claims.iter().map(row).collect())
    }

    /// The rows that were filled in, of a user with the claims `before`. One without a name and a value is none.
    pub(super) fn posted(posted: &Posted, before: &Object) -> Self {
        let kinds = posted.all("claim-kind").map(Kind::sent_as);
        // Browsers end the lines of what is typed with two characters.
        let texts = posted.all("claim-value").map(|text| text.replace("\r\n", "\n"));
        let rows = posted.all("claim-name").zip(kinds).zip(texts);
        // The name of a claim that is there stays as it is: trimmed, it would be another one.
        let named = |name: &str| if before.contains_key(name) { name.to_owned() } else { name.trim().to_owned() };
        let row = |((name, kind), text): ((&str, Kind), String)| Row { name: named(name), kind, text, wrong: None };
        Self(rows.map(row).filter(|row| !row.is_empty()).collect())
    }

    /// Says of each row what is wrong with it, of a user with the claims `before`. Whether nothing is.
    pub(super) fn check(&mut self, before: &Object) -> bool {
        let mut names = BTreeSet::new();
        for row in &mut self.0 {
            let twice = format!("the claim '{}' is given twice", row.name);
            row.wrong = match row.value() {
                Err(reason) => Some(reason.to_owned()),
                Ok(_) if !names.insert(row.name.clone()) => Some(twice),
                // No option can give it a value, which would begin at the first equals sign.
                Ok(value) if row.name.contains('=') && !is_among(before, &row.name, &value) => {
                    Some("the name of a claim must not contain an equals sign".to_owned())
                }
                Ok(value) => {
                    claims::check(&Object::from([(row.name.clone(), value)])).err().map(|refused| refused.to_string())
                }
            };
        }
        self.0.iter().all(|row| row.wrong.is_none())
    }

    /// What is said above a form with rows that are wrong.
    pub(super) fn wrong() -> Wrong {
        Wrong::about_field("claims", "some claims cannot be as they are written")
    }

    fn values(&self) -> Object {
        self.0.iter().filter_map(|row| Some((row.name.clone(), row.value().ok()?))).collect()
    }

    /// `line` with the options that make these of the claims `before`.
    pub(super) fn given(&self, line: Line, before: &Object) -> Line {
        let after = self.values();
        let changed = after.iter().filter(|(name, value)| !is_among(before, name, value));
        let line = changed.fold(line, |line, (name, value)| match value {
            Value::String(text) => line.option("--claim", &format!("{name}={text}")),
            other => line.option("--claim-json", &format!("{name}={other}")),
        });
        let removed = before.keys().filter(|name| !after.contains_key(*name));
        removed.fold(line, |line, name| line.option("--remove-claim", name))
    }

    /// These, where they were changed from what was `seen`, and `theirs` otherwise.
    pub(super) fn merged(self, seen: &Object, theirs: &Object) -> Self {
        let is_untouched = |row: &Row| row.value().is_ok_and(|value| is_among(seen, &row.name, &value));
        let typed: BTreeSet<String> = self.0.iter().map(|row| row.name.clone()).collect();
        let Self(of_theirs) = Self::of(theirs);
        let is_new = |row: &Row| !typed.contains(&row.name) && !seen.contains_key(&row.name);
        let (untouched, mut rows): (Vec<Row>, Vec<Row>) = self.0.into_iter().partition(is_untouched);
        let untouched: BTreeSet<String> = untouched.into_iter().map(|row| row.name).collect();
        rows.extend(of_theirs.into_iter().filter(|row| untouched.contains(&row.name) || is_new(row)));
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Self(rows)
    }

    /// The claim called `name` as it is typed, if it is.
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        let row = self.0.iter().find(|row| row.name == name)?;
        Some(row.value().map_or_else(|_| row.text.clone(), |value| value.to_string()))
    }

    /// What is unusual about those that are not among the claims `before`.
    pub(super) fn warnings(&self, before: &Object) -> Vec<String> {
        let is_new = |name: &String, value: &mut Value| !is_among(before, name, value);
        unusual(&self.values().extract_if(.., is_new).collect())
    }

    pub(super) fn markup(&self) -> Markup {
        let blank = Row::default();
        let spare = std::iter::repeat_n(&blank, SPARE);
        html! {
            fieldset #claims {
                legend { "Claims" }
                p.hint {
                    "What tokens may say about the user. A claim without a name and a value is left out. Text stays as it is; a \
                     number keeps its digits."
                }
                @for (at, row) in self.0.iter().chain(spare).enumerate() { (row.markup(at + 1)) }
                datalist #standard-claims { @for name in claims::standard_claims() { option value=(name) {} } }
            }
        }
    }

    /// The button for more rows.
    pub(super) fn more() -> Markup {
        html! { button name=(Self::MORE) value="yes" formnovalidate { "More rows for claims" } }
    }
}

impl Row {
    fn markup(&self, at: usize) -> Markup {
        let [name, kind, value, wrong] = ["name", "kind", "value", "wrong"].map(|part| format!("claim-{part}-{at}"));
        let described = self.wrong.is_some().then_some(wrong.as_str());
        let is_wrong = described.map(|_| "true");
        html! {
            div.claim role="group" aria-label={ "Claim " (at) } {
                div {
                    label for=(name) { "Name" }
                    input type="text" id=(name) name="claim-name" value=(self.name) list="standard-claims" autocomplete="off"
                        spellcheck="false" aria-describedby=[described] aria-invalid=[is_wrong];
                }
                div {
                    label for=(kind) { "Kind" }
                    select id=(kind) name="claim-kind" {
                        @for (sent, shown) in Kind::CHOICES { option value=(sent) selected[sent == self.kind.choice().0] { (shown) } }
                    }
                }
                div {
                    label for=(value) { "Value" }
                    textarea id=(value) name="claim-value" rows=(self.lines()) spellcheck="false"
                        aria-describedby=[described] aria-invalid=[is_wrong] { "\n" (self.text) }
                }
                @if let Some(reason) = &self.wrong { p.wrong id=(wrong) { (layout::sentence(reason)) } }
            }
        }
    }
}

/// Whether the claim called `name` is among `claims` with this `value`.
fn is_among(claims: &Object, name: &str, value: &Value) -> bool {
    claims.get(name) == Some(value)
}

/// The scopes of a form: `None` for whatever the client may have.
#[derive(Default)]
pub(super) struct Scopes(Option<String>);

impl Scopes {
    const WHICH: &'static str = "scopes";
    const OPTION: &'static str = "allowed-scope";

    pub(super) fn of(scopes: Option<&Scope>) -> Self {
        Self(scopes.map(|scopes| scopes.iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ")))
    }

    pub(super) fn posted(posted: &Posted) -> Self {
        Self((posted.text(Self::WHICH) == "these").then(|| posted.text(Self::OPTION).to_owned()))
    }

    /// `line` for a user who is created.
    pub(super) fn given(&self, line: Line) -> Line {
        line.optional("--allowed-scope", self.0.as_deref())
    }

    /// Whether they are `others`.
    pub(super) fn are(&self, others: Option<&Scope>) -> bool {
        match (&self.0, others) {
            (None, None) => true,
            (Some(text), Some(others)) => Scope::parse_or_empty(text).is_ok_and(|scopes| scopes == *others),
            _ => false,
        }
    }

    /// `line` with the option that makes these of the scopes `before`.
    pub(super) fn changed(&self, line: Line, before: Option<&Scope>) -> Line {
        match &self.0 {
            _ if self.are(before) => line,
            None => line.flag("--any-scope"),
            Some(text) => line.option("--allowed-scope", text),
        }
    }

    /// It in words.
    pub(super) fn said(&self) -> &str {
        match self.0.as_deref() {
            None => "whatever the client may have",
            Some("") => "none",
            Some(scopes) => scopes,
        }
    }

    pub(super) fn markup(&self, wrong: &Wrong) -> Markup {
        const CHOICES: [(&str, &str, &str); 2] = [
            ("any", "Whatever the client may have", ""),
            ("these", "Only these", "and of those only what the client may have"),
        ];
        let chosen = if self.0.is_some() { "these" } else { "any" };
        let value = self.0.as_deref().unwrap_or_default();
        let hint = "For \u{201c}only these\u{201d}: separated by spaces. Empty for none at all.";
        html! {
            fieldset {
                legend { "Which scopes the user may grant" }
                (field::choices("radio", Self::WHICH, "Allowed scopes", &CHOICES, |choice| choice == chosen))
                (Field { name: Self::OPTION, label: "Scopes", hint, value }.text(wrong))
            }
        }
    }
}
