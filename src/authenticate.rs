//! Who is asking: the client, then the resource owner.

mod chain;
pub mod client;
pub mod delegated;
pub mod user;
