//! The formats of a file of users, each with its own file here.

use std::path::Path;

use clap::ValueEnum;

use crate::user::import::elements::Shape;
use crate::user::import::{firebase, keycloak};

/// Which system a file of users is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A row for each user, with a header that names the members of jsonl
    Csv,
    /// An object on each line: what `user export` writes
    Jsonl,
    /// A realm that Keycloak exported with its users
    Keycloak,
    /// Users of Auth0, as JSON lines or an array
    Auth0,
    /// Users of Amazon Cognito, as CSV or from list-users; without hashes
    Cognito,
    /// Users of Django, from dumpdata or as CSV
    Django,
    /// Users of Firebase, from auth:export as JSON
    Firebase,
    /// Lines of a shadow file
    Shadow,
}

/// How a file is divided into users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Lines,
    Rows,
    Elements(Shape),
}

impl Format {
    /// The format that a file's name tells.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        match &*path.extension()?.to_str()?.to_ascii_lowercase() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// The format's name on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How a file in this format is divided, whose first character that is no space is `first`.
    pub(super) fn layout(self, first: Option<u8>) -> Layout {
        let is_json = matches!(first, Some(b'{' | b'['));
        match self {
            Self::Csv => Layout::Rows,
            Self::Jsonl | Self::Shadow => Layout::Lines,
            Self::Cognito | Self::Django if !is_json => Layout::Rows,
            Self::Auth0 if first != Some(b'[') => Layout::Lines,
            Self::Auth0 | Self::Django => Layout::Elements(Shape::Array),
            Self::Cognito => Layout::Elements(Shape::Member("Users")),
            Self::Keycloak => Layout::Elements(Shape::Member(keycloak::USERS)),
            Self::Firebase => Layout::Elements(Shape::Member(firebase::USERS)),
        }
    }

    /// Whether the system tells nobody the hashes of passwords.
    pub(super) fn has_no_hashes(self) -> bool {
        self == Self::Cognito
    }
}
