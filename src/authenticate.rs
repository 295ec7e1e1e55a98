//! Authentication: who is asking, first the client and then the resource owner.

pub mod assertion;
pub mod client;
pub mod credentials;
mod decision;
pub mod delegated;
pub mod leaks;
pub mod lockout;
pub mod user;
