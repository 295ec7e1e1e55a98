//! The endpoints.

pub mod authorize;
pub mod discovery;
pub mod introspect;
mod presented;
pub mod revoke;
pub mod token;
pub mod userinfo;
