//! The rig: the service under test, what stands in for everything around it, and what the tests ask it with.

pub(crate) mod app;
pub(crate) mod delegate;
pub(crate) mod kms;
pub(crate) mod loopback;
mod openapi;
pub(crate) mod sdk;
pub(crate) mod wire;
