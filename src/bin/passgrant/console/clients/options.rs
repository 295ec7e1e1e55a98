//! The options of a client as the fields of a form, and what of them a command line has to say.

use std::collections::BTreeMap;

use maud::{Markup, html};
use passgrant::client::Client;
use passgrant::client::authentication::AuthMethod;
use passgrant::clock::Span;
use serde_json::json;

use crate::console::line::Line;
use crate::console::visit::Posted;
use crate::output::rfc3339;

/// How a field becomes an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One text, as it is.
    Text,
    /// Values separated by spaces, or several fields of one name.
    List,
    /// A line for each, which is an option of its own.
    Lines,
}

/// The options that are fields of the form, by their names without dashes, in the order of the form.
const OPTIONS: [(&str, Kind); 17] = [
    ("name", Kind::Text),
    ("grant", Kind::List),
    ("password-grant-until", Kind::Text),
    ("capability", Kind::List),
    ("auth-method", Kind::Text),
    ("scope", Kind::List),
    ("default-scope", Kind::List),
    ("audience", Kind::List),
    ("chain", Kind::List),
    ("access-token-format", Kind::Text),
    ("access-token-lifetime", Kind::Text),
    ("map", Kind::Lines),
    ("signing-alg", Kind::Text),
    ("refresh-idle-lifetime", Kind::Text),
    ("refresh-lifetime", Kind::Text),
    ("refresh-grace", Kind::Text),
    ("refresh-needs-offline-access", Kind::Text),
];

/// The field with the values that the others were filled in from.
const SEEN: &str = "seen";

/// The values of the fields, by the names of the options.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// Those that `client` has.
    pub(super) fn of(client: &Client) -> Self {
        let end = client.password_grant_end.map(|end| rfc3339(end.until));
        let mapped: Vec<String> = client.claim_map.iter().map(|(claim, source)| format!("{claim}={source}")).collect();
        Self(BTreeMap::from([
            // As it comes back from the form.
            ("name", client.name.as_deref().unwrap_or_default().trim().to_owned()),
            ("grant", spaced(&client.grants)),
            ("password-grant-until", end.unwrap_or_default()),
            ("capability", spaced(&client.capabilities)),
            ("auth-method", client.authentication.method().to_string()),
            ("scope", client.scopes.to_string()),
            ("default-scope", client.default_scopes.to_string()),
            ("audience", spaced(&client.audiences)),
            ("chain", spaced(&client.chains)),
            ("access-token-format", client.access_token_format.to_string()),
            ("access-token-lifetime", Span(client.access_token_lifetime).to_string()),
            ("map", mapped.join("\n")),
            ("signing-alg", client.signing_algorithm.map(|algorithm| algorithm.to_string()).unwrap_or_default()),
            ("refresh-idle-lifetime", Span(client.refresh.idle_lifetime).to_string()),
            ("refresh-lifetime", Span(client.refresh.lifetime).to_string()),
            ("refresh-grace", Span(client.refresh.grace).to_string()),
            ("refresh-needs-offline-access", client.refresh.needs_offline_access.to_string()),
        ]))
    }

    /// Those that were sent.
    pub(super) fn sent(posted: &Posted) -> Self {
        let value = |name, kind| match kind {
            Kind::Text => posted.text(name).to_owned(),
            Kind::List => posted.all(name).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" "),
            Kind::Lines => lines(posted.text(name)).collect::<Vec<_>>().join("\n"),
        };
        Self(OPTIONS.iter().map(|(name, kind)| (*name, value(name, *kind))).collect())
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The method by which the client is to authenticate, if it is one.
    pub(super) fn method(&self) -> Option<AuthMethod> {
        self.get("auth-method").parse().ok()
    }

    /// Whether a list has a value.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.get(name).split(' ').any(|one| one == value)
    }

    /// `line`, with the options in which these differ from `before`. An empty value clears what was there.
    pub(super) fn changes(&self, before: &Self, mut line: Line) -> Line {
        for (name, kind) in OPTIONS {
            let (value, option) = (self.get(name), format!("--{name}"));
            if value == before.get(name) {
                continue;
            }
            line = match kind {
                Kind::Lines if !value.is_empty() => lines(value).fold(line, |line, each| line.option(&option, each)),
                _ => line.option(&option, value),
            };
        }
        line
    }

    /// The names of the options in which they differ.
    pub(super) fn differences(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        OPTIONS.iter().map(|(name, _)| *name).filter(|name| self.get(name) != other.get(name))
    }

    /// These, where they were changed from what was `seen`, and `theirs` otherwise.
    pub(super) fn merged(&self, seen: &Self, theirs: &Self) -> Self {
        let value = |name| if self.get(name) == seen.get(name) { theirs.get(name) } else { self.get(name) };
        Self(OPTIONS.iter().map(|(name, _)| (*name, value(name).to_owned())).collect())
    }

    /// The field that sends them along with a form that was filled in from them.
    pub(super) fn seen(&self) -> Markup {
        html! { input type="hidden" name=(SEEN) value=(json!(self.0)); }
    }

    /// Those that were sent along.
    pub(super) fn were_seen(posted: &Posted) -> Option<Self> {
        let sent: BTreeMap<String, String> = serde_json::from_str(posted.exact(SEEN)).ok()?;
        let value = |name| sent.get(name).cloned().unwrap_or_default();
        Some(Self(OPTIONS.iter().map(|(name, _)| (*name, value(*name))).collect()))
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn spaced<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_option_of_a_client_has_its_field() {
        let mut command = crate::CommandLine::command();
        command.build();
        let create = command.find_subcommand("client").and_then(|client| client.find_subcommand("create"));
        let options = create.expect("the command").get_arguments().filter(|argument| !argument.is_global_set());
        let names: BTreeSet<&str> = options.filter_map(clap::Arg::get_long).filter(|name| *name != "help").collect();
        let mut fields: BTreeSet<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
        // These are fields of their own kind: text to paste, and a secret. A weak secret is not taken on a page.
        fields.extend(["jwks-file", "secret-stdin", "allow-weak-secret"]);
        assert_eq!(names, fields);
    }
}
