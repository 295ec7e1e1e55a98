//! What a form was filled in from, which it sends along: what somebody else has changed meanwhile is told apart from what was
//! typed into it.

use std::collections::BTreeSet;

use maud::{Markup, html};
use passgrant::json::{Object, Value};
use passgrant::scope::Scope;
use passgrant::user::User;

use crate::console::users::claims::{Rows, Scopes};
use crate::console::users::one;
use crate::console::visit::Posted;

const FIELD: &str = "seen";

/// The claims and scopes of a user, as somebody saw them.
pub(super) struct Seen {
    subject: String,
    pub(super) claims: Object,
    scopes: Option<Scope>,
}

impl Seen {
    pub(super) fn of(user: &User) -> Self {
        Self {
            subject: user.subject.as_str().to_owned(),
            claims: user.claims.clone(),
            scopes: user.allowed_scopes.clone(),
        }
    }

    /// What was sent along with a form.
    pub(super) fn posted(posted: &Posted) -> Option<Self> {
        let Ok(Value::Object(mut sent)) = Value::parse(posted.exact(FIELD)) else { return None };
        let (Some(Value::String(subject)), Some(Value::Object(claims))) = (sent.remove("sub"), sent.remove("claims"))
        else {
            return None;
        };
        let scopes = match sent.remove("scopes") {
            Some(Value::String(scopes)) => Some(Scope::parse_or_empty(&scopes).ok()?),
            _ => None,
        };
        Some(Self { subject, claims, scopes })
    }

    pub(super) fn markup(&self) -> Markup {
        let scopes = self.scopes.as_ref().map_or(Value::Null, |scopes| scopes.to_string().into());
        let (subject, claims) = (self.subject.as_str().into(), Value::Object(self.claims.clone()));
        let content = [("sub", subject), ("claims", claims), ("scopes", scopes)];
        let content = Value::Object(content.map(|(name, value)| (name.to_owned(), value)).into());
        html! { input type="hidden" name=(FIELD) value=(content); }
    }

    /// Whether `user` is whom somebody saw, whatever has become of it.
    pub(super) fn is_of(&self, user: &User) -> bool {
        self.subject == user.subject.as_str()
    }

    /// What of a form was changed from this, and what `user` has otherwise.
    pub(super) fn merged(&self, user: &User, rows: Rows, scopes: Scopes) -> (Rows, Scopes) {
        let theirs = user.allowed_scopes.as_ref();
        let scopes = if scopes.are(self.scopes.as_ref()) { Scopes::of(theirs) } else { scopes };
        (rows.merged(&self.claims, &user.claims), scopes)
    }

    /// What somebody else has changed: as it was seen, as `user` has it now, and as it is in the form.
    pub(super) fn changes(&self, user: &User, rows: &Rows, scopes: &Scopes) -> Vec<[Markup; 4]> {
        let code = |text: Option<String>| html! { @match text { Some(text) => span.code { (text) }, None => "none" } };
        let names: BTreeSet<&String> = self.claims.keys().chain(user.claims.keys()).collect();
        let changed = names.into_iter().filter(|name| self.claims.get(*name) != user.claims.get(*name));
        let text = |claims: &Object, name: &String| code(claims.get(name).map(Value::to_string));
        let row = |name| {
            let (seen, theirs) = (text(&self.claims, name), text(&user.claims, name));
            [code(Some(name.clone())), seen, theirs, code(rows.text_of(name))]
        };
        let mut changed: Vec<_> = changed.map(row).collect();
        let theirs = user.allowed_scopes.as_ref();
        if self.scopes.as_ref() != theirs {
            let [seen, theirs] = [self.scopes.as_ref(), theirs].map(one::scopes);
            changed.push([html! { "Allowed scopes" }, seen, theirs, html! { (scopes.said()) }]);
        }
        changed
    }
}
