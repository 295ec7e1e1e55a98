//! The real `passgrant`, as its users run it.

mod clients;
mod command;
mod folders;
mod http;
mod hygiene;
mod limits;
mod memory;
mod server;
mod serving;
mod sessions;
mod usage;
mod users;
