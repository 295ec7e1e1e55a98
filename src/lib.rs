//! An OAuth 2.0 token service for the Resource Owner Password Credentials grant (RFC 6749, section 4.3).
//!
//! The modules stand in floors, the top one first, and import only downwards; `docs/architecture.md` lists them. A request
//! comes in at the top: [`lambda`] and [`router`] find the endpoint, [`endpoint`] reads as the protocol does, [`token`] and
//! [`session`] make what is answered, [`authorize`] decides what is granted and [`authenticate`] who asks. [`store`] and
//! [`signing`] are DynamoDB and KMS, [`jose`] is what tokens and keys are made of, and below that are the protocol's words
//! as types.

pub mod lambda;
pub mod router;

pub mod endpoint;
pub mod service;

pub mod session;
pub mod token;

pub mod config;

pub mod authenticate;
pub mod authorize;

pub mod signing;

pub mod store;

pub mod claims;
pub mod client;
pub mod password;
pub mod user;

pub mod aws;
pub mod chain;
pub mod form;
pub mod random;
pub mod response;

pub mod jose;

pub mod audience;
pub mod clock;
pub mod error;
pub mod issuer;
pub mod json;
pub mod name;
pub mod scope;
pub mod telemetry;
