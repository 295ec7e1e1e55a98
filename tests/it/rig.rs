//! The rig: the service under test, what stands in for everything around it, and what the tests ask it with.

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod assertion;
pub(crate) mod attempts;
pub(crate) mod chain;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod delegate;
pub(crate) mod demo;
pub(crate) mod envelope;
pub(crate) mod jwt;
pub(crate) mod key_pair;
pub(crate) mod keys;
pub(crate) mod kms;
pub(crate) mod log;
pub(crate) mod loopback;
mod openapi;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod random;
pub(crate) mod request;
pub(crate) mod rounds;
pub(crate) mod sdk;
pub(crate) mod template;
pub(crate) mod user;
pub(crate) mod wire;
