//! Authorization: what a request is granted, of what its client may have and its user may grant.

pub mod audience;
pub mod scope;
