//! Delegated verifiers: another service that is asked, over HTTPS, whether a username and a password are right.

use std::error::Error as StdError;
use std::iter;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::aws;
use crate::chain::delegation::{Delegation, SharedSecret};
use crate::claims::{self, RefusedClaims};
use crate::clock::Timestamp;
use crate::json::Object;
use crate::telemetry::phase;
use crate::telemetry::traces::span::{Finished, Kind, number, text};

/// The header that holds a call's time and signature.
pub const SIGNATURE: &str = "passgrant-signature";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The whole call, to the last byte of the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Shorter than servers keep connections: one that the other side closed while this instance was frozen would fail the
/// next login, and a password is never sent twice.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The question with the longest username, password and client id, every character escaped.
const MAX_QUESTION_BYTES: usize = 4 * 1024;

/// What a delegated verifier is asked, as it is sent.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Question<'a> {
    /// The prepared username, so that one user does not look like several to the verifier.
    pub(super) username: &'a str,
    /// The password as it was sent: the verifier may have prepared it in another way, or not at all.
    pub(super) password: &'a str,
    pub(super) client_id: &'a str,
    /// Makes every question different.
    pub(super) nonce: &'a str,
}

/// What a delegated verifier answered.
#[derive(Debug)]
pub(super) enum Answer {
    Vouched(Vouched),
    WrongPassword,
    UnknownUser,
}

/// What a delegated verifier says about a user whose password is right.
#[derive(Debug)]
pub(super) struct Vouched {
    pub(super) sub: Option<String>,
    pub(super) claims: Object,
}

#[derive(Deserialize)]
struct AnswerBody {
    result: Verdict,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    claims: Option<Object>,
}

#[derive(Deserialize)]
enum Verdict {
    #[serde(rename = "yes")]
    Right,
    #[serde(rename = "no")]
    Wrong,
    #[serde(rename = "unknown_user")]
    UnknownUser,
}

/// Why a delegated verifier gave no answer. It quotes nothing from the question, and nothing from what came back, which
/// may quote the question.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("no complete answer within {} seconds", CALL_TIMEOUT.as_secs())]
    TimedOut,
    #[error("it was not reached: {0}")]
    NotReached(String),
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("the answer broke off")]
    BrokeOff,
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    #[error("the answer does not have the expected form, at line {line}, column {column}")]
    Form { line: usize, column: usize },
    #[error("the claims are refused: {0}")]
    Claims(RefusedClaims),
}

impl NoAnswer {
    /// Whether the verifier could not be reached, or says that it cannot answer. Anything else that it says, it says
    /// about the password.
    pub(super) fn is_unavailability(&self) -> bool {
        match self {
            Self::TimedOut | Self::NotReached(_) | Self::BrokeOff => true,
            Self::Status(status) => status.is_server_error(),
            Self::TooLarge | Self::Form { .. } | Self::Claims(_) => false,
        }
    }
}

/// What asks delegated verifiers: one HTTP client for all of them.
#[derive(Default)]
pub struct Delegated {
    connector: OnceLock<SharedHttpConnector>,
}

impl Delegated {
    /// Reads the trust anchors and makes the client, so that the first login need not.
    pub fn prepare(&self) {
        self.connector();
    }

    fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| aws::https_connector(CONNECT_TIMEOUT, IDLE_TIMEOUT))
    }

    /// Asks a delegated verifier, once.
    pub(super) async fn ask(
        &self,
        delegation: &Delegation,
        question: Question<'_>,
        now: Timestamp,
    ) -> Result<Answer, NoAnswer> {
        let started = Instant::now();
        let call = self.call(delegation, question, now);
        let answer = tokio::time::timeout(CALL_TIMEOUT, call).await.unwrap_or(Err(NoAnswer::TimedOut));
        phase::traced(|| span(delegation, started, answer.as_ref().err()));
        answer
    }

    async fn call(&self, delegation: &Delegation, question: Question<'_>, now: Timestamp) -> Result<Answer, NoAnswer> {
        let not_reached = |error: &dyn StdError| NoAnswer::NotReached(told(error));
        let request = request(delegation, question, now).map_err(|error| not_reached(&*error))?;
        let response = self.connector().call(request).await.map_err(|error| not_reached(&error))?;
        let response = response.try_into_http1x().map_err(|error| not_reached(&error))?;
        if response.status() != StatusCode::OK {
            return Err(NoAnswer::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => NoAnswer::TooLarge,
            None => NoAnswer::BrokeOff,
        })?;
        read(&body.to_bytes())
    }
}

