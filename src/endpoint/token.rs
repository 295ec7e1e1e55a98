//! `POST /oauth2/token`: the token request (RFC 6749, section 3.2). Each grant has a file.

mod grant;
mod password;
mod refresh;

use bytes::Bytes;
use http::header::FORWARDED;
use http::{Request, Response, StatusCode};

use crate::authenticate::client::AuthenticatedClient;
use crate::client::{Capability, Grant, GrantEnd};
use crate::endpoint::token::grant::{Asked, GrantRequest};
use crate::endpoint::token::password::PasswordRequest;
use crate::endpoint::token::refresh::RefreshRequest;
use crate::error::Error;
use crate::form::Form;
use crate::response::{self, Caching};
use crate::service::Service;
use crate::source::{self, FrontDoor, Network};
use crate::telemetry::record::{Decision, RequestRecord};

/// Reads the parameters of a grant's requests.
type Read = for<'f> fn(&'f Form) -> Result<Box<dyn GrantRequest + 'f>, Error>;

/// Every grant, and how its requests are read.
const GRANTS: [(Grant, Read); Grant::ALL.len()] =
    [(Grant::Password, PasswordRequest::read), (Grant::RefreshToken, RefreshRequest::read)];

/// Every grant, in the order in which metadata lists them.
pub(super) fn grants() -> impl Iterator<Item = Grant> {
    GRANTS.into_iter().map(|(grant, _)| grant)
}

/// Answers a token request. Its parameters are read before the client is authenticated, and no check that needs the
/// client is made then.
///
/// # Errors
/// Those of RFC 6749, section 5.2 and RFC 8707, section 2; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    const NO_GRANT: Error = Error::invalid_request("The grant_type parameter is missing.");
    const UNKNOWN_GRANT: Error = Error::unsupported_grant_type("The grant is not supported.");

    record.decision(Decision::Token);
    let came = service.clock.now();
    let form = Form::parse(request.headers(), request.body())?;
    let named = form.value("grant_type").ok_or(NO_GRANT)?;
    let (grant, read) = GRANTS.into_iter().find(|(grant, _)| grant.as_str() == named).ok_or(UNKNOWN_GRANT)?;
    let grant_request = read(&form)?;
    record.grant(grant.as_str());
    let client = service.authenticate_client(request.headers(), &form, record).await?;
    if !client.may_use_at(grant, came) {
        return Err(Error::unauthorized_client("The client may not use this grant."));
    }
    let network = network_of_user(service, &client, request);
    let end = client.password_grant_end.filter(|_| grant == Grant::Password);
    let answer = grant_request.answer(Asked { service, client, came, network, record }).await?;
    let mut response = response::json(StatusCode::OK, &answer, Caching::Forbidden)?;
    if let Some(GrantEnd { until, announced_at }) = end {
        response::announce_end(response.headers_mut(), announced_at, until);
    }
    Ok(response)
}

/// Where the user of a request is: where the request came from, unless the client may say it for its users, who all come
/// through the client itself.
fn network_of_user(service: &Service, client: &AuthenticatedClient, request: &Request<Bytes>) -> Option<Network> {
    let headers = request.headers();
    if client.has(Capability::EndUserAddress) && headers.contains_key(FORWARDED) {
        return source::forwarded_for(headers);
    }
    service.config.trusted_hops.network(request.extensions().get::<FrontDoor>(), headers)
}
