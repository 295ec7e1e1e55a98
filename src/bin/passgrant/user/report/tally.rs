//! The counts of a report.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use passgrant::password::HashKind;
use passgrant::user::User;
use serde::Serialize;

use crate::output::{details, listing, rfc3339};

/// How many users there are of each kind.
#[derive(Default)]
pub(super) struct Tally {
    users: u64,
    disabled: u64,
    without_password: u64,
    passwords: BTreeMap<HashKind, u64>,
    never: u64,
    months: BTreeMap<String, u64>,
}

/// The counts, as they are printed.
#[derive(Serialize)]
pub(super) struct Summary {
    users: u64,
    disabled: u64,
    pub(super) without_password: u64,
    /// The most frequent first.
    pub(super) passwords: Vec<Passwords>,
    pub(super) last_login: LastLogin,
}

/// The users whose passwords are hashed in one way.
#[derive(Serialize)]
pub(super) struct Passwords {
    algorithm: String,
    parameters: String,
    pub(super) users: u64,
    #[serde(skip)]
    pub(super) kind: String,
}

/// When users last logged in with their password, by month (UTC).
#[derive(Serialize)]
pub(super) struct LastLogin {
    /// Users of whom no login was noted.
    pub(super) never: u64,
    pub(super) months: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, user: &User) {
        self.users += 1;
        self.disabled += u64::from(user.disabled);
        match &user.password_hash {
            None => self.without_password += 1,
            Some(hash) => *self.passwords.entry(hash.kind()).or_default() += 1,
        }
        match user.last_login_day {
            None => self.never += 1,
            Some(day) => {
                let month = rfc3339(day.start()).chars().take("2026-11".len()).collect();
                *self.months.entry(month).or_default() += 1;
            }
        }
    }

    pub(super) fn summary(self) -> Summary {
        let passwords = |(kind, users): (HashKind, u64)| Passwords {
            algorithm: kind.algorithm().to_owned(),
            parameters: kind.parameters().to_owned(),
            users,
            kind: kind.to_string(),
        };
        let mut passwords: Vec<Passwords> = self.passwords.into_iter().map(passwords).collect();
        passwords.sort_by_key(|passwords| Reverse(passwords.users));
        Summary {
            users: self.users,
            disabled: self.disabled,
            without_password: self.without_password,
            passwords,
            last_login: LastLogin { never: self.never, months: self.months },
        }
    }
}

impl Summary {
    pub(super) fn text(&self) -> String {
        let row = |name: &str, users: u64| [name.to_owned(), users.to_string(), self.share(users)];
        let mut passwords: Vec<_> = self.passwords.iter().map(|known| row(&known.kind, known.users)).collect();
        if self.without_password > 0 {
            passwords.push(row("no password", self.without_password));
        }
        let LastLogin { never, months } = &self.last_login;
        let mut logins: Vec<_> = months.iter().rev().map(|(month, users)| row(month, *users)).collect();
        if *never > 0 {
            logins.push(row("none noted", *never));
        }
        let totals = details([("Users", self.users.to_string()), ("Disabled", self.disabled.to_string())]);
        let passwords = listing(["PASSWORD", "USERS", "SHARE"], passwords, "There are no users.");
        let logins = listing(["LAST LOGIN", "USERS", "SHARE"], logins, "");
        format!("{totals}\n\n{passwords}\n\n{logins}")
    }

    /// Rounded down, so that only everybody is 100 %.
    fn share(&self, users: u64) -> String {
        match users * 100 / self.users.max(1) {
            0 if users > 0 => "< 1 %".to_owned(),
            percent => format!("{percent} %"),
        }
    }
}
