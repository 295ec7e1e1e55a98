//! `POST /oauth2/token`: the token request (RFC 6749, section 3.2). Each grant has a file.

mod grant;
mod password;
mod refresh;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::client::Grant;
use crate::endpoint::token::password::PasswordRequest;
use crate::endpoint::token::refresh::RefreshRequest;
use crate::error::Error;
use crate::form::Form;
use crate::response::{self, Caching};
use crate::service::Service;
use crate::telemetry::record::RequestRecord;

/// Answers a token request.
///
/// # Errors
/// Those of RFC 6749, section 5.2 and RFC 8707, section 2; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    let came = service.clock.now();
    let form = Form::parse(request.headers(), request.body())?;
    let token_request = TokenRequest::read(&form)?;
    record.grant(token_request.grant().as_str());
    let client = service.authenticate_client(request.headers(), &form, record).await?;
    if !client.may_use(token_request.grant()) {
        return Err(Error::unauthorized_client("The client may not use this grant."));
    }
    let answer = match token_request {
        TokenRequest::Password(request) => Box::pin(request.answer(service, client, record)).await?,
        TokenRequest::Refresh(request) => Box::pin(request.answer(service, client, came, record)).await?,
    };
    response::json(StatusCode::OK, &answer, Caching::Forbidden)
}

/// A token request, its parameters read and nothing checked that needs the client.
enum TokenRequest<'a> {
    Password(PasswordRequest<'a>),
    Refresh(RefreshRequest<'a>),
}

impl<'a> TokenRequest<'a> {
    fn read(form: &'a Form) -> Result<Self, Error> {
        const NO_GRANT: Error = Error::invalid_request("The grant_type parameter is missing.");
        const UNKNOWN_GRANT: Error = Error::unsupported_grant_type("The grant is not supported.");

        let grant = form.value("grant_type").ok_or(NO_GRANT)?;
        match grant.parse::<Grant>().map_err(|_| UNKNOWN_GRANT)? {
            Grant::Password => PasswordRequest::read(form).map(Self::Password),
            Grant::RefreshToken => RefreshRequest::read(form).map(Self::Refresh),
        }
    }

    fn grant(&self) -> Grant {
        match self {
            Self::Password(_) => Grant::Password,
            Self::Refresh(_) => Grant::RefreshToken,
        }
    }
}
