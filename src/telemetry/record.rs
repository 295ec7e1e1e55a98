//! The record of a request: filled in on the way, and written once, when the request is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{Method, StatusCode};
use tracing::{Span, field};

use crate::audit::log::AuditLog;
use crate::audit::{self, Action, Actor, Event, Moment, Origin, Target, TargetKind};
use crate::telemetry::metrics::Measured;
use crate::telemetry::phase::Spent;
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::span::{Finished, Kind, flag, number, text};

/// The grant whose requests are logins, and the error of a login that was refused (RFC 6749, sections 4.3 and 5.2).
const PASSWORD: &str = "password";
const INVALID_GRANT: &str = "invalid_grant";
/// Why a token was not revoked, which the client is not told.
const NOT_THE_CLIENTS: &str = "the token is another client's";

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
    /// Every alert.
    pub const ALL: [Self; 7] = [
        Self::RefreshTokenReused,
        Self::UsernameLocked,
        Self::UsernameSlowed,
        Self::LockedUsernameTried,
        Self::SourceExhausted,
        Self::ExhaustedSourceTried,
        Self::LeakedPassword,
    ];

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

    /// The metric that counts it.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "RefreshTokenReused",
            Self::UsernameLocked => "UsernameLocked",
            Self::UsernameSlowed => "UsernameSlowed",
            Self::SourceExhausted => "SourceExhausted",
            Self::ExhaustedSourceTried => "ExhaustedSourceTried",
            Self::LockedUsernameTried => "LockedUsernameTried",
            Self::LeakedPassword => "LeakedPassword",
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

/// What a request decides or changes, for the audit log. A request that only asks has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Whether there are tokens.
    Token,
    /// Whether a token is revoked; if it is none, nothing is.
    Revocation,
    /// An access token has been revoked.
    TokenRevoked,
    /// The session of a refresh token has been ended.
    SessionEnded,
    /// The token to revoke is another client's, and has been left alone.
    LeftAlone,
}

impl Outcome<'_> {
    /// It in one word, for metrics.
    const fn in_a_word(&self) -> &'static str {
        match (self.severity, self.code) {
            (Severity::Failure, _) => "failed",
            (Severity::Unavailable, _) => "unavailable",
            (Severity::Usual, Some(_)) => "refused",
            (Severity::Usual, None) => "answered",
        }
    }

    const fn for_audit(&self) -> audit::Outcome {
        match (self.severity, self.code) {
            (Severity::Failure | Severity::Unavailable, _) => audit::Outcome::Failed,
            (Severity::Usual, Some(_)) => audit::Outcome::Refused,
            (Severity::Usual, None) => audit::Outcome::Succeeded,
        }
    }
}

/// What is known about a request, for the log. Nothing in it is secret or personal: a user is identified by `sub`, and
/// only if there is such a user.
pub struct RequestRecord {
    span: Span,
    endpoint: Option<&'static str>,
    started: Instant,
    spent: Arc<Spent>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    decision: Option<Decision>,
    client: Option<String>,
    grant: Option<&'static str>,
    chain: Option<String>,
    sub: Option<String>,
    sid: Option<String>,
    /// In the order in which they were noted.
    alerts: Vec<Alert>,
}

impl Facts {
    /// What the request did, for the audit log, and how that ended; `None` if there is nothing to tell.
    fn audited(&self, outcome: &Outcome<'_>) -> Option<(Action, audit::Outcome)> {
        let (decision, ended) = (self.decision?, outcome.for_audit());
        let succeeded = ended == audit::Outcome::Succeeded;
        let action = match decision {
            Decision::Token if succeeded && self.grant == Some(PASSWORD) => Action::TokenIssued,
            Decision::Token if succeeded => Action::TokenRefreshed,
            Decision::Token => self.refused(outcome),
            Decision::LeftAlone if succeeded => return Some((Action::RevocationRefused, audit::Outcome::Refused)),
            _ if !succeeded => Action::RevocationRefused,
            Decision::TokenRevoked => Action::TokenRevoked,
            Decision::SessionEnded => Action::SessionEnded,
            Decision::Revocation | Decision::LeftAlone => return None,
        };
        Some((action, ended))
    }

    /// What a token request without an answer came to: the most that it did.
    fn refused(&self, outcome: &Outcome<'_>) -> Action {
        const GRAVEST_FIRST: [(Alert, Action); 4] = [
            (Alert::RefreshTokenReused, Action::RefreshTokenReused),
            (Alert::UsernameLocked, Action::UsernameLocked),
            (Alert::UsernameSlowed, Action::UsernameSlowed),
            (Alert::SourceExhausted, Action::SourceExhausted),
        ];
        let was_login = self.grant == Some(PASSWORD) && outcome.code == Some(INVALID_GRANT);
        let usual = if was_login { Action::LoginRefused } else { Action::TokenRefused };
        let gravest = GRAVEST_FIRST.iter().find(|(alert, _)| self.alerts.contains(alert));
        gravest.map_or(usual, |(_, action)| *action)
    }
}

impl RequestRecord {
    /// The record of the request called `request_id`, to `endpoint` if its path names one. It begins now, with `trace` if it is
    /// traced.
    #[must_use]
    pub fn begin(request_id: &str, endpoint: Option<&'static str>, trace: Option<Trace>) -> Self {
        let span = tracing::info_span!("request", request_id, endpoint, client_id = field::Empty);
        let spent = Arc::new(Spent::nothing(trace));
        Self { span, endpoint, started: Instant::now(), spent, facts: Mutex::default() }
    }

    /// What the request has spent so far.
    #[must_use]
    pub fn spent(&self) -> &Arc<Spent> {
        &self.spent
    }

