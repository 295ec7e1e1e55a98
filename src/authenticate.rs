//! Who is asking: the client, then the resource owner.

pub mod client;
pub mod user;
