//! Everything that can go wrong with a request, and what the client is told (RFC 6749, section 5.2).

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::time::Duration;

use http::StatusCode;

/// A kind of failure. Its status and code are decided in [`Kind::answer`], and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is malformed.
    InvalidRequest,
    /// The body exceeds its limit.
    BodyTooLarge,
    /// The body is compressed, or coded in another way.
    BodyCoded,
    /// The headers exceed their limit. Only the local server says so: front doors have limits of their own.
    HeadTooLarge,
    /// The request did not arrive in time. Only the local server says so: a front door hands on whole requests.
    NotReceived,
    /// The client did not authenticate.
    InvalidClient,
    /// The credentials, or the refresh token, are not accepted.
    InvalidGrant,
    /// The client may not use the grant.
    UnauthorizedClient,
    /// The grant is unknown, or switched off.
    UnsupportedGrantType,
    /// The scope is malformed, or beyond what may be granted.
    InvalidScope,
    /// An authorization request: nobody can log in here with a browser (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
    /// A request to a protected resource is malformed, or presents its access token twice (RFC 6750, section 3.1).
    InvalidBearerRequest,
    /// A request to a protected resource came without an access token (RFC 6750, section 3.1).
    MissingToken,
    /// The access token is unknown, expired or revoked (RFC 6750, section 3.1).
    InvalidToken,
    /// The access token's scope does not allow the request (RFC 6750, section 3.1).
    InsufficientScope,
    /// The resource is malformed, or not one of the client's (RFC 8707, section 2).
    InvalidTarget,
    /// The request did not come through the component in front of the gateway.
    PastTheFront,
    /// There is nothing at the path.
    NotFound,
    /// The path takes only these methods.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// A dependency, or the service itself, has no capacity now.
    Unavailable,
    /// Anything unforeseen.
    ServerError,
}

impl Kind {
    /// The status and the `error` code of the answer.
    #[must_use]
    pub const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest | Self::InvalidBearerRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::NotReceived => (StatusCode::REQUEST_TIMEOUT, "invalid_request"),
            Self::BodyCoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request"),
            Self::HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "invalid_request"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::UnauthorizedClient => (StatusCode::BAD_REQUEST, "unauthorized_client"),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::UnsupportedResponseType => (StatusCode::BAD_REQUEST, "unsupported_response_type"),
            Self::MissingToken | Self::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::InsufficientScope => (StatusCode::FORBIDDEN, "insufficient_scope"),
            Self::InvalidTarget => (StatusCode::BAD_REQUEST, "invalid_target"),
            Self::PastTheFront => (StatusCode::FORBIDDEN, "access_denied"),
            Self::NotFound => (StatusCode::NOT_FOUND, "invalid_request"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "invalid_request"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
            Self::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }
}

/// Text for the client. It is written in the source code, so it can echo nothing, and it holds only what RFC 6749
/// allows in an `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description(&'static str);

impl Description {
    /// A description.
    ///
    /// # Panics
    /// At compile time, when used in a constant, for a character outside `%x20-21 / %x23-5B / %x5D-7E`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                matches!(bytes[index], 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E),
                "outside the grammar of error_description"
            );
            index += 1;
        }
        Self(text)
    }

    /// The text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A request that failed: what the client is told, and what the log is told.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    description: Description,
    retry_after: Option<Duration>,
    internal: Option<String>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $name(description: &'static str) -> Self {
                Self::new(Kind::$kind, Description::new(description))
            }
        )*
    };
}

impl Error {
    /// A failure of `kind`, described to the client by `description`.
    #[must_use]
    pub const fn new(kind: Kind, description: Description) -> Self {
        Self { kind, description, retry_after: None, internal: None }
    }

    kinds! {
        /// `invalid_request`.
        invalid_request => InvalidRequest;
        /// `invalid_request`, 413.
        body_too_large => BodyTooLarge;
        /// `invalid_request`, 415.
        body_coded => BodyCoded;
        /// `invalid_request`, 431.
        head_too_large => HeadTooLarge;
        /// `invalid_request`, 408.
        not_received => NotReceived;
        /// `invalid_request`, where a bearer token is expected.
        invalid_bearer_request => InvalidBearerRequest;
        /// `unauthorized_client`.
        unauthorized_client => UnauthorizedClient;
        /// `unsupported_grant_type`.
        unsupported_grant_type => UnsupportedGrantType;
        /// `unsupported_response_type`.
        unsupported_response_type => UnsupportedResponseType;
        /// `invalid_scope`.
        invalid_scope => InvalidScope;
        /// `invalid_target`.
        invalid_target => InvalidTarget;
    }

    /// `invalid_client`: byte for byte the same, whatever was wrong.
    #[must_use]
    pub const fn invalid_client() -> Self {
        Self::new(Kind::InvalidClient, Description::new("Client authentication failed."))
    }

    /// `invalid_grant` for a password request: byte for byte the same, whatever was wrong.
    #[must_use]
    pub const fn invalid_credentials() -> Self {
        Self::new(Kind::InvalidGrant, Description::new("The username or password is not accepted."))
    }

    /// `invalid_grant` for a refresh request: byte for byte the same, whatever was wrong.
    #[must_use]
    pub const fn invalid_refresh_token() -> Self {
        Self::new(Kind::InvalidGrant, Description::new("The refresh token is not accepted."))
    }

    /// 401: no access token was presented.
    #[must_use]
    pub const fn missing_token() -> Self {
        Self::new(Kind::MissingToken, Description::new("An access token is needed."))
    }

    /// `invalid_token`: byte for byte the same, whatever was wrong.
    #[must_use]
    pub const fn invalid_token() -> Self {
        Self::new(Kind::InvalidToken, Description::new("The access token is not accepted."))
    }

    /// `insufficient_scope`.
    #[must_use]
    pub const fn insufficient_scope() -> Self {
        Self::new(Kind::InsufficientScope, Description::new("The access token was not granted the openid scope."))
    }

    /// 403, which is answered with nothing else: not even the description.
    #[must_use]
    pub const fn past_the_front() -> Self {
        Self::new(Kind::PastTheFront, Description::new("The request did not come through the front."))
    }

    /// 404.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(Kind::NotFound, Description::new("Nothing is at this path."))
    }

    /// 405.
    #[must_use]
    pub const fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(Kind::MethodNotAllowed { allow }, Description::new("The path does not take this method."))
    }

    /// 503: the same request may succeed later.
    #[must_use]
    pub const fn unavailable() -> Self {
        const SOON: Duration = Duration::from_secs(1);
        Self::new(Kind::Unavailable, Description::new("The service cannot answer now. Try again later.")).after(SOON)
    }

    /// 500.
    #[must_use]
    pub const fn server_error() -> Self {
        Self::new(
            Kind::ServerError,
            Description::new("Something went wrong. The x-request-id header names this request."),
        )
    }

    /// Adds how long the client should wait before it tries again.
    #[must_use]
    pub const fn after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Adds what the log should know.
    #[must_use]
    pub fn because(mut self, reason: impl Display) -> Self {
        self.internal = Some(reason.to_string());
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What the client is told.
    #[must_use]
    pub const fn description(&self) -> Description {
        self.description
    }

    /// How long the client should wait before it tries again, if that may help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What the log is told.
    #[must_use]
    pub fn internal(&self) -> Option<&str> {
        self.internal.as_deref()
    }
}

impl Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.internal.as_deref().unwrap_or(self.description.as_str()))
    }
}

impl std::error::Error for Error {}

/// What an error comes down to. The errors above it may quote the request: a bad endpoint's does, body and all.
#[must_use]
pub fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
