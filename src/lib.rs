//! An OAuth 2.0 token service for the Resource Owner Password Credentials grant (RFC 6749, section 4.3).
//!
//! The modules stand in the order in which a request meets them: [`lambda`] and
//! [`router`] find the endpoint, [`endpoint`] reads as
//! the protocol does, [`authenticate`] proves who asks, [`session`] and [`token`] make what is answered, [`store`] and
//! [`signing`] are DynamoDB and KMS, and what stands below them are the protocol's words as types.

pub mod lambda;
pub mod router;

pub mod endpoint;

pub mod service;

pub mod authenticate;
pub mod authorize;
pub mod session;
pub mod token;

pub mod signing;
pub mod store;

pub mod form;
pub mod response;

pub mod audience;
pub mod chain;
pub mod claims;
pub mod client;
pub mod issuer;
pub mod jose;
pub mod name;
pub mod password;
pub mod scope;
pub mod user;

pub mod aws;
pub mod clock;
pub mod config;
pub mod error;
pub mod json;
pub mod random;
pub mod telemetry;
