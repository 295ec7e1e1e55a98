//! The record of a request: filled in on the way, and written once, when the request is answered.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::StatusCode;
use tracing::{Span, field};

/// Something that an operator wants to hear about, whatever the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// A refresh token that had been replaced too long ago was presented: either by a thief, or because a thief had
    /// used it first. Its session has been ended.
    RefreshTokenReused,
    /// The wrong password of this request was one too many: the username is locked now.
    UsernameLocked,
    /// So many passwords were wrong for a username that only one is looked at in each interval now.
    UsernameSlowed,
    /// A password was tried for a username that is locked, or before its interval was over.
    LockedUsernameTried,
    /// The source of this request has now sent wrong passwords for too many usernames.
    SourceExhausted,
    /// A password came from a source that has sent wrong passwords for too many usernames.
    ExhaustedSourceTried,
    /// The right password of a user is on a list of leaked ones.
    LeakedPassword,
}

impl Alert {
    /// The alert's name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::UsernameLocked => "username_locked",
            Self::UsernameSlowed => "username_slowed",
            Self::SourceExhausted => "source_exhausted",
            Self::ExhaustedSourceTried => "exhausted_source_tried",
            Self::LockedUsernameTried => "locked_username_tried",
            Self::LeakedPassword => "leaked_password",
        }
    }
}

/// How bad the outcome of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The request was answered, or refused as it should be.
    Usual,
    /// A dependency or the service itself had no capacity.
    Unavailable,
    /// Something is wrong that will not go away by itself.
    Failure,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The status of the answer.
    pub status: StatusCode,
    /// The `error` code; `None` for a success.
    pub code: Option<&'static str>,
    /// Why, in words that hold no secret and nothing that the client sent.
    pub reason: Option<&'a str>,
    /// How bad it is.
    pub severity: Severity,
}

/// What is known about a request, for the log. Nothing in it is secret or personal: a user is identified by `sub`, and
/// only if there is such a user.
pub struct RequestRecord {
    span: Span,
    started: Instant,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    grant: Option<&'static str>,
    chain: Option<String>,
    sub: Option<String>,
    sid: Option<String>,
    alert: Option<Alert>,
}

impl RequestRecord {
    /// The record of the request called `request_id`, to `endpoint` if its path names one. It begins now.
    #[must_use]
    pub fn begin(request_id: &str, endpoint: Option<&'static str>) -> Self {
        let span = tracing::info_span!("request", request_id, endpoint, client_id = field::Empty);
        Self { span, started: Instant::now(), facts: Mutex::default() }
    }

    /// The span of everything that is logged while the request is served.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Notes the client, once it has authenticated.
    pub fn client(&self, client_id: &str) {
        self.span.record("client_id", client_id);
    }

    /// Notes the grant that is asked for.
    pub fn grant(&self, grant: &'static str) {
        self.facts().grant = Some(grant);
    }

    /// Notes the credential-verifier chain that decides.
    pub fn chain(&self, chain: &str) {
        self.facts().chain = Some(chain.to_owned());
    }

    /// Notes the user, by the user's own `sub`.
    pub fn sub(&self, sub: &str) {
        self.facts().sub = Some(sub.to_owned());
    }

    /// Notes the session.
    pub fn sid(&self, sid: &str) {
        self.facts().sid = Some(sid.to_owned());
    }

    /// Notes something that an operator wants to hear about.
    pub fn alert(&self, alert: Alert) {
        self.facts().alert = Some(alert);
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the record to the log, inside its span.
    pub fn write(&self, outcome: &Outcome<'_>) {
        let Facts { grant, chain, sub, sid, alert } = &*self.facts();
        let (chain, sub, sid) = (chain.as_deref(), sub.as_deref(), sid.as_deref());
        let alert = alert.map(Alert::as_str);
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Outcome { status, code, reason, severity } = *outcome;
        let status = status.as_u16();
        // A macro, since the level of an event is fixed where it is written in the code.
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(status, code, reason, alert, grant, chain, sub, sid, milliseconds, $message)
            };
        }
        let _entered = self.span.enter();
        match (severity, alert, code) {
            (Severity::Failure, ..) => line!(error, "failed"),
            (Severity::Unavailable, ..) => line!(warn, "unavailable"),
            (Severity::Usual, Some(_), _) => line!(warn, "refused"),
            (Severity::Usual, None, Some(_)) => line!(info, "refused"),
            (Severity::Usual, None, None) => line!(info, "answered"),
        }
    }
}
