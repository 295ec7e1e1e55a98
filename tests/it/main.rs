//! Integration tests: the service as its clients meet it.

mod app;
mod delegate;
mod kms;
mod loopback;
mod sdk;
mod wire;

mod answers;
mod chains;
mod client_authentication;
mod discovery;
mod documentation;
mod events;
mod faults;
mod logs;
mod password_grant;
mod refresh_grant;
mod round_trips;
mod signing;
