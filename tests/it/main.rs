//! Integration tests: the service as its clients meet it.

mod rig;

mod answers;
mod at_rest;
mod attempts;
mod authorization;
mod cancellation;
mod chains;
mod claims;
mod client_assertion;
mod client_authentication;
mod client_directory;
mod cross_origin;
mod discovery;
mod documentation;
mod events;
mod faults;
mod forged_tokens;
mod forms;
mod house;
mod id_tokens;
mod introspection;
mod listed_keys;
mod logs;
mod password_grant;
mod password_hashes;
mod pinned_keys;
mod refresh_grant;
mod refresh_model;
mod revocation;
mod round_trips;
mod signing;
mod stored_layout;
mod userinfo;
mod verifier_answers;
