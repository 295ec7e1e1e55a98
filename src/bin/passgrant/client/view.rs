//! A client as it is shown: everything except what only the client itself may know.

use std::time::Duration;

use passgrant::audience::Audience;
use passgrant::client::authentication::AuthMethod;
use passgrant::client::claim_map::ClaimMap;
use passgrant::client::id::ClientId;
use passgrant::client::secret::{ClientSecret, StoredSecret};
use passgrant::client::{AccessTokenFormat, Capability, Client, Grant};
use passgrant::clock::{Day, Span, Timestamp};
use passgrant::jose::algorithm::Algorithm;
use passgrant::scope::{Scope, ScopeToken};
use passgrant::store::clients::Revision;
use serde::Serialize;

use crate::output::{date, details, rfc3339};

/// A client, and its new secret if it has just been given one. Durations and times are in seconds.
#[derive(Serialize)]
pub(crate) struct ClientView<'a> {
    client_id: &'a ClientId,
    /// Which version of it this is, if it was read from the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    name: Option<&'a str>,
    disabled: bool,
    auth_method: AuthMethod,
    grants: &'a [Grant],
    password_grant_until: Option<Timestamp>,
    password_grant_end_announced_at: Option<Timestamp>,
    capabilities: &'a [Capability],
    scopes: Vec<&'a str>,
    default_scopes: Vec<&'a str>,
    audiences: &'a [Audience],
    access_token_format: AccessTokenFormat,
    claim_map: &'a ClaimMap,
    access_token_lifetime: u64,
    refresh_idle_lifetime: u64,
    refresh_lifetime: u64,
    refresh_grace: u64,
    refresh_needs_offline_access: bool,
    signing_algorithm: Option<Algorithm>,
    chains: Vec<String>,
    secrets: Vec<SecretView<'a>>,
    keys: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct SecretView<'a> {
    id: &'a str,
    created_at: Timestamp,
    not_after: Option<Timestamp>,
}

/// What is printed about a client that has been deleted.
#[derive(Serialize)]
pub(super) struct Deleted<'a> {
    pub(super) client_id: &'a ClientId,
    pub(super) deleted: bool,
}

