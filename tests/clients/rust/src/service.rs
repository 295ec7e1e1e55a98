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

/// Where it is, and who may use it.
#[derive(Deserialize)]
pub struct Service {
    /// To the byte.
    pub issuer: String,
    /// What every client may ask for.
    pub scope: String,
    /// Who signs in.
    pub user: User,
    /// By how they authenticate.
    pub clients: Clients,
}

/// The resource owner.
#[derive(Deserialize)]
pub struct User {
    /// Also the email address.
    pub username: String,
    /// The right one.
    pub password: String,
    /// The claim.
    pub name: String,
}

impl User {
    /// Not the password, though nearly.
    #[must_use]
    pub fn wrong_password(&self) -> String {
        format!("{} ", self.password)
    }
}

/// The registered clients that these programs are.
#[derive(Deserialize)]
pub struct Clients {
    /// By `client_secret_post`.
    pub post: Client,
    /// By `client_secret_basic`, with an identifier and a secret that must be form-encoded.
    pub special: Client,
}

/// A confidential client.
#[derive(Deserialize)]
pub struct Client {
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// What the metadata say of the endpoints.
#[derive(Deserialize)]
pub struct Metadata {
    issuer: String,
    /// RFC 6749.
    pub token_endpoint: String,
    /// RFC 7662.
    pub introspection_endpoint: String,
    /// RFC 7009.
    pub revocation_endpoint: String,
}

impl Service {
    /// The one of this run.
    ///
    /// # Errors
    /// When it is not described.
    pub fn of_this_run() -> Result<Self, Failure> {
        Ok(serde_json::from_slice(&fs::read(env::var("PASSGRANT_SERVICE")?)?)?)
    }

    /// Its metadata.
    ///
    /// # Errors
    /// When it does not answer with them, or they name another issuer.
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
