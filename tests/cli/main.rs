//! The real `passgrant`, as its users run it.

mod client_rules;
mod clients;
mod command;
mod departures;
mod folders;
mod http;
mod hygiene;
mod keys;
mod limits;
mod memory;
mod secrets;
mod server;
mod serving;
mod sessions;
mod usage;
mod users;
