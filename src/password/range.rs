//! The range service: an HTTP service that knows which passwords have leaked, and is asked without being told which
//! password it is asked about (k-anonymity). It gets the first five digits of a SHA-1 digest, which hundreds of leaked
//! passwords share, and answers with the rest of each of theirs.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::header::{ACCEPT, CONTENT_ENCODING, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use ring::digest;
use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

use crate::aws;
use crate::error::root_cause;
use crate::issuer::is_confidential;
use crate::password::Password;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The whole call, to the last byte of the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// A padded answer has at most about a thousand lines of some 45 bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The SHA-1 digest of a password, in hexadecimal digits, as lists of leaked passwords have it. Whoever has it can test
/// guesses at next to no cost: it cannot be printed, and is wiped when dropped.
pub(crate) struct LeakDigest(Zeroizing<[u8; Self::DIGITS]>);

impl LeakDigest {
    /// How many digits there are.
    pub(super) const DIGITS: usize = 40;
    /// How many of them leave the process.
    const PREFIX_DIGITS: usize = 5;

    /// The digest of a password in its prepared form.
    pub(crate) fn of(password: &Password) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.prepared.as_bytes());
        let mut digits = Zeroizing::new([0; Self::DIGITS]);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(digest.as_ref()) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xF)]]);
        }
        Self(digits)
    }

    /// All digits, in upper case.
    #[cfg(feature = "cli")]
    pub(super) fn digits(&self) -> &[u8; Self::DIGITS] {
        &self.0
    }

    fn prefix(&self) -> &str {
        str::from_utf8(&self.0[..Self::PREFIX_DIGITS]).unwrap_or_default()
    }

    fn rest(&self) -> &[u8] {
        &self.0[Self::PREFIX_DIGITS..]
    }
}

/// Text that is not the URL of a range service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "it must be an https URL (http for loopback hosts only) that ends in a slash, without a query, a fragment or a user"
)]
pub struct RefusedRangeUrl;

/// What the five digits are appended to. Printing it does not show it, since its path may hold a key.
#[derive(Clone)]
pub struct RangeUrl(Box<str>);

impl RangeUrl {
    /// Parses the URL.
    ///
    /// # Errors
    /// [`RefusedRangeUrl`] when the digits would not be sent encrypted, or could not be appended.
    pub fn parse(text: &str) -> Result<Self, RefusedRangeUrl> {
        let url = Url::parse(text).map_err(|_| RefusedRangeUrl)?;
        let bare =
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        let appendable = url.path().ends_with('/') && text.ends_with('/');
        if is_confidential(&url) && bare && appendable { Ok(Self(url.as_str().into())) } else { Err(RefusedRangeUrl) }
    }
}

impl fmt::Debug for RangeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RangeUrl(..)")
    }
}

/// Why it is not known whether a password has leaked. It quotes nothing of the question, and nothing of what came back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoVerdict {
    /// It took too long.
    #[error("it gave no complete answer within {} seconds", CALL_TIMEOUT.as_secs())]
    TimedOut,
    /// There was no connection, or it ended before there was an answer.
    #[error("it was not reached: {0}")]
    NotReached(String),
    /// It answered with something else than 200. A redirect is not followed.
    #[error("it answered with status {0}")]
    Status(StatusCode),
    /// The connection ended in the middle of the answer.
    #[error("its answer broke off")]
    BrokeOff,
    /// There is more than any range has.
    #[error("its answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// It is something else than lines of digits and counts.
    #[error("its answer is not a list of digests and counts")]
    Form,
}

/// A range service, with one HTTP client.
pub struct RangeService {
    url: RangeUrl,
    connector: OnceLock<SharedHttpConnector>,
}

impl RangeService {
    /// The service at `url`.
    #[must_use]
    pub fn new(url: RangeUrl) -> Self {
        Self { url, connector: OnceLock::new() }
    }

    /// Reads the trust anchors and makes the client, so that the first question need not.
    pub(crate) fn prepare(&self) {
        self.connector();
    }

    fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| aws::https_connector(CONNECT_TIMEOUT, IDLE_TIMEOUT))
    }

    /// Whether `password`, in its prepared form, has leaked, as far as the service knows.
    ///
    /// # Errors
    /// [`NoVerdict`] when the service does not say.
    pub async fn knows(&self, password: &Password) -> Result<bool, NoVerdict> {
        self.knows_digest(&LeakDigest::of(password)).await
    }

    /// Whether the password with this digest has leaked, as far as the service knows.
    pub(crate) async fn knows_digest(&self, digest: &LeakDigest) -> Result<bool, NoVerdict> {
        tokio::time::timeout(CALL_TIMEOUT, self.call(digest)).await.unwrap_or(Err(NoVerdict::TimedOut))
    }

    async fn call(&self, digest: &LeakDigest) -> Result<bool, NoVerdict> {
        let request = self.request(digest).map_err(|_| NoVerdict::NotReached("the URL cannot be used".to_owned()))?;
        let response = self.connector().call(request).await;
        let response = response.map_err(|error| NoVerdict::NotReached(root_cause(&error)))?;
        let response = response.try_into_http1x().map_err(|_| NoVerdict::Form)?;
        if response.status() != StatusCode::OK {
            return Err(NoVerdict::Status(response.status()));
        }
        if response.headers().contains_key(CONTENT_ENCODING) {
            return Err(NoVerdict::Form);
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => NoVerdict::TooLarge,
            None => NoVerdict::BrokeOff,
        })?;
        lists(&body.to_bytes(), digest.rest()).ok_or(NoVerdict::Form)
    }

    fn request(&self, digest: &LeakDigest) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let request = Request::get(format!("{}{}", self.url.0, digest.prefix()))
            .header(ACCEPT, "text/plain")
            .header(USER_AGENT, concat!("passgrant/", env!("CARGO_PKG_VERSION")))
            // Without it, the length of the answer tells who sees the connection which range was asked for.
            .header("Add-Padding", "true")
            .body(SdkBody::empty())?;
        Ok(request.try_into()?)
    }
}

impl fmt::Debug for RangeService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RangeService(..)")
    }
}

/// Whether the answer of a range service lists a digest that ends in `rest`; `None` if a line of it is not a digest and
/// a count. A count of zero is padding.
fn lists(answer: &[u8], rest: &[u8]) -> Option<bool> {
    let mut listed = false;
    for line in answer.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (digits, count) = (line.get(..rest.len())?, line.get(rest.len()..)?.strip_prefix(b":")?);
        let well_formed =
            digits.iter().all(u8::is_ascii_hexdigit) && !count.is_empty() && count.iter().all(u8::is_ascii_digit);
        if !well_formed {
            return None;
        }
        listed |= digits.eq_ignore_ascii_case(rest) && count.iter().any(|&digit| digit != b'0');
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(password: &str) -> LeakDigest {
        LeakDigest::of(&Password::prepare(password).expect("a password"))
    }

    #[test]
    fn a_digest_is_that_of_the_prepared_password_and_five_digits_of_it_are_its_prefix() {
        // RFC 3174's digest of "abc".
        let abc = digest("abc");
        assert_eq!(abc.prefix(), "A9993");
        assert_eq!(abc.rest(), b"E364706816ABA3E25717850C26C9CD0D89D");
        assert_eq!(digest("e\u{301}").prefix(), digest("\u{e9}").prefix());
    }

    #[test]
    fn an_answer_lists_a_digest_in_either_case_unless_its_count_is_zero() {
        let abc = digest("abc");
        let rest = "E364706816ABA3E25717850C26C9CD0D89D";
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65";
        for (answer, listed) in [
            (String::new(), Some(false)),
            (format!("{other}:3"), Some(false)),
            (format!("{other}:3\r\n{rest}:1"), Some(true)),
            (format!("{}:10\n{other}:0\n", rest.to_lowercase()), Some(true)),
            (format!("{rest}:0\r\n{other}:7\r\n"), Some(false)),
            (format!("{rest}:000"), Some(false)),
            (rest.to_owned(), None),
            (format!("{rest}:"), None),
            (format!("{rest}:x"), None),
            (format!("{rest}:-1"), None),
            (format!("{rest}0:1"), None),
            (format!("{rest}:1\n<html>"), None),
            (format!("A9993{rest}:1"), None),
            (format!("G{}:1", &rest[1..]), None),
            (format!("{}:1", &rest[1..]), None),
        ] {
            assert_eq!(lists(answer.as_bytes(), abc.rest()), listed, "{answer}");
        }
    }

    #[test]
    fn digits_are_sent_encrypted_or_do_not_leave_this_machine() {
        for good in [
            "https://api.pwnedpasswords.com/range/",
            "https://ranges.example.com/",
            "http://127.0.0.1:8081/range/",
            "http://localhost/",
            "http://[::1]:80/a/b/",
        ] {
            assert!(RangeUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.pwnedpasswords.com/range/",
            "http://api.pwnedpasswords.com/range/",
            "https://api.pwnedpasswords.com/range",
            "https://api.pwnedpasswords.com",
            "https://a.example/range/?key=",
            "https://a.example/range/?x=/",
            "https://a.example/range/#/",
            "https://user@a.example/range/",
            "ftp://localhost/",
        ] {
            assert!(RangeUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
