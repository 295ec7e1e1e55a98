//! The real `passgrant`, as its users run it.

/// What the integration tests' rig has for these too.
#[path = "../it/rig"]
mod rig {
    #[expect(dead_code, reason = "some paths cannot be sent over HTTP")]
    pub(crate) mod path;
}

mod attempts;
mod blocklist;
mod client_rules;
mod clients;
mod command;
mod cost;
mod departures;
mod examples;
mod exports;
mod folders;
mod http;
mod hygiene;
mod import_files;
mod import_formats;
mod import_resumed;
mod import_throttled;
mod importing;
mod imports;
mod keys;
mod legacy_login;
mod limits;
mod memory;
mod reports;
mod retirement;
mod secrets;
mod server;
mod serving;
mod sessions;
mod shell;
mod table_copy;
mod usage;
mod users;
