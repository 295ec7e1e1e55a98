//! Who is asking: the client, then the resource owner.

pub mod assertion;
pub mod attempts;
mod chain;
pub mod client;
pub mod delegated;
pub mod user;
