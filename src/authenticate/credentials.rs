//! What a request presents to authenticate its client (RFC 6749, section 2.3), and what that is worth.

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::Choice;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::authenticate::assertion::{self, Assertion, Assertions, Unspent};
use crate::client::Client;
use crate::client::authentication::AuthMethod;
use crate::client::id::ClientId;
use crate::client::secret::{ClientSecret, Secrets, StoredSecret};
use crate::clock::Timestamp;
use crate::error::{Description, Error, Kind};
use crate::form::{Form, decode};

/// Base64 as HTTP Basic has it (RFC 7617, section 2), for clients with padding and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request presents to authenticate its client.
pub struct Credentials {
    pub(super) client_id: Option<ClientId>,
    proof: Proof,
}

/// What the request offers as proof of its client.
enum Proof {
    /// A secret, or for `none` only the identifier.
    Secret {
        method: AuthMethod,
        /// The readings of the secret: form-decoded, and as it was sent.
        readings: [Zeroizing<String>; 2],
    },
    /// A signature of the client's key.
    Assertion(Assertion),
}

impl Credentials {
    /// Reads what a request presents. A malformed identifier is kept as `None`, so that it fails as an unknown one
    /// does.
    ///
    /// # Errors
    /// `invalid_request` for two methods, or two identifiers, in one request; `invalid_client` when the request does
    /// not authenticate its client, or when its header is not Basic: that method is not supported (RFC 6749, section
    /// 5.2).
    pub fn read(headers: &HeaderMap, form: &Form) -> Result<Self, Error> {
        const TWO_METHODS: Error = Error::invalid_request("The request authenticates the client by two methods.");
        const TWO_CLIENTS: Error = Error::invalid_request("The request names two clients.");

        let in_body = form.value("client_id");
        let secret_in_body = form.value("client_secret");
        let asserted = ["client_assertion", "client_assertion_type"].map(|name| form.value(name));
        let is_asserted = asserted.iter().any(Option::is_some);
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        let Some(authorization) = authorizations.next() else {
            return match secret_in_body {
                Some(_) if is_asserted => Err(TWO_METHODS),
                None if is_asserted => Self::of_assertion(in_body, asserted),
                _ => Self::of_body(in_body, secret_in_body),
            };
        };
        if authorizations.next().is_some() || secret_in_body.is_some() || is_asserted {
            return Err(TWO_METHODS);
        }
        let (id, readings) = basic(authorization.as_bytes())?;
        if in_body.is_some_and(|in_body| in_body != id.as_str()) {
            return Err(TWO_CLIENTS);
        }
        // RFC 6749, section 2.3.1: an empty secret may be left out, so one that is sent does not count as a secret.
        let is_empty = readings.iter().all(|reading| reading.is_empty());
        let method = if is_empty { AuthMethod::None } else { AuthMethod::ClientSecretBasic };
        Ok(Self { client_id: ClientId::parse(&id).ok(), proof: Proof::Secret { method, readings } })
    }

    fn of_body(client_id: Option<&str>, secret: Option<&str>) -> Result<Self, Error> {
        let client_id = client_id.ok_or_else(|| Error::invalid_client().because("no client authentication"))?;
        let method = if secret.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
        let secret = Zeroizing::new(secret.unwrap_or_default().to_owned());
        let proof = Proof::Secret { method, readings: [secret.clone(), secret] };
        Ok(Self { client_id: ClientId::parse(client_id).ok(), proof })
    }

    /// RFC 7521, section 4.2: `client_id` may be left out, and must not name another client.
    fn of_assertion(client_id: Option<&str>, asserted: [Option<&str>; 2]) -> Result<Self, Error> {
        let refused = |reason: assertion::RefusedAssertion| Error::invalid_client().because(reason);
        let [Some(assertion), Some(assertion::TYPE)] = asserted else {
            return Err(refused(assertion::RefusedAssertion::Kind));
        };
        let assertion = Assertion::read(assertion).map_err(refused)?;
        if client_id.is_some_and(|client_id| client_id != assertion.claimed_client()) {
            return Err(refused(assertion::RefusedAssertion::OtherClient));
        }
        let client_id = ClientId::parse(assertion.claimed_client()).ok();
        Ok(Self { client_id, proof: Proof::Assertion(assertion) })
    }
}

/// What the fuzz targets compare with what was sent.
#[cfg(fuzzing)]
impl Credentials {
    /// The identifier, if it is well-formed.
    #[must_use]
    pub fn client_id(&self) -> Option<&ClientId> {
        self.client_id.as_ref()
    }

    /// The readings of the secret, or the times of the assertion.
    pub fn proof(&self) -> Result<&[Zeroizing<String>; 2], [Option<Timestamp>; 3]> {
        match &self.proof {
            Proof::Secret { readings, .. } => Ok(readings),
            Proof::Assertion(assertion) => Err(assertion.times()),
        }
    }
}

/// What the proof of a client is worth.
pub(super) enum Proven {
    /// It may be presented again.
    ForGood,
    /// It counts only once, when it is spent.
    Once(Unspent),
}

/// Why the credentials prove nothing. This is for the log: the client is told `invalid_client` in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Unproven {
    #[error("wrong secret")]
    WrongSecret,
    #[error("wrong method, or disabled")]
    MethodOrDisabled,
    #[error(transparent)]
    Assertion(assertion::RefusedAssertion),
}