    /// The span of everything that is logged while the request is served.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Notes the client, once it has authenticated.
    pub fn client(&self, client_id: &str) {
        self.span.record("client_id", client_id);
        if let Some(trace) = self.spent.trace() {
            trace.authenticated(client_id);
        }
        self.facts().client = Some(client_id.to_owned());
    }

    /// Notes what the request decides or has changed.
    pub fn decision(&self, decision: Decision) {
        self.facts().decision = Some(decision);
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

    /// Notes something that an operator wants to hear about, in addition to what was noted before.
    pub fn alert(&self, alert: Alert) {
        let alerts = &mut self.facts().alerts;
        if !alerts.contains(&alert) {
            alerts.push(alert);
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is measured of the request, which is called `request_id` and was answered `at`, in seconds since the Unix epoch.
    #[must_use]
    pub fn measured<'a>(&'a self, request_id: &'a str, at: u64, outcome: &Outcome<'_>) -> Measured<'a> {
        let (grant, alerts) = {
            let facts = self.facts();
            (facts.grant, facts.alerts.iter().copied().map(Alert::metric).collect())
        };
        let login_refused = match outcome.code {
            _ if grant != Some(PASSWORD) => None,
            None => Some(false),
            Some(code) => (code == INVALID_GRANT).then_some(true),
        };
        Measured {
            request_id,
            at,
            endpoint: self.endpoint,
            grant,
            outcome: outcome.in_a_word(),
            server_error: outcome.status.is_server_error(),
            login_refused,
            latency: self.started.elapsed(),
            spent: &self.spent,
            alerts,
        }
    }

    /// The request's own span in its trace, if it is traced. `method` and `route` are its method and the path of its endpoint. What
    /// identifies a user is only in the log, where the request's id finds it.
    #[must_use]
    pub fn traced(
        &self,
        request_id: &str,
        method: &Method,
        route: Option<&'static str>,
        outcome: &Outcome<'_>,
    ) -> Option<(&Trace, Finished)> {
        let trace = self.spent.trace()?;
        let Facts { grant, chain, alerts, .. } = &*self.facts();
        let failed = outcome.status.is_server_error();
        let mut attributes = vec![
            text("http.request.method", known(method)),
            number("http.response.status_code", outcome.status.as_u16()),
            text("passgrant.request_id", request_id),
            text("passgrant.outcome", outcome.in_a_word()),
        ];
        if let Some(is_cold) = trace.is_cold() {
            attributes.extend([
                text("faas.trigger", "http"),
                text("faas.invocation_id", request_id),
                flag("faas.coldstart", is_cold),
            ]);
        }
        let error_type = failed.then_some(outcome.status.as_str());
        let optional = [
            ("http.route", route),
            ("passgrant.client_id", trace.client()),
            ("passgrant.grant", *grant),
            ("passgrant.chain", chain.as_deref()),
            ("passgrant.error", outcome.code),
            ("error.type", error_type),
        ];
        attributes.extend(optional.into_iter().filter_map(|(key, value)| Some(text(key, value?))));
        attributes.extend(alerts.iter().map(|alert| text("passgrant.alert", alert.as_str())));
        let name = self.endpoint.unwrap_or("other").to_owned();
        Some((trace, Finished { name, kind: Kind::Server, started: trace.began(), attributes, failed }))
    }

    /// Writes the event of the request to the audit log, if it decided or changed something. It is called `request_id` and was
    /// answered at `time`.
    pub fn audit(&self, log: &AuditLog, request_id: &str, time: Moment, outcome: &Outcome<'_>) {
        let facts = self.facts();
        let Some((action, ended)) = facts.audited(outcome) else { return };
        let actor = facts.client.as_deref().map_or(Actor::Anonymous, Actor::Client);
        let (sub, sid) = (facts.sub.as_deref(), facts.sid.as_deref());
        let target = match action {
            Action::SessionEnded => sid.map(|id| Target { kind: TargetKind::Session, id }),
            _ => sub.map(|id| Target { kind: TargetKind::User, id }),
        };
        let mut event = Event::new(request_id, time, Origin::Function, actor, action, ended);
        event.target = target;
        event.code = outcome.code;
        event.reason = outcome.reason.or_else(|| (ended == audit::Outcome::Refused).then_some(NOT_THE_CLIENTS));
        event.request_id = Some(request_id);
        event.grant = facts.grant;
        event.alert = facts.alerts.first().copied().map(Alert::as_str);
        event.sub = sub;
        event.sid = sid;
        log.write(&event);
    }

    /// Writes the record to the log, inside its span. It has the first alert; each further one has a line of its own, so
    /// that whoever looks for an `alert` finds all of them.
    pub fn write(&self, outcome: &Outcome<'_>) {
        let Facts { grant, chain, sub, sid, alerts, .. } = &*self.facts();
        let (chain, sub, sid) = (chain.as_deref(), sub.as_deref(), sid.as_deref());
        let mut alerts = alerts.iter().copied().map(Alert::as_str);
        let alert = alerts.next();
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
            (Severity::Usual, Some(_), Some(_)) => line!(warn, "refused"),
            (Severity::Usual, Some(_), None) => line!(warn, "answered"),
            (Severity::Usual, None, Some(_)) => line!(info, "refused"),
            (Severity::Usual, None, None) => line!(info, "answered"),
        }
        for alert in alerts {
            tracing::warn!(alert, sub, "another alert of the request");
        }
    }
}

/// A method by its name, if it is one that HTTP defines: a client can make up others.
fn known(method: &Method) -> &str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    Some(method.as_str()).filter(|method| KNOWN.contains(method)).unwrap_or("_OTHER")
}
