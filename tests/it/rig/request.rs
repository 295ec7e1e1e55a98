//! Requests, as the clients of the tests send them.

#![expect(clippy::expect_used, reason = "a request that cannot be made has failed its test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use passgrant::source::FrontDoor;

use crate::rig::client::SECRET;
use crate::rig::user::PASSWORD;

/// Where requests come from that say nothing else.
const HOME: &str = "192.0.2.1";

/// A request that is sent from `address`, as the front door sees it.
pub(crate) fn from(address: &str, mut request: Request<Bytes>) -> Request<Bytes> {
    let address = Some(address.parse().expect("an address"));
    request.extensions_mut().insert(FrontDoor { address, appends: true });
    request
}

/// A password request for the user `ann`.
pub(crate) const LOGIN: [(&str, &str); 3] = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];

pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    from(HOME, request)
}

pub(crate) fn token_request(client: Option<(&str, &str)>, parameters: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = request(Method::POST, "/oauth2/token", form(parameters));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Some((id, secret)) = client {
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&basic(id, secret)).expect("a header"));
    }
    request
}

/// An introspection request of the client `api`.
pub(crate) fn introspection(token: &str) -> Request<Bytes> {
    let mut request = token_request(Some(("api", SECRET)), &[("token", token)]);
    *request.uri_mut() = "/oauth2/introspect".parse().expect("a path");
    request
}
