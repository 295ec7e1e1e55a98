//! `/oauth2/authorize`: where OpenID Connect has people log in with a browser. Here nobody can, and this endpoint says
//! so.
//!
//! OpenID Connect Discovery, section 3 requires the endpoint, and clients reject metadata without it. Whatever an
//! authorization request contains, it is refused on the spot: there is never a redirect, and nothing in the request is
//! read or repeated.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, Request, Response};

use crate::error::Error;
use crate::response;

const NO_LOGIN: Error = Error::unsupported_response_type(
    "Logging in with a browser is not supported. Tokens are issued for a username and a password, at the token endpoint.",
);

/// The page loads nothing, runs nothing, and links to nothing.
const PAGE: &str = "\
<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"robots\" content=\"noindex\">
<title>There is no login page here</title>
</head>
<body>
<main>
<h1>There is no login page here</h1>
<p>This is Passgrant, a token service for applications that ask for a username and a password themselves. You cannot log
in here with a browser.</p>
<p>If an application sent you here, it is set up for a different kind of login. Please go back to it, and tell the people
who run it that it must get its tokens from the token endpoint, with the password grant.</p>
</main>
</body>
</html>
";

/// Refuses an authorization request: with a page or, for a client that prefers it, with JSON.
///
/// # Errors
/// `unsupported_response_type` (RFC 6749, section 4.1.2.1) for a client that prefers JSON.
pub fn respond(request: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
    if prefers_json(request.headers()) {
        return Err(NO_LOGIN);
    }
    let (status, _) = NO_LOGIN.kind().answer();
    Ok(response::page(status, PAGE))
}

/// Whether the client prefers JSON to HTML (RFC 9110, section 12.5.1), or accepts both equally but names JSON more
/// exactly.
fn prefers_json(headers: &HeaderMap) -> bool {
    let accepted: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let json = quality(&accepted, ["application/json", "application/*"]);
    json.0 > 0 && json > quality(&accepted, ["text/html", "text/*"])
}

/// The quality of a media type, in thousandths, and how exactly the header names it. `ranges` are the media type itself
/// and its type with any subtype; the most specific range in the header counts.
fn quality(accepted: &[&str], ranges: [&str; 2]) -> (u16, usize) {
    let elements = || accepted.iter().flat_map(|value| value.split(','));
    let of = |range: &str| {
        let mut named = elements().filter_map(|element| {
            let mut parts = element.split(';').map(str::trim);
            let is_named = parts.next()?.eq_ignore_ascii_case(range);
            is_named.then(|| parts.find_map(weight).unwrap_or(1000))
        });
        named.next()
    };
    let [exact, of_any_subtype] = ranges;
    let ranges = [(exact, 2), (of_any_subtype, 1), ("*/*", 0)];
    ranges.into_iter().find_map(|(range, exactness)| Some((of(range)?, exactness))).unwrap_or_default()
}

/// The weight `q=0.5` in thousandths; an invalid weight counts as 0.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = format!("{whole}{fraction:0<3}");
    let is_weight = whole.len() == 1 && fraction.len() <= 3;
    Some(digits.parse().ok().filter(|weight| is_weight && *weight <= 1000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_person_gets_a_page_and_a_client_that_prefers_json_gets_json() {
        for (accept, json) in [
            (&[][..], false),
            (&[""], false),
            (&["*/*"], false),
            (&["text/html"], false),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], false),
            (&["application/json, text/html"], false),
            (&["application/json;q=0.9, text/html"], false),
            (&["text/html, */*;q=0.1"], false),
            (&["application/json;q=0"], false),
            (&["application/json;q=2"], false),
            (&["image/png"], false),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["application/json, text/plain, */*"], true),
            (&["text/html, application/json, */*"], false),
            (&["text/*, application/json"], true),
            (&["application/json;q=0.8, */*"], false),
            (&["application/json, text/html;q=0.9"], true),
            (&["text/html;q=0.5", "application/json;q=0.501"], true),
            (&["application/*"], true),
            (&["text/*;q=0.2, application/*;q=0.3"], true),
            (&["application/json, */*;q=0.5"], true),
        ] {
            let headers: HeaderMap = accept.iter().map(|value| (ACCEPT, HeaderValue::from_static(value))).collect();
            assert_eq!(prefers_json(&headers), json, "{accept:?}");
        }
    }
}
