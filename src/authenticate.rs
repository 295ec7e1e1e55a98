//! Who is asking: the client, then the resource owner.

pub mod assertion;
pub mod client;
pub mod user;
