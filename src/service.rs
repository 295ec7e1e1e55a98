//! The service: what every endpoint works with.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use http::HeaderMap;

use crate::authenticate::assertion::Assertions;
use crate::authenticate::client::{AuthenticatedClient, ClientAuthenticator};
use crate::authenticate::credentials::Credentials;
use crate::authenticate::delegated::Delegated;
use crate::authenticate::lockout::AttemptLimit;
use crate::authenticate::user::Backends;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::form::Form;
use crate::issuer::{Issuer, path};
use crate::password::Argon2Pool;
use crate::random::Random;
use crate::signing::KeyRing;
use crate::store::Store;
use crate::store::tokens::Tokens;
use crate::store::users::Users;
use crate::telemetry::record::RequestRecord;
use crate::token::mint::Mint;

/// One instance of the service. It holds no state that another instance would need.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) issuer: Issuer,
    pub(crate) clients: ClientAuthenticator,
    pub(crate) users: Users,
    pub(crate) tokens: Tokens,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) mint: Mint,
    pub(crate) attempts: AttemptLimit,
    pub(crate) verifier: Argon2Pool,
    pub(crate) delegated: Delegated,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Service {
    /// The service of `issuer`, as `config` says, on `store` and `keys`. It verifies one password per core at once.
    #[must_use]
    pub fn new(
        config: Config,
        issuer: Issuer,
        store: Store,
        keys: KeyRing,
        clock: Box<dyn Clock>,
        random: Box<dyn Random>,
    ) -> Self {
        let random: Arc<dyn Random> = random.into();
        let audiences = [issuer.as_str().to_owned(), issuer.url(path::TOKEN)];
        let assertions = Assertions::new(audiences, store.tokens.clone(), Arc::clone(&random));
        let client_cache = config.client_cache.unwrap_or(Config::DEFAULT_CLIENT_CACHE);
        let attempts = AttemptLimit::new(store.attempts, config.attempts, config.verify_queue, Arc::clone(&random));
        let keys = Arc::new(keys);
        let tokens = store.tokens.clone();
        let algorithm = config.signing_algorithm;
        let mint = Mint::new(Arc::clone(&keys), tokens, issuer.clone(), Arc::clone(&random), algorithm);
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            clients: ClientAuthenticator::new(store.clients, assertions, client_cache),
            users: store.users,
            tokens: store.tokens,
            attempts,
            verifier: Argon2Pool::new(config.argon2.clone(), cores, config.verify_queue),
            delegated: Delegated::default(),
            config,
            issuer,
            keys,
            mint,
            clock,
            random,
        }
    }

    /// Authenticates the client of a request, and notes it in the request's record.
    ///
    /// # Errors
    /// Those of [`Credentials::read`] and [`ClientAuthenticator::authenticate`].
    pub(crate) async fn authenticate_client(
        &self,
        headers: &HeaderMap,
        form: &Form,
        record: &RequestRecord,
    ) -> Result<AuthenticatedClient, Error> {
        let credentials = Credentials::read(headers, form)?;
        let client = self.clients.authenticate(&credentials, self.clock.now()).await?;
        record.client(client.id.as_str());
        Ok(client)
    }

    /// What the verifiers of a chain work with.
    pub(crate) fn backends(&self) -> Backends<'_> {
        let Self { users, attempts, verifier, delegated, random, .. } = self;
        Backends { users, attempts, passwords: verifier, delegated, random: &**random }
    }

    /// Fetches the public keys and opens the connections to DynamoDB and KMS, so that the first request need not, and
    /// tells when no key fits the algorithm that is configured. What fails here is tried again by the request that
    /// needs it: a client with an algorithm of its own may do well.
    pub async fn warm_up(&self) {
        if self.config.chains.delegate() {
            self.delegated.prepare();
        }
        let keys = self.keys.check(self.config.signing_algorithm, self.clock.now());
        let (keys, store) = tokio::join!(keys, self.tokens.open_connection());
        match keys {
            Ok(()) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the signing keys could not be fetched at the start");
            }
            Err(error) => tracing::error!(%error, "the signing keys cannot be used as they are configured"),
        }
        if let Err(error) = store {
            tracing::warn!(%error, "DynamoDB could not be reached at the start");
        }
    }
}
