//! Passgrant: an OAuth 2.0 token service for the Resource Owner Password Credentials grant (RFC 6749, section 4.3), as one
//! AWS Lambda function on DynamoDB and KMS.
//!
//! # A password request, from top to bottom
//!
//! 1. [`lambda`] turns the event of a front door into an HTTP request. The local server calls [`router::handle`] itself.
//! 2. [`router`] finds the endpoint, and gives the request an id, a deadline and a record for the log ([`telemetry`]).
//! 3. [`endpoint::token`] reads the parameters ([`form`]) and chooses the grant, which is written as the protocol reads. All
//!    endpoints work with one [`Service`](service::Service), set up once as [`config`] says.
//! 4. [`authenticate::client`] authenticates the [`client`].
//! 5. [`authorize::scope`] and [`authorize::audience`] check what is requested against what the client may have. A [`chain`]
//!    is selected: the verifiers that decide about the user.
//! 6. [`authenticate::user`] reserves an attempt ([`authenticate::lockout`]) and authenticates the [`user`], by the
//!    [`password`] or by asking another service ([`authenticate::delegated`]).
//! 7. [`Authorization`](authorize::Authorization) puts the proofs of these steps together. Tokens are minted from nothing else, so
//!    a forgotten check does not compile.
//! 8. [`session`] begins a session, whose refresh token continues it later, and [`token`] makes the access token and the ID
//!    token. [`store`] keeps what must be kept, in DynamoDB; [`signing`] signs, with KMS, in the forms that [`jose`] defines.
//!    [`last_use`] notes the day, once a day for each client and user.
//! 9. [`response`] writes the answer. What fails on the way is an [`error::Error`]; its status and its code are decided in
//!    one place, [`error::Kind::answer`].
//!
//! # Floors
//!
//! The modules are declared below in floors, the top one first, and import only downwards. The lowest floor holds the
//! protocol's words as types, such as [`scope`], [`audience`] and [`issuer`]. `docs/architecture.md` lists the floors, and a
//! test holds the imports against that list.

pub mod lambda;
pub mod router;

pub mod endpoint;
pub mod service;

pub mod last_use;
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
pub mod response;

pub mod jose;

pub mod audience;
pub mod audit;
mod bounded_cache;
pub mod clock;
#[cfg(feature = "cli")]
pub mod connections;
pub mod dependency;
pub mod error;
pub mod issuer;
pub mod json;
pub mod name;
pub mod origin;
pub mod random;
pub mod scope;
pub mod source;
pub mod telemetry;