/// What a trace says about a question. The URL is not in it, since it may hold what nobody should read.
fn span(delegation: &Delegation, started: Instant, trouble: Option<&NoAnswer>) -> Finished {
    let mut attributes =
        vec![text("http.request.method", "POST"), text("passgrant.verifier", delegation.name.as_str())];
    attributes.extend(delegation.url.host().map(|host| text("server.address", host)));
    attributes.extend(delegation.url.port_u16().map(|port| number("server.port", port)));
    let (status, error) = match trouble {
        None => (Some(StatusCode::OK), None),
        Some(NoAnswer::Status(status)) => (Some(*status), Some(status.as_str())),
        Some(NoAnswer::TimedOut) => (None, Some("timeout")),
        Some(NoAnswer::NotReached(_) | NoAnswer::BrokeOff) => (None, Some("connection")),
        Some(NoAnswer::TooLarge | NoAnswer::Form { .. } | NoAnswer::Claims(_)) => {
            (Some(StatusCode::OK), Some("unreadable answer"))
        }
    };
    attributes.extend(status.map(|status| number("http.response.status_code", status.as_u16())));
    attributes.extend(error.map(|error| text("error.type", error)));
    Finished { name: "POST".to_owned(), kind: Kind::Client, started, attributes, failed: error.is_some() }
}

fn request(
    delegation: &Delegation,
    question: Question<'_>,
    now: Timestamp,
) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    // The buffer does not grow, so wiping it leaves no copy behind.
    let mut body = Zeroizing::new(Vec::with_capacity(MAX_QUESTION_BYTES));
    serde_json::to_writer(&mut *body, &question)?;
    let request = Request::post(&delegation.url)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("passgrant/", env!("CARGO_PKG_VERSION")))
        .header(SIGNATURE, signature(&delegation.secret, now, &body))
        .body(SdkBody::from(Bytes::from_owner(body)))?;
    Ok(request.try_into()?)
}

/// `t=` and the time, `v1=` and the HMAC-SHA256 of the time, a full stop and the body.
fn signature(secret: &SharedSecret, now: Timestamp, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    let time = now.as_unix();
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let digits = mac.finalize().into_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let hexadecimal: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    format!("t={time},v1={hexadecimal}")
}

fn read(body: &[u8]) -> Result<Answer, NoAnswer> {
    let form = |error: serde_json::Error| NoAnswer::Form { line: error.line(), column: error.column() };
    let AnswerBody { result, sub, claims } = serde_json::from_slice(body).map_err(form)?;
    let claims = claims.unwrap_or_default();
    claims::check(&claims).map_err(NoAnswer::Claims)?;
    Ok(match result {
        Verdict::Right => Answer::Vouched(Vouched { sub, claims }),
        Verdict::Wrong => Answer::WrongPassword,
        Verdict::UnknownUser => Answer::UnknownUser,
    })
}

/// An error and its causes.
fn told(error: &dyn StdError) -> String {
    let chain = iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::claims::MAX_DEPTH;

    fn vouched(body: &Value) -> Option<Vouched> {
        match read(body.to_string().as_bytes()) {
            Ok(Answer::Vouched(vouched)) => Some(vouched),
            _ => None,
        }
    }

    #[test]
    fn an_answer_is_read_or_refused_whole() {
        let yes = vouched(&json!({"result": "yes", "sub": "7", "claims": {"email": "a@b"}, "more": 1}));
        let yes = yes.expect("an answer");
        assert_eq!((yes.sub.as_deref(), yes.claims.len()), (Some("7"), 1));
        assert!(vouched(&json!({"result": "yes", "sub": null, "claims": null})).is_some());
        assert!(matches!(read(br#"{"result":"no"}"#), Ok(Answer::WrongPassword)));
        assert!(matches!(read(br#"{"result":"unknown_user"}"#), Ok(Answer::UnknownUser)));
        for bad in [
            "",
            "yes",
            "\"yes\"",
            "true",
            "[]",
            "{}",
            r#"{"result":"YES"}"#,
            r#"{"result":true}"#,
            r#"{"result":"yes"} x"#,
            r#"{"result":"no","result":"yes"}"#,
            r#"{"result":"yes","sub":7}"#,
            r#"{"result":"yes","claims":[]}"#,
            r#"{"result":"yes","claims":"x"}"#,
        ] {
            assert!(matches!(read(bad.as_bytes()), Err(NoAnswer::Form { .. })), "{bad}");
        }
    }

    #[test]
    fn claims_that_dynamodb_cannot_hold_are_refused() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        for (claim, storable) in [
            (nested(MAX_DEPTH), true),
            (nested(MAX_DEPTH + 1), false),
            (json!({"": 1}), false),
            (json!(1e124), true),
            (json!(1e126), false),
            (json!(-1e-131), false),
            (json!(u64::MAX), true),
            (json!(0.0), true),
        ] {
            assert_eq!(vouched(&json!({"result": "yes", "claims": {"x": claim}})).is_some(), storable, "{claim}");
        }
        assert!(vouched(&json!({"result": "yes", "claims": {"": 1}})).is_none());
    }

    #[test]
    fn the_longest_question_fits_what_is_kept_for_it() {
        let (name, password, client) = ("\"".repeat(512), "\\".repeat(1024), "\"".repeat(128));
        let body = Question { username: &name, password: &password, client_id: &client, nonce: &"x".repeat(22) };
        assert!(serde_json::to_vec(&body).expect("JSON").len() <= MAX_QUESTION_BYTES);
    }
}
