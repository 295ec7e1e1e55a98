//! Who is asking: the client, then the resource owner.

pub mod assertion;
mod chain;
pub mod client;
pub mod delegated;
pub mod user;
