//! Client authentication (RFC 6749, section 2.3), before any user is looked at.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use quick_cache::sync::Cache;
use subtle::Choice;
use zeroize::Zeroizing;

use crate::authenticate::assertion::{self, Assertion, Assertions, Unspent};
use crate::client::secret::{ClientSecret, StoredSecret};
use crate::client::{AuthMethod, Client, ClientId};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::form::{Form, decode};
use crate::store::StoreError;
use crate::store::clients::Clients;

/// The most clients kept in memory.
const CACHED_CLIENTS: usize = 1024;

/// Base64 as HTTP Basic has it (RFC 7617, section 2), for clients with padding and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A client that proved who it is. Only [`ClientDirectory::authenticate`] makes one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

/// What a request presents to authenticate its client.
pub struct Credentials {
    client_id: Option<ClientId>,
    proof: Proof,
}

/// By what the request would prove its client.
enum Proof {
    /// A secret, or for `none` the identifier alone.
    Secret {
        method: AuthMethod,
        /// The readings of the secret: form-decoded, and as it was sent.
        readings: [Zeroizing<String>; 2],
    },
    /// A signature of the client's key.
    Assertion(Assertion),
}

impl Credentials {
    /// Reads what a request presents. An identifier that cannot be one is kept as none, to fail as an unknown one does.
    ///
    /// # Errors
    /// `invalid_request` for two methods, or two identifiers, in one request; `invalid_client` for none, or for a
    /// header that cannot be read.
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
        let unreadable = || Error::invalid_client().because("the Authorization header is not readable Basic");
        let (id, readings) = basic(authorization.as_bytes()).ok_or_else(unreadable)?;
        if in_body.is_some_and(|in_body| in_body != id.as_str()) {
            return Err(TWO_CLIENTS);
        }
        let proof = Proof::Secret { method: AuthMethod::ClientSecretBasic, readings };
        Ok(Self { client_id: ClientId::parse(&id).ok(), proof })
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
        let refused = |reason: assertion::Refused| Error::invalid_client().because(reason);
        let [Some(assertion), Some(assertion::TYPE)] = asserted else {
            return Err(refused(assertion::Refused::Kind));
        };
        let assertion = Assertion::read(assertion).map_err(refused)?;
        if client_id.is_some_and(|client_id| client_id != assertion.claimed_client()) {
            return Err(refused(assertion::Refused::OtherClient));
        }
        let client_id = ClientId::parse(assertion.claimed_client()).ok();
        Ok(Self { client_id, proof: Proof::Assertion(assertion) })
    }
}

/// What the fuzz targets compare with what was sent.
#[cfg(fuzzing)]
impl Credentials {
    /// The identifier, where it can be one.
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

/// Whether one of the `readings` is a live secret of `client`, and `method` is the client's. The work is the same for
/// every client, and for none.
fn is_secret_of(
    client: Option<&Client>,
    method: AuthMethod,
    readings: &[Zeroizing<String>; 2],
    now: Timestamp,
) -> bool {
    let nobody = StoredSecret::unmatchable();
    let mut proven = Choice::from(u8::from(method == AuthMethod::None));
    for slot in 0..Client::MAX_SECRETS {
        let stored = client.and_then(|client| client.secrets.get(slot));
        let live = Choice::from(u8::from(stored.is_some_and(|secret| secret.is_live(now))));
        for presented in readings {
            proven |= stored.unwrap_or(&nobody).matches(presented.as_bytes()) & live;
        }
    }
    let bounded = readings.iter().all(|secret| secret.len() <= ClientSecret::MAX_BYTES);
    client.is_some_and(|client| !client.disabled && client.auth_method == method && bounded && proven.into())
}

/// What the proof of a client is worth.
enum Proven {
    /// It may be shown again.
    ForGood,
    /// It counts once: when it is spent.
    Once(Unspent),
}

/// The user-id and the readings of the password in a Basic header (RFC 7617; RFC 6749, section 2.3.1).
fn basic(header: &[u8]) -> Option<(Zeroizing<String>, [Zeroizing<String>; 2])> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(encoded.trim_matches(' ')).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let as_sent = |text: &str| Zeroizing::new(text.to_owned());
    let id = decode(id.as_bytes()).unwrap_or_else(|| as_sent(id));
    let secrets = [decode(secret.as_bytes()).unwrap_or_else(|| as_sent(secret)), as_sent(secret)];
    Some((id, secrets))
}

