//! The service that the clients are run against.

use std::error::Error;
use std::fmt::Debug;
use std::{env, fs};

use oauth2::RequestTokenError;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use reqwest::blocking::Client as HttpClient;
use reqwest::redirect::Policy;
use serde::Deserialize;

/// What ends a program: something that the service or the library did otherwise than it should.
pub type Failure = Box<dyn Error>;

/// Where the service is, and who may use it.
#[derive(Deserialize)]
pub struct Service {
    /// The issuer, exactly as it is configured.
    pub issuer: String,
    /// The scope that every client may ask for.
    pub scope: String,
    /// The user who logs in.
    pub user: User,
    /// The clients, by their authentication method.
    pub clients: Clients,
}

/// The resource owner.
#[derive(Deserialize)]
pub struct User {
    /// The username, which is also the email address.
    pub username: String,
    /// The right password.
    pub password: String,
    /// The claim `name`.
    pub name: String,
}

impl User {
    /// A password that is wrong, but almost right.
    #[must_use]
    pub fn wrong_password(&self) -> String {
        format!("{} ", self.password)
    }
}

/// The registered clients that these programs use.
#[derive(Deserialize)]
pub struct Clients {
    /// A client that authenticates by `client_secret_post`.
    pub post: Client,
    /// A client that authenticates by `client_secret_basic`, with an id and a secret that must be form-encoded.
    pub special: Client,
}

/// A confidential client.
#[derive(Deserialize)]
pub struct Client {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
}

/// The endpoints in the metadata.
#[derive(Deserialize)]
pub struct Metadata {
    issuer: String,
    /// The token endpoint (RFC 6749).
    pub token_endpoint: String,
    /// The introspection endpoint (RFC 7662).
    pub introspection_endpoint: String,
    /// The revocation endpoint (RFC 7009).
    pub revocation_endpoint: String,
}

impl Service {
    /// The service of this run.
    ///
    /// # Errors
    /// If the service is not described.
    pub fn of_this_run() -> Result<Self, Failure> {
        Ok(serde_json::from_slice(&fs::read(env::var("PASSGRANT_SERVICE")?)?)?)
    }

    /// The service's metadata.
    ///
    /// # Errors
    /// If the service does not answer with metadata, or they name another issuer.
    pub fn metadata(&self, http: &HttpClient) -> Result<Metadata, Failure> {
        let url = format!("{}/.well-known/oauth-authorization-server", self.issuer);
        let metadata: Metadata = serde_json::from_slice(&http.get(url).send()?.error_for_status()?.bytes()?)?;
        if metadata.issuer != self.issuer {
            return Err("the metadata are another issuer's".into());
        }
        Ok(metadata)
    }
}

/// An HTTP client as the libraries ask for: one that follows no redirect.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http_client() -> Result<HttpClient, Failure> {
    Ok(HttpClient::builder().redirect(Policy::none()).build()?)
}

/// Says that a rule held.
pub fn holds(client: &str, rule: &str) {
    println!("ok  {client}: {rule}");
}

/// Checks that a token request was refused with `invalid_grant`, which both libraries have the same type for.
///
/// # Panics
/// When it was not.
pub fn is_invalid_grant<T: Debug, E: Error + 'static>(answer: Result<T, RequestTokenError<E, BasicErrorResponse>>) {
    let Err(RequestTokenError::ServerResponse(refusal)) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.error(), &BasicErrorResponseType::InvalidGrant);
}
