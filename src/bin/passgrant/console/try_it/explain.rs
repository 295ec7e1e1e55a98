//! What an answer of the token endpoint says, member by member and claim by claim.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{Markup, html};
use passgrant::clock::{Span, Timestamp};
use serde_json::{Map, Value};
use std::time::Duration;

use crate::console::layout;
use crate::output::rfc3339;
use crate::wire::Answer;

/// What the members of an answer mean (RFC 6749, sections 5.1 and 5.2).
const MEMBERS: [(&str, &str); 8] = [
    ("access_token", "What the client shows to an API."),
    ("token_type", "How it is shown: in the header Authorization, after the word Bearer."),
    ("expires_in", "For how many seconds it is valid."),
    ("scope", "What was granted. It may be less than what was asked for."),
    ("refresh_token", "What gets the next access token, once, without the password."),
    ("id_token", "Who logged in, for the client itself. APIs do not take it."),
    ("error", "What kind of refusal it is."),
    ("error_description", "The same in words, for a person to read."),
];

/// What the claims of a token mean.
const CLAIMS: [(&str, &str); 17] = [
    ("iss", "Who issued it: an API trusts only the issuer that it knows."),
    (
        "sub",
        "The user, by an identifier that is never given to anybody else, unless the client's claim map says otherwise.",
    ),
    ("aud", "The API it is for. Any other API must refuse it."),
    ("exp", "When it expires."),
    ("iat", "When it was issued."),
    ("nbf", "When it begins to be valid."),
    ("auth_time", "When the password was checked. A refresh does not change it."),
    ("jti", "The identifier of this token, which no other token has."),
    ("client_id", "The client that got it."),
    ("azp", "The client that got it, as OpenID Connect calls it."),
    ("scope", "What the client may do."),
    ("sid", "The session: it stays the same when the token is refreshed. `passgrant session revoke` takes it."),
    ("at_hash", "A digest of the access token that it came with."),
    ("name", "The user's full name."),
    ("email", "The user's email address."),
    ("email_verified", "Whether the address is known to be the user's."),
    ("preferred_username", "What the user is called, for people."),
];

const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// What the errors of the token endpoint mean, and where to look.
const ERRORS: [(&str, &str); 9] = [
    (
        "invalid_client",
        "There is no such client, its secret is wrong, it is disabled, or it authenticates by another method than this. All of \
         these are answered alike.",
    ),
    (
        "invalid_grant",
        "For a password: there is no such user, the password is wrong, the user is disabled or has none, or the username is \
         locked. All of these are answered alike, so that nobody learns which usernames exist; Retry-After says that it is \
         locked. For a refresh token: it is unknown or has expired, its session has ended, or it is another client's.",
    ),
    ("invalid_scope", "It names a scope that the client may not have or the user may not grant, or it is malformed."),
    ("invalid_target", "The resource is none that the client is registered for, or not an absolute URI."),
    ("invalid_request", "A parameter is missing, or there twice, or the request is malformed."),
    (
        "unauthorized_client",
        "The client may not use this grant, or not any more: see its grants and the end of its password grant.",
    ),
    ("unsupported_grant_type", "The server does not know this grant, or it is switched off."),
    (
        "temporarily_unavailable",
        "DynamoDB or KMS did not answer in time. Nothing is half done: the same request can be sent again.",
    ),
    ("server_error", "Something unforeseen. The log has it under the request ID of the header X-Request-Id."),
];

/// The whole answer.
pub(super) fn explained(body: &Value, answer: &Answer) -> Markup {
    let Some(members) = body.as_object() else {
        return html! { p { "The answer is not JSON: something else than the token endpoint sent it." } };
    };
    let error = body["error"].as_str().and_then(|code| ERRORS.iter().find(|(known, _)| *known == code));
    let rows = members.iter().map(|(name, value)| {
        [
            html! { span.code { (name) } },
            html! { span.code { (shown(name, value)) } },
            html! { (meaning(&MEMBERS, name)) },
        ]
    });
    html! {
        @if let Some((_, meaning)) = error { p { (meaning) } }
        @if let Some(seconds) = answer.header("retry-after") { p { "Retry-After: " (seconds) " seconds." } }
        (layout::table("The answer", ["Member", "Value", "What it means"], rows))
        (token("The access token", &body["access_token"]))
        (token("The ID token", &body["id_token"]))
        @if let Some(id) = answer.header("x-request-id") { p.quiet { "Request ID, to find it in the log: " span.code { (id) } } }
    }
}

/// A token is shown by its beginning: whoever has the whole can use it.
fn shown(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(token) if name.ends_with("token") => {
            let beginning: String = token.chars().take(16).collect();
            format!("{beginning}… ({} characters)", token.len())
        }
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

fn meaning(known: &[(&'static str, &'static str)], name: &str) -> &'static str {
    known
        .iter()
        .find(|(one, _)| *one == name)
        .map_or("A claim of the client's claim map, or of the user.", |(_, meaning)| meaning)
}

fn token(title: &str, token: &Value) -> Markup {
    let Some(token) = token.as_str() else { return html! {} };
    let part =
        |part: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let mut parts = token.split('.').map(part);
    let (Some(Some(header)), Some(Some(claims))) = (parts.next(), parts.next()) else {
        return html! {
            h2 { (title) }
            p { "It is opaque: what it means is only told by introspection, to a client that may ask." }
        };
    };
    let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
    let rows = claims.iter().map(|(name, value)| {
        [html! { span.code { (name) } }, html! { (claim(name, value)) }, html! { (meaning(&CLAIMS, name)) }]
    });
    html! {
        h2 { (title) }
        p { "A JWT of type " span.code { (text("typ")) } ", signed with " span.code { (text("alg")) } " by the key " span.code { (text("kid")) } "." }
        (layout::table("Its claims", ["Claim", "Value", "What it means"], rows))
    }
}

fn claim(name: &str, value: &Value) -> Markup {
    match value.as_u64() {
        Some(seconds) if TIMES.contains(&name) => html! {
            span.code { (seconds) } br; span.quiet { (rfc3339(Timestamp::from_unix(seconds))) }
        },
        _ if name == "expires_in" => html! { (Span(Duration::from_secs(value.as_u64().unwrap_or_default()))) },
        _ => html! { span.code { (shown(name, value)) } },
    }
}
