//! The endpoints as clients meet them: statuses, error bodies, challenges, and what a gateway may have made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use passgrant::issuer::path;
use serde_json::Value;

use crate::doctor::Patient;
use crate::doctor::report::Finding;
use crate::wire::{Answer, Trouble};

/// A header that REST APIs of API Gateway put in front of those that they rename.
const RENAMED: &str = "x-amzn-remapped-";
const REQUEST_ID: &str = "x-request-id";

/// A request that no credentials are needed for, and the answer that the contract has for it.
struct Case {
    check: &'static str,
    method: Method,
    path: &'static str,
    form: Option<&'static str>,
    /// Whether it has the credentials of a client that does not exist.
    stranger: bool,
    status: StatusCode,
    error: Option<&'static str>,
    challenge: Option<&'static str>,
    allow: Option<&'static str>,
}

impl Case {
    fn get(check: &'static str, path: &'static str) -> Self {
        Self {
            check,
            method: Method::GET,
            path,
            form: None,
            stranger: false,
            status: StatusCode::OK,
            error: None,
            challenge: None,
            allow: None,
        }
    }

    fn post(check: &'static str, path: &'static str, form: &'static str) -> Self {
        Self { method: Method::POST, form: Some(form), ..Self::get(check, path) }
    }

    fn refused(self, status: StatusCode, error: &'static str) -> Self {
        Self { status, error: Some(error), ..self }
    }

