//! Audit events: who did what, when, and with what outcome. docs/audit.md describes them, and docs/audit.schema.json says exactly
//! what each may hold.
//!
//! No event holds a password, a secret, a token or a hash. The function names users by `sub` only.

pub mod action;
pub mod log;

use std::fmt;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use crate::audit::action::Action;

/// What the member `type` of every event says, by which events are told apart from other lines of a log.
pub const TYPE: &str = "passgrant.audit";
/// The version of the schema. A member that is added does not change it.
pub const SCHEMA: u8 = 1;

/// A closed list of words, each with the name that it has in an event.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $count:literal: $($(#[$of:meta])* $variant:ident = $word:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; $count] = [$(Self::$variant),*];

            /// The name that it has in an event.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where an event comes from.
    Origin, 3:
    /// The function, which answered a request.
    Function = "function",
    /// The command line.
    CommandLine = "command_line",
    /// The console, a page on the operator's own machine.
    Console = "console",
}

words! {
    /// How it ended.
    Outcome, 4:
    /// It has begun: something that changes many things, and tells the end in another event.
    Begun = "begun",
    /// It was done.
    Succeeded = "succeeded",
    /// It was not done, and nothing was changed: a request or a command was refused.
    Refused = "refused",
    /// An error ended it, and part of it may have been done.
    Failed = "failed",
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor<'a> {
    /// A client, which has authenticated.
    Client(&'a str),
    /// A principal of AWS, by its ARN.
    Aws(&'a str),
    /// A user of the machine that the command ran on.
    LocalUser(&'a str),
    /// Nobody who is known.
    Anonymous,
}

impl Actor<'_> {
    const fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Client(id) => ("client", Some(id)),
            Self::Aws(arn) => ("aws", Some(arn)),
            Self::LocalUser(name) => ("local_user", Some(name)),
            Self::Anonymous => ("anonymous", None),
        }
    }
}

impl Serialize for Actor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, id) = self.parts();
        let mut map = serializer.serialize_map(Some(1 + usize::from(id.is_some())))?;
        map.serialize_entry("kind", kind)?;
        if let Some(id) = id {
            map.serialize_entry("id", id)?;
        }
        map.end()
    }
}

words! {
    /// What kind of thing something was done to.
    TargetKind, 5:
    /// A client.
    Client = "client",
    /// A user: by `sub` in the function's events, by username in those of operators.
    User = "user",
    /// A session, by its `sid`.
    Session = "session",
    /// A signing key, by its name, or in a data folder by its algorithm.
    Key = "key",
    /// A table.
    Table = "table",
}

/// What something was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Target<'a> {
    /// What kind of thing it is.
    pub kind: TargetKind,
    /// Which of them.
    pub id: &'a str,
}

/// A moment, in milliseconds since the Unix epoch. It is written as RFC 3339, section 5.6 says, by UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment that is this long after the Unix epoch.
    #[must_use]
    pub fn after_epoch(time: Duration) -> Self {
        Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What cannot be written any more is beyond the year 9999.
        const LAST: u64 = 253_402_300_799_999;
        let time = UNIX_EPOCH + Duration::from_millis(self.0.min(LAST));
        fmt::Display::fmt(&humantime::format_rfc3339_millis(time), formatter)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How many of something there were, by the names that the schema has for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub Vec<(&'static str, u64)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// One event. It is made with [`Event::new`]; what else is known is filled in.
#[derive(Clone, Debug, Serialize)]
pub struct Event<'a> {
    r#type: &'static str,
    schema: u8,
    /// What it is called: no two events have the same. That of a request is the request's.
    pub id: &'a str,
    /// When it was over.
    pub time: Moment,
    /// Where it comes from.
    pub origin: Origin,
    /// Who did it.
    pub actor: Actor<'a>,
    /// What was done, or was to be done.
    pub action: Action,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target<'a>>,
    /// How it ended.
    pub outcome: Outcome,
    /// The `error` code of the answer to a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// Why it was not done, in words that hold no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// The request, by which its record is found in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
    /// The grant that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<&'a str>,
    /// What an operator should hear about, by the name that it has in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<&'a str>,
    /// The user, by `sub`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<&'a str>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// The names of what was changed; never the values.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub changed: &'a [String],
    /// How many were changed, for what changes many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<&'a Counts>,
}

impl<'a> Event<'a> {
    /// An event of which no more is known than every event says.
    #[must_use]
    pub const fn new(
        id: &'a str,
        time: Moment,
        origin: Origin,
        actor: Actor<'a>,
        action: Action,
        outcome: Outcome,
    ) -> Self {
        Self {
            r#type: TYPE,
            schema: SCHEMA,
            id,
            time,
            origin,
            actor,
            action,
            target: None,
            outcome,
            code: None,
            reason: None,
            request_id: None,
            grant: None,
            alert: None,
            sub: None,
            sid: None,
            changed: &[],
            counts: None,
        }
    }

    /// Appends the event to `line`, as one line of JSON with its end.
    ///
    /// # Errors
    /// None that an event in memory can have.
    pub fn write_line(&self, line: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *line, self)?;
        line.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_milliseconds_by_utc() {
        assert_eq!(Moment(1_767_225_600_007).to_string(), "2026-01-01T00:00:00.007Z");
        assert_eq!(Moment(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn an_event_is_one_line_with_what_is_known() {
        let actor = Actor::LocalUser("ann");
        let mut event =
            Event::new("1", Moment(0), Origin::CommandLine, actor, Action::ClientChanged, Outcome::Succeeded);
        event.target = Some(Target { kind: TargetKind::Client, id: "web\n" });
        let changed = ["scopes".to_owned()];
        event.changed = &changed;
        let mut line = Vec::new();
        event.write_line(&mut line).expect("JSON");
        assert_eq!(
            String::from_utf8(line).expect("UTF-8"),
            "{\"type\":\"passgrant.audit\",\"schema\":1,\"id\":\"1\",\"time\":\"1970-01-01T00:00:00.000Z\",\
             \"origin\":\"command_line\",\"actor\":{\"kind\":\"local_user\",\"id\":\"ann\"},\"action\":\"client.changed\",\
             \"target\":{\"kind\":\"client\",\"id\":\"web\\n\"},\"outcome\":\"succeeded\",\"changed\":[\"scopes\"]}\n"
        );
    }
}
