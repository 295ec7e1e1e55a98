//! What answers are carried by: TLS and its certificates, the clock, plain HTTP, and the way past the domain.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{HeaderMap, Method, StatusCode};
use passgrant::clock::{Clock as _, Timestamp};
use passgrant::issuer::{Issuer, path};
use url::Url;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use crate::doctor::Patient;
use crate::doctor::report::Finding;
use crate::wire::{Answer, Secured, Trouble};

/// ACM renews a certificate 60 days before its end: what is nearer than this has not been renewed.
const RENEWED: Duration = Duration::from_hours(30 * 24);
/// Others that live for less are renewed when a third of their time is left: what has less than this part has not been.
const PART: u32 = 4;
/// What verifiers usually allow.
const TOLERATED_SKEW: Duration = Duration::from_mins(1);
const USUAL_SKEW: Duration = Duration::from_secs(5);

/// What a first answer says about its connection and its clock.
pub(super) fn examine(patient: &Patient<'_>, answer: &Answer) -> Vec<Finding> {
    let now = patient.context.clock.now();
    let [version, certificate] = match &answer.secured {
        Some(secured) => [Finding::ok("tls", secured.version.clone()), certificate(secured, now)],
        None => ["tls", "certificate"].map(|check| Finding::skipped(check, "plain HTTP, which stays on this machine")),
    };
    vec![version, certificate, clock(answer, now)]
}

fn certificate(secured: &Secured, now: Timestamp) -> Finding {
    const CHECK: &str = "certificate";

    let Some(Ok((_, leaf))) = secured.chain.first().map(|leaf| X509Certificate::from_der(leaf)) else {
        return Finding::failed(CHECK, "it cannot be read");
    };
    let at = |time: ASN1Time| Timestamp::from_unix(u64::try_from(time.timestamp()).unwrap_or_default());
    let (begin, end) = (at(leaf.validity().not_before), at(leaf.validity().not_after));
    let left = end.since(now);
    let days = left.as_secs() / Duration::from_hours(24).as_secs();
    let detail = format!("trusted, {} in the chain, by {}; ends in {days} days", secured.chain.len(), leaf.issuer());
    if left < RENEWED.min(end.since(begin) / PART) {
        return Finding::warning(
            CHECK,
            format!("{detail}: it should have been renewed; look at its validation records"),
        );
    }
    Finding::ok(CHECK, detail)
}

fn clock(answer: &Answer, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";

    let date = answer.header("date").and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let Some(date) = date.and_then(|date| u64::try_from(date.secs()).ok()).map(Timestamp::from_unix) else {
        return Finding::warning(CHECK, "there is no Date that can be read");
    };
    let skew = date.since(now).max(now.since(date));
    let detail = format!("{} seconds from this machine's", skew.as_secs());
    match skew {
        _ if skew > TOLERATED_SKEW => Finding::failed(
            CHECK,
            format!("{detail}: verifiers will take new tokens for expired or not yet valid; set the clocks"),
        ),
        _ if skew > USUAL_SKEW => Finding::warning(CHECK, format!("{detail}: look at both clocks")),
        _ => Finding::ok(CHECK, detail),
    }
}

/// Whether the service can also be asked without TLS.
pub(super) async fn plain_http(patient: &Patient<'_>) -> Finding {
    const CHECK: &str = "plain-http";

    let Some(mut url) = Url::parse(&patient.url(path::HEALTH)).ok().filter(|url| url.scheme() == "https") else {
        return Finding::skipped(CHECK, "the service is on this machine");
    };
    // Neither fails for a URL with a host.
    if url.set_scheme("http").is_err() || url.set_port(None).is_err() {
        return Finding::skipped(CHECK, "the URL has no form with http");
    }
    match patient.wire.ask(Method::GET, url.as_str(), HeaderMap::new()).await {
        Err(Trouble::Unreachable(_)) => Finding::ok(CHECK, "nothing listens"),
        Err(trouble) => Finding::ok(CHECK, format!("no service: {trouble}")),
        Ok(answer) if answer.status.is_success() => Finding::failed(
            CHECK,
            "the service answers: a client that forgets the s sends passwords in the open; close port 80, or refuse there",
        ),
        Ok(answer) if answer.status.is_redirection() => Finding::warning(
            CHECK,
            "there is a redirect: a client that forgets the s has sent its password by then, and nobody notices; refuse instead",
        ),
        Ok(answer) => Finding::ok(CHECK, format!("refused with {}", answer.status.as_u16())),
    }
}

/// Whether the host name that API Gateway assigned answers beside the domain, past whatever protects that.
pub(super) async fn beside(patient: &Patient<'_>, assigned: Option<&Issuer>) -> Finding {
    const CHECK: &str = "execute-api";

    let Some(assigned) = assigned else {
        return Finding::skipped(CHECK, "the API's own URL is not known: give --execute-api, or --stack");
    };
    if assigned.host() == patient.issuer.host() {
        return Finding::skipped(CHECK, "it is the URL that is examined");
    }
    // Health checks are let in without the origin secret.
    match patient.wire.ask(Method::GET, &assigned.url(path::JWKS), HeaderMap::new()).await {
        Err(trouble) => Finding::ok(CHECK, format!("{} does not answer: {trouble}", assigned.host())),
        Ok(answer) if answer.status == StatusCode::OK => Finding::warning(
            CHECK,
            format!(
                "{} answers too, past whatever is in front of the domain: deploy with ExecuteApiEndpoint=off, or with OriginSecrets",
                assigned.host()
            ),
        ),
        Ok(answer) => Finding::ok(CHECK, format!("{} refuses with {}", assigned.host(), answer.status.as_u16())),
    }
}