    fn challenged(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    fn not_allowed(self, method: Method, allow: &'static str) -> Self {
        Self { method, allow: Some(allow), ..self }.refused(StatusCode::METHOD_NOT_ALLOWED, "invalid_request")
    }
}

const PASSWORD_FORM: &str = "grant_type=password&username=passgrant-doctor&password=passgrant-doctor";

fn cases() -> [Case; 11] {
    let unknown_client = |case: Case| {
        let case = Case { stranger: true, ..case };
        case.refused(StatusCode::UNAUTHORIZED, "invalid_client").challenged("Basic")
    };
    [
        Case::get("health", path::HEALTH),
        Case::post("error-body", path::TOKEN, "username=passgrant-doctor")
            .refused(StatusCode::BAD_REQUEST, "invalid_request"),
        // If the function took the body as a gateway encodes it, there would be no grant type in it.
        Case::post("body-encoding", path::TOKEN, "name=J\u{f6}rg&grant_type=urn%3Apassgrant%3Adoctor")
            .refused(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        unknown_client(Case::post("challenge", path::TOKEN, PASSWORD_FORM)),
        unknown_client(Case::post("introspection", path::INTROSPECT, "token=passgrant-doctor")),
        unknown_client(Case::post("revocation", path::REVOKE, "token=passgrant-doctor")),
        Case::get("userinfo", path::USERINFO).refused(StatusCode::UNAUTHORIZED, "invalid_token").challenged("Bearer"),
        Case::get("method-of-token", path::TOKEN).not_allowed(Method::GET, "POST"),
        Case::get("method-of-keys", path::JWKS).not_allowed(Method::DELETE, "GET, HEAD"),
        Case::get("unknown-path", "/oauth2/passgrant-doctor").refused(StatusCode::NOT_FOUND, "invalid_request"),
        Case { method: Method::HEAD, ..Case::get("head", path::HEALTH) },
    ]
}

/// Asks everything that can be asked without credentials. The answers come back too, for what they have in common.
pub(super) async fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Vec<Answer>) {
    let (mut findings, mut answers) = (Vec::new(), Vec::new());
    for case in cases() {
        let answer = ask(patient, &case).await;
        findings.push(Finding::of(case.check, judged(&case, answer.as_ref())));
        answers.extend(answer);
    }
    findings.extend([renamed(&answers), not_stored(&answers), fresh(&answers), sniffed(&answers)]);
    (findings, answers)
}

async fn ask(patient: &Patient<'_>, case: &Case) -> Result<Answer, Trouble> {
    let (mut headers, url) = (HeaderMap::new(), patient.url(case.path));
    if case.stranger {
        let basic = format!("Basic {}", STANDARD.encode("passgrant-doctor:passgrant-doctor"));
        headers.extend(HeaderValue::from_str(&basic).map(|basic| (AUTHORIZATION, basic)));
    }
    match case.form {
        Some(form) => patient.wire.post(&url, headers, form.to_owned()).await,
        None => patient.wire.ask(case.method.clone(), &url, headers).await,
    }
}

fn judged(case: &Case, answer: Result<&Answer, &Trouble>) -> Result<String, String> {
    let asked = format!("{} {}", case.method, case.path);
    let answer = answer.map_err(|trouble| format!("{asked}: {trouble}"))?;
    let expected = match case.error {
        Some(error) => format!("{} {error}", case.status.as_u16()),
        None => case.status.as_u16().to_string(),
    };
    let wrong = |what: String| Err(format!("{asked} must be answered with {expected}, {what}"));
    if answer.status != case.status {
        return wrong(format!("but was with {}: {}", answer.status.as_u16(), cause(answer)));
    }
    if case.method != Method::HEAD {
        let Some(body) = answer.json() else {
            return wrong(format!("as JSON: {}", cause(answer)));
        };
        if case.error.is_some_and(|error| body["error"] != error) {
            return wrong(format!("but the body says otherwise: {}", cause(answer)));
        }
        if !answer.header("content-type").is_some_and(|media| media.starts_with("application/json")) {
            return wrong("but its Content-Type is not application/json".to_owned());
        }
    } else if !answer.body.is_empty() {
        return wrong("without a body".to_owned());
    }
    if let Some(challenge) = case.challenge
        && !answer.header("www-authenticate").is_some_and(|sent| sent.starts_with(challenge))
    {
        return wrong(format!(
            "with a {challenge} challenge in WWW-Authenticate, without which some clients send no credentials"
        ));
    }
    if let Some(allow) = case.allow
        && answer.header("allow") != Some(allow)
    {
        return wrong(format!("with Allow: {allow}"));
    }
    Ok(format!("{asked}: {expected}"))
}

/// What is behind an answer that the service does not give.
pub(super) fn cause(answer: &Answer) -> String {
    if answer.status.is_redirection() {
        let to = answer.header("location").unwrap_or("nowhere");
        return format!(
            "a redirect to {to}, which clients do not follow with credentials; give the URL that it leads to"
        );
    }
    if STANDARD.decode(&answer.body).is_ok_and(|body| serde_json::from_slice::<Value>(&body).is_ok()) {
        return "the body is encoded in base64: the gateway must decode what the function marks so (binary media types)".to_owned();
    }
    match answer.json() {
        Some(body) if body["message"].is_string() && body["error"].is_null() => {
            "the gateway answered by itself: the route or the stage does not lead to the function, or it is throttled or fails".to_owned()
        }
        Some(body) if body["error"].is_string() => format!("the error is {}", body["error"]),
        Some(_) => "something else than the service answers".to_owned(),
        None if answer.body.is_empty() && answer.status == StatusCode::FORBIDDEN => {
            "refused without a word: the origin secret is missing; ask at the address in front".to_owned()
        }
        None => "the body is not JSON: something else than the service answers".to_owned(),
    }
}

fn renamed(answers: &[Answer]) -> Finding {
    let names = answers.iter().flat_map(|answer| answer.headers.keys());
    match names.map(http::HeaderName::as_str).find(|name| name.starts_with(RENAMED)) {
        Some(name) => Finding::failed(
            "headers",
            format!("the gateway renames a header to {name}: clients do not find it; use an HTTP API, or map it back"),
        ),
        None => Finding::ok("headers", "none is renamed"),
    }
}

fn not_stored(answers: &[Answer]) -> Finding {
    let says = |answer: &Answer, name: &str, word: &str| answer.header(name).is_some_and(|value| value.contains(word));
    let missing = answers.iter().filter(|answer| !says(answer, "cache-control", "no-store")).count();
    let pragma = answers.iter().filter(|answer| !says(answer, "pragma", "no-cache")).count();
    match (missing, pragma) {
        (0, 0) => Finding::ok("no-store", "no answer may be stored"),
        (0, some) => Finding::failed(
            "no-store",
            format!("Pragma: no-cache is missing in {some} answers (RFC 6749, section 5.1)"),
        ),
        (some, _) => Finding::failed(
            "no-store",
            format!(
                "Cache-Control: no-store is missing in {some} answers: whatever is in front must leave it, or caches may keep tokens"
            ),
        ),
    }
}

/// Whether each answer is the answer to its own request.
fn fresh(answers: &[Answer]) -> Finding {
    let ids: Vec<&str> = answers.iter().filter_map(|answer| answer.header(REQUEST_ID)).collect();
    let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    if answers.iter().any(|answer| answer.header("age").is_some_and(|age| age != "0")) || distinct.len() < ids.len() {
        return Finding::failed(
            "fresh",
            "answers come from a cache: nothing but the keys and the metadata may be cached",
        );
    }
    if ids.len() < answers.len() {
        return Finding::warning(
            "fresh",
            format!("{REQUEST_ID} is missing: requests cannot be found in the log by it"),
        );
    }
    Finding::ok("fresh", "each request has an answer of its own")
}

fn sniffed(answers: &[Answer]) -> Finding {
    if answers.iter().all(|answer| answer.header("x-content-type-options") == Some("nosniff")) {
        return Finding::ok("nosniff", "browsers do not guess what an answer is");
    }
    Finding::warning("nosniff", "X-Content-Type-Options: nosniff is missing: whatever is in front must leave it")
}
