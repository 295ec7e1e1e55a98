//! The client that a request is of, as it authenticates (RFC 6749, section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

/// How a client authenticates, with what it needs for that.
#[derive(Clone)]
pub(crate) enum Authentication {
    /// A secret in HTTP Basic.
    Basic(Zeroizing<String>),
    /// A secret in the form.
    Post(Zeroizing<String>),
    /// Not at all: it is public.
    None,
}

/// A client that sends requests.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) id: String,
    pub(crate) authentication: Authentication,
}

impl Caller {
    /// Whether it is public.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }

    /// The headers and the form of a request of the client with these parameters.
    pub(crate) fn request(&self, parameters: &[(&str, &str)]) -> (HeaderMap, String) {
        let (mut headers, mut form) = (HeaderMap::new(), Serializer::new(String::new()));
        form.extend_pairs(parameters);
        match &self.authentication {
            Authentication::Basic(secret) => {
                let pair = Zeroizing::new(format!("{}:{}", form_encoded(&self.id), form_encoded(secret)));
                headers.extend(authorization(&format!("Basic {}", STANDARD.encode(pair.as_bytes()))));
            }
            Authentication::Post(secret) => {
                form.append_pair("client_id", &self.id).append_pair("client_secret", secret);
            }
            Authentication::None => {
                form.append_pair("client_id", &self.id);
            }
        }
        (headers, form.finish())
    }
}

/// The header `Authorization`, which no log shows; none if `value` cannot be one.
pub(crate) fn authorization(value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

/// As a client has to encode what it puts into HTTP Basic.
pub(crate) fn form_encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_authenticates_in_the_header_or_in_the_form_or_not_at_all() {
        let secret = || Zeroizing::new("s:e c".to_owned());
        let request = |authentication| {
            let caller = Caller { id: "a b".to_owned(), authentication };
            let (headers, form) = caller.request(&[("scope", "x y"), ("resource", "urn:a"), ("resource", "urn:b")]);
            let header = headers.get(AUTHORIZATION).map(|value| {
                assert!(value.is_sensitive());
                value.to_str().expect("ASCII").to_owned()
            });
            (header, form)
        };
        let asked = "scope=x+y&resource=urn%3Aa&resource=urn%3Ab";
        let basic = format!("Basic {}", STANDARD.encode("a+b:s%3Ae+c"));
        assert_eq!(request(Authentication::Basic(secret())), (Some(basic), asked.to_owned()));
        let posted = format!("{asked}&client_id=a+b&client_secret=s%3Ae+c");
        assert_eq!(request(Authentication::Post(secret())), (None, posted));
        assert_eq!(request(Authentication::None), (None, format!("{asked}&client_id=a+b")));
    }
}
