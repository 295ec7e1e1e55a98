//! The real `passgrant`, as its users run it.

/// What the integration tests' rig has for these too.
#[path = "../it/rig"]
mod rig {
    #[expect(dead_code, reason = "some paths cannot be sent over HTTP")]
    pub(crate) mod path;
}

mod blocklist;
mod client_rules;
mod clients;
mod command;
mod cost;
mod departures;
mod folders;
mod http;
mod hygiene;
mod keys;
mod legacy_login;
mod limits;
mod memory;
mod secrets;
mod server;
mod serving;
mod sessions;
mod shell;
mod usage;
mod users;
