//! Integration tests: the service as its clients meet it.

mod app;
mod delegate;
mod kms;
mod loopback;
mod openapi;
mod sdk;
mod wire;

mod answers;
mod at_rest;
mod attempts;
mod authorization;
mod chains;
mod claims;
mod client_assertion;
mod client_authentication;
mod cross_origin;
mod discovery;
mod documentation;
mod events;
mod faults;
mod forms;
mod id_tokens;
mod introspection;
mod logs;
mod password_grant;
mod password_hashes;
mod refresh_grant;
mod refresh_model;
mod revocation;
mod round_trips;
mod signing;
mod stored_layout;
mod userinfo;