impl<'a> ClientView<'a> {
    pub(super) const HEADINGS: [&'static str; 5] = ["CLIENT ID", "NAME", "AUTH METHOD", "SCOPES", "STATE"];

    pub(crate) fn new(client: &'a Client) -> Self {
        let secret = |secret: &'a StoredSecret| SecretView {
            id: secret.id(),
            created_at: secret.created_at(),
            not_after: secret.not_after,
        };
        Self {
            client_id: &client.id,
            revision: None,
            client_secret: None,
            name: client.name.as_deref(),
            disabled: client.disabled,
            auth_method: client.authentication.method(),
            grants: &client.grants,
            password_grant_until: client.password_grant_end.map(|end| end.until),
            password_grant_end_announced_at: client.password_grant_end.map(|end| end.announced_at),
            capabilities: &client.capabilities,
            scopes: tokens(&client.scopes),
            default_scopes: tokens(&client.default_scopes),
            audiences: &client.audiences,
            access_token_format: client.access_token_format,
            claim_map: &client.claim_map,
            access_token_lifetime: client.access_token_lifetime.as_secs(),
            refresh_idle_lifetime: client.refresh.idle_lifetime.as_secs(),
            refresh_lifetime: client.refresh.lifetime.as_secs(),
            refresh_grace: client.refresh.grace.as_secs(),
            refresh_needs_offline_access: client.refresh.needs_offline_access,
            signing_algorithm: client.signing_algorithm,
            chains: client.chains.iter().map(ToString::to_string).collect(),
            secrets: client.authentication.secrets().iter().map(secret).collect(),
            keys: client.authentication.keys().map(|keys| keys.names().collect()).unwrap_or_default(),
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }

    /// Shows which revision it is, for `--if-revision`.
    pub(super) fn of_revision(read: &'a Revision) -> Self {
        Self { revision: Some(read.to_string()), ..Self::new(&read.client) }
    }

    /// Shows `secret` as well, the only time that it is shown.
    pub(super) fn with_secret(mut self, secret: Option<&'a ClientSecret>) -> Self {
        self.client_secret = secret.map(ClientSecret::expose);
        self
    }

    pub(super) fn row(&self) -> [String; 5] {
        [
            self.client_id.to_string(),
            self.name.unwrap_or_default().to_owned(),
            self.auth_method.to_string(),
            self.scopes.join(" "),
            self.state().to_owned(),
        ]
    }

    pub(super) fn text(&self) -> String {
        details(self.rows()) + &self.secret_text()
    }

    fn secret_text(&self) -> String {
        let secret = self.client_secret.map(|secret| format!("\n\nThe secret, shown only this once:\n\n{secret}"));
        secret.unwrap_or_default()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("Client ID", self.client_id.to_string()),
            ("Name", self.name.unwrap_or("-").to_owned()),
            ("State", self.state().to_owned()),
            ("Auth method", self.auth_method.to_string()),
            ("Grants", list(self.grants)),
            (
                "Password grant",
                self.password_grant_until.map_or("no end".to_owned(), |end| format!("until {}", rfc3339(end))),
            ),
            ("Capabilities", list(self.capabilities)),
            ("Scopes", list(&self.scopes)),
            ("Default scopes", list(&self.default_scopes)),
            ("Audiences", if self.audiences.is_empty() { "the issuer".to_owned() } else { list(self.audiences) }),
            ("Access tokens", format!("{}, valid for {}", self.access_token_format, time(self.access_token_lifetime))),
            ("Claims", self.claims()),
            (
                "Sessions",
                format!(
                    "at most {}, {} without a refresh; grace {}{}",
                    time(self.refresh_lifetime),
                    time(self.refresh_idle_lifetime),
                    time(self.refresh_grace),
                    if self.refresh_needs_offline_access { "; only with offline_access" } else { "" },
                ),
            ),
            ("Algorithm", self.signing_algorithm.map_or("the server's", Algorithm::as_str).to_owned()),
        ];
        if !self.chains.is_empty() {
            rows.push(("Chains", list(&self.chains)));
        }
        rows.extend(self.secrets.iter().map(|secret| ("Secret", secret.text())));
        rows.extend(self.keys.iter().map(|key| ("Key", key.clone())));
        rows.push(("Created", rfc3339(self.created_at)));
        rows.push(("Updated", rfc3339(self.updated_at)));
        rows.extend(self.revision.iter().map(|revision| ("Revision", revision.clone())));
        rows
    }

    fn claims(&self) -> String {
        let mapped: Vec<_> = self.claim_map.iter().map(|(claim, source)| format!("{claim}={source}")).collect();
        if mapped.is_empty() { "-".to_owned() } else { mapped.join("\n") }
    }

    fn state(&self) -> &'static str {
        if self.disabled { "disabled" } else { "enabled" }
    }
}

/// A client, and on which day it last used the password grant.
#[derive(Serialize)]
pub(super) struct UsedView<'a> {
    #[serde(flatten)]
    client: ClientView<'a>,
    last_use_day: Option<Day>,
}

impl<'a> UsedView<'a> {
    pub(super) fn new(client: ClientView<'a>, last_use_day: Option<Day>) -> Self {
        Self { client, last_use_day }
    }

    pub(super) fn text(&self) -> String {
        let last_use = self.last_use_day.map_or("never noted".to_owned(), date);
        let mut rows = self.client.rows();
        let after_the_end = rows.iter().position(|(name, _)| *name == "Password grant").map_or(0, |at| at + 1);
        rows.insert(after_the_end, ("Last used", last_use));
        details(rows)
    }
}

impl SecretView<'_> {
    fn text(&self) -> String {
        let end = self.not_after.map(|end| format!(", expires {}", rfc3339(end)));
        format!("{}, created {}{}", self.id, rfc3339(self.created_at), end.as_deref().unwrap_or_default())
    }
}

fn tokens(scope: &Scope) -> Vec<&str> {
    scope.iter().map(ScopeToken::as_str).collect()
}

fn list<T: ToString>(values: &[T]) -> String {
    if values.is_empty() {
        "-".to_owned()
    } else {
        values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

fn time(seconds: u64) -> String {
    Span(Duration::from_secs(seconds)).to_string()
}
