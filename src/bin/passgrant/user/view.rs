//! A user as it is shown: without the hash of the password.

use std::ops::Not;

use passgrant::client::id::ClientId;
use passgrant::clock::{Day, Timestamp};
use passgrant::json::Object;
use passgrant::scope::{Scope, ScopeToken};
use passgrant::store::users::change::Revision;
use passgrant::user::{Subject, User, Username};
use serde::Serialize;

use crate::attempts::view::AttemptsView;
use crate::output::{date, details, rfc3339};

/// A user. Times are in seconds.
#[derive(Serialize)]
pub(super) struct UserView<'a> {
    username: &'a Username,
    sub: &'a Subject,
    disabled: bool,
    has_password: bool,
    /// Left out unless it is so.
    #[serde(skip_serializing_if = "Not::not")]
    password_leaked: bool,
    claims: &'a Object,
    allowed_scopes: Option<Vec<&'a str>>,
    password_changed_at: Timestamp,
    last_login_day: Option<Day>,
    /// The client of the first login on that day.
    last_login_client: Option<&'a ClientId>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// What tells whether the claims or the scopes have changed.
    revision: Revision,
    /// What counts against guessing the password; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<AttemptsView>,
}

/// What is printed about a user who has been deleted.
#[derive(Serialize)]
pub(super) struct Deleted<'a> {
    pub(super) username: &'a Username,
    pub(super) deleted: bool,
}

/// A username for which no wrong password counts any more.
#[derive(Serialize)]
pub(super) struct Unlocked<'a> {
    pub(super) username: &'a Username,
    pub(super) unlocked: bool,
}

impl<'a> UserView<'a> {
    pub(super) const HEADINGS: [&'static str; 4] = ["USERNAME", "SUB", "CREATED", "STATE"];

    pub(super) fn new(user: &'a User) -> Self {
        let tokens = |scope: &'a Scope| scope.iter().map(ScopeToken::as_str).collect();
        Self {
            username: &user.username,
            sub: &user.subject,
            disabled: user.disabled,
            has_password: user.password_hash.is_some(),
            password_leaked: user.leak_check().is_some_and(|check| check.leaked),
            claims: &user.claims,
            allowed_scopes: user.allowed_scopes.as_ref().map(tokens),
            password_changed_at: user.password_changed_at,
            last_login_day: user.last_login_day,
            last_login_client: user.last_login_client.as_ref(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            revision: Revision::of(user),
            attempts: None,
        }
    }

    /// The same, with the attempts at the user's password.
    pub(super) fn with_attempts(self, attempts: AttemptsView) -> Self {
        Self { attempts: Some(attempts), ..self }
    }

    pub(super) fn row(&self) -> [String; 4] {
        let day = date(self.created_at.day());
        [self.username.to_string(), self.sub.as_str().to_owned(), day, self.state().to_owned()]
    }

    pub(super) fn text(&self) -> String {
        let leaked = if self.password_leaked { ", on a list of leaked ones" } else { "" };
        let password = if self.has_password {
            format!("set {}{leaked}", rfc3339(self.password_changed_at))
        } else {
            "none".to_owned()
        };
        let scopes = self
            .allowed_scopes
            .as_ref()
            .map(|scopes| if scopes.is_empty() { "none".to_owned() } else { scopes.join(" ") });
        let mut rows = vec![
            ("Username", self.username.to_string()),
            ("Subject", self.sub.as_str().to_owned()),
            ("State", self.state().to_owned()),
            ("Password", password),
            ("Last login", self.last_login_day.map_or("never noted".to_owned(), date)),
        ];
        rows.extend(self.last_login_client.map(|client| ("First client that day", client.to_string())));
        rows.push(("Allowed scopes", scopes.unwrap_or_else(|| "the client's".to_owned())));
        rows.extend(self.claims.iter().map(|(name, value)| ("Claim", format!("{name} = {value}"))));
        rows.extend(self.attempts.iter().flat_map(AttemptsView::rows));
        rows.push(("Created", rfc3339(self.created_at)));
        rows.push(("Updated", rfc3339(self.updated_at)));
        rows.push(("Revision", self.revision.to_string()));
        details(rows)
    }

    fn state(&self) -> &'static str {
        if self.disabled { "disabled" } else { "enabled" }
    }
}
