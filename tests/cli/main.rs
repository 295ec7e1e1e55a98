//! The real `passgrant`, as its users run it.

/// What the integration tests' rig has for these too.
#[path = "../it/rig"]
mod rig {
    #[expect(dead_code, reason = "only the integration tests have a service that writes them")]
    pub(crate) mod audited;
    #[expect(dead_code, reason = "some paths cannot be sent over HTTP")]
    pub(crate) mod path;
}

mod attempts;
mod audit;
mod audit_aws;
mod audit_identity;
mod audit_serve;
mod blocklist;
mod client_revisions;
mod client_rules;
mod clients;
mod cloudformation;
mod command;
mod console;
mod console_access;
mod console_clients;
mod console_files;
mod console_keys;
mod console_try;
mod console_users;
mod console_wrapped_keys;
mod cost;
mod departures;
mod doctor;
mod doctor_preflight;
mod doctor_proxy;
mod doctor_tls;
mod examples;
mod exports;
mod failover;
mod folders;
mod http;
mod hygiene;
mod import_files;
mod import_formats;
mod import_repeated;
mod import_resumed;
mod import_throttled;
mod importing;
mod imports;
mod keys;
mod known;
mod legacy_login;
mod limits;
mod loopback;
mod memory;
mod pages;
mod reports;
mod retirement;
mod sam;
mod secrets;
mod server;
mod serving;
mod serving_log;
mod sessions;
mod shell;
mod stacks;
mod table_copy;
mod usage;
mod user_changes;
mod user_search;
mod users;
