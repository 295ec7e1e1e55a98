//! What RFC 7515 to RFC 7518 and RFC 7638 define: algorithms, public keys, compact tokens, and the verification of
//! signatures.

pub mod algorithm;
pub(crate) mod ecdsa;
pub mod jwk;
pub mod jws;
mod verification;