impl Credentials {
    /// What these credentials are worth for `client`. The work is the same whichever client it is, and whether or not
    /// there is such a client.
    pub(super) fn prove(
        &self,
        id: &ClientId,
        client: Option<&Client>,
        assertions: &Assertions,
        now: Timestamp,
    ) -> Result<Proven, Unproven> {
        match &self.proof {
            Proof::Secret { method, readings } => {
                prove_by_secret(client, *method, readings, now).map(|()| Proven::ForGood)
            }
            Proof::Assertion(assertion) => {
                let keys = client.filter(|client| !client.disabled).and_then(|client| client.authentication.keys());
                assertions.verify(assertion, id, keys, now).map(Proven::Once).map_err(Unproven::Assertion)
            }
        }
    }
}

/// Whether one of the `readings` is a live secret of `client`, and `method` is the client's.
fn prove_by_secret(
    client: Option<&Client>,
    method: AuthMethod,
    readings: &[Zeroizing<String>; 2],
    now: Timestamp,
) -> Result<(), Unproven> {
    let nobody = StoredSecret::unmatchable();
    let secrets = client.map_or(&[][..], |client| client.authentication.secrets());
    let mut known = Choice::from(0);
    for slot in 0..Secrets::MAX {
        let stored = secrets.get(slot);
        let live = Choice::from(u8::from(stored.is_some_and(|secret| secret.is_live(now))));
        for presented in readings {
            known |= stored.unwrap_or(&nobody).matches(presented.as_bytes()) & live;
        }
    }
    let bounded = readings.iter().all(|secret| secret.len() <= ClientSecret::MAX_BYTES);
    let (known, without) = (bool::from(known) && bounded, method == AuthMethod::None);
    let is_its_method = |client: &Client| !client.disabled && client.authentication.method() == method;
    if client.is_some_and(is_its_method) && (known || without) {
        Ok(())
    } else if known || without || secrets.is_empty() {
        Err(Unproven::MethodOrDisabled)
    } else {
        Err(Unproven::WrongSecret)
    }
}

/// The user-id and the readings of the password in a Basic header (RFC 7617; RFC 6749, section 2.3.1).
///
/// The user-id is read as the RFC prescribes whenever possible: one that was sent raw and holds `+`, `%` or `:` may be
/// read as a different one. Both readings of the password are kept, to be compared.
///
/// # Errors
/// `invalid_client` when the header is of another scheme, or cannot be read.
fn basic(header: &[u8]) -> Result<(Zeroizing<String>, [Zeroizing<String>; 2]), Error> {
    const ANOTHER_SCHEME: Description = Description::new("The scheme of the Authorization header is not Basic.");

    let scheme = header.split(|&byte| byte == b' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"basic") {
        let reason = "the scheme of the Authorization header is not Basic";
        return Err(Error::new(Kind::InvalidClient, ANOTHER_SCHEME).because(reason));
    }
    let read = || {
        let encoded = std::str::from_utf8(header.get(scheme.len() + 1..)?).ok()?.trim_matches(' ');
        let decoded = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        let as_sent = |text: &str| Zeroizing::new(text.to_owned());
        let id = decode(id.as_bytes()).unwrap_or_else(|| as_sent(id));
        let secrets = [decode(secret.as_bytes()).unwrap_or_else(|| as_sent(secret)), as_sent(secret)];
        Some((id, secrets))
    };
    read().ok_or_else(|| {
        Error::invalid_client().because("the Authorization header does not hold readable Basic credentials")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Option<(String, [String; 2])> {
        let (id, secrets) = basic(header.as_bytes()).ok()?;
        Some((id.to_string(), secrets.map(|secret| secret.to_string())))
    }

    fn encode(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn basic_credentials_are_split_at_the_first_colon_and_form_decoded() {
        let header = format!("bAsIc {}", encode("my%20app:a%3Ab:c"));
        assert_eq!(read(&header), Some(("my app".into(), ["a:b:c".into(), "a%3Ab:c".into()])));
    }

    #[test]
    fn a_secret_sent_raw_that_does_not_decode_is_kept_as_sent() {
        let header = format!("Basic {}", encode("app:100%"));
        assert_eq!(read(&header), Some(("app".into(), ["100%".into(), "100%".into()])));
    }

    #[test]
    fn what_is_not_basic_is_unreadable() {
        for header in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic \tYTpi",
            "Bearer eA==",
            &format!("Basic {}", encode("no colon")),
        ] {
            assert_eq!(read(header), None, "{header}");
        }
    }

    #[test]
    fn an_id_sent_raw_is_read_as_another_where_it_holds_what_is_ambiguous() {
        for byte in 0x20..=0x7E_u8 {
            // Hexadecimal digits follow, so that a percent sign begins an escape.
            let id = format!("a{}20b", char::from(byte));
            let ambiguous = ClientId::parse(&id).expect("a client id").ambiguous_in_basic().next().is_some();
            let header = format!("Basic {}", encode(&format!("{id}:secret")));
            let (read_id, _) = read(&header).expect("well formed");
            assert_eq!(read_id != id, ambiguous, "{id}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = basic(&header);
        }

        #[test]
        fn what_a_client_encodes_is_what_is_read(id in "[ -~]{1,32}", secret in "\\PC{1,32}") {
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let header = format!("Basic {}", encode(&format!("{}:{}", encoded(&id), encoded(&secret))));
            let (read_id, [read_secret, _]) = read(&header).expect("well formed");
            prop_assert_eq!((read_id, read_secret), (id, secret));
        }
    }
}