/// The registered clients, each kept in memory for a while once it has authenticated.
pub struct ClientDirectory {
    clients: Clients,
    assertions: Assertions,
    cache: Cache<ClientId, (Timestamp, Arc<Client>)>,
    kept_for: Duration,
}

impl ClientDirectory {
    /// The directory of `clients`, each kept for `kept_for`; zero keeps none. Their assertions are checked by
    /// `assertions`.
    #[must_use]
    pub fn new(clients: Clients, assertions: Assertions, kept_for: Duration) -> Self {
        Self { clients, assertions, cache: Cache::new(CACHED_CLIENTS), kept_for }
    }

    /// Authenticates the client of a request.
    ///
    /// Credentials that a client in memory does not accept are checked once more against the table, so that a new
    /// secret or key works at once; an unknown client costs that read too. An assertion is spent last, when all else
    /// about it is right: nobody but the client can use it up.
    ///
    /// # Errors
    /// `invalid_client`, the same whatever was wrong; [`Error::unavailable`] when the store does not answer.
    pub async fn authenticate(&self, credentials: &Credentials, now: Timestamp) -> Result<AuthenticatedClient, Error> {
        let refused = |reason: &str| Error::invalid_client().because(reason);
        let Some(id) = &credentials.client_id else {
            return Err(refused("the client id is not one"));
        };
        if let Some(client) = self.cached(id, now) {
            if let Ok(proven) = self.prove(credentials, id, Some(&client), now) {
                return self.admit(client, proven).await;
            }
            self.cache.remove(id);
        }
        let client = self.clients.get(id).await?;
        let proven = self.prove(credentials, id, client.as_ref(), now);
        let client = Arc::new(client.ok_or_else(|| refused("unknown client"))?);
        let proven = proven.map_err(|reason| refused(&reason))?;
        if !self.kept_for.is_zero() {
            self.cache.insert(id.clone(), (now, Arc::clone(&client)));
        }
        self.admit(client, proven).await
    }

    /// The client called `id`, from memory or from the table: for what its tokens are still worth.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn find(&self, id: &ClientId, now: Timestamp) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.cached(id, now) {
            return Ok(Some(client));
        }
        let client = self.clients.get(id).await?.map(Arc::new);
        if let Some(client) = client.as_ref().filter(|_| !self.kept_for.is_zero()) {
            self.cache.insert(id.clone(), (now, Arc::clone(client)));
        }
        Ok(client)
    }

    fn prove(
        &self,
        credentials: &Credentials,
        id: &ClientId,
        client: Option<&Client>,
        now: Timestamp,
    ) -> Result<Proven, String> {
        match &credentials.proof {
            Proof::Secret { method, readings } if is_secret_of(client, *method, readings, now) => Ok(Proven::ForGood),
            Proof::Secret { .. } => Err("wrong secret or method, or disabled".to_owned()),
            Proof::Assertion(assertion) => {
                let able = client.filter(|client| !client.disabled && client.auth_method == AuthMethod::PrivateKeyJwt);
                let keys = able.and_then(|client| client.keys.as_ref());
                let unspent = self.assertions.verify(assertion, id, keys, now);
                unspent.map(Proven::Once).map_err(|reason| reason.to_string())
            }
        }
    }

    async fn admit(&self, client: Arc<Client>, proven: Proven) -> Result<AuthenticatedClient, Error> {
        if let Proven::Once(assertion) = proven {
            self.assertions.spend(assertion).await?;
        }
        Ok(AuthenticatedClient(client))
    }

    fn cached(&self, id: &ClientId, now: Timestamp) -> Option<Arc<Client>> {
        let (read_at, client) = self.cache.get(id)?;
        // A clock that was set back must not keep a client for ever.
        (now >= read_at && now.since(read_at) < self.kept_for).then_some(client)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Option<(String, [String; 2])> {
        let (id, secrets) = basic(header.as_bytes())?;
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
        for header in ["", "Basic", "Basic ", "Basic !!!", "Bearer eA==", &format!("Basic {}", encode("no colon"))] {
            assert_eq!(read(header), None, "{header}");
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
