//! The service: what every endpoint works with.

use std::num::NonZero;
use std::thread;

use crate::authenticate::client::ClientDirectory;
use crate::authenticate::delegated::Delegated;
use crate::authenticate::user::Backends;
use crate::clock::Clock;
use crate::config::{Config, Issuer};
use crate::password::Verifier;
use crate::random::Random;
use crate::signing::KeyRing;
use crate::store::Store;
use crate::store::tokens::Tokens;
use crate::store::users::Users;

/// One instance of the service. It holds no state that another instance would need.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) issuer: Issuer,
    pub(crate) clients: ClientDirectory,
    pub(crate) users: Users,
    pub(crate) tokens: Tokens,
    pub(crate) keys: KeyRing,
    pub(crate) verifier: Verifier,
    pub(crate) delegated: Delegated,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) random: Box<dyn Random>,
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
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            clients: ClientDirectory::new(store.clients, config.client_cache.unwrap_or(Config::DEFAULT_CLIENT_CACHE)),
            users: store.users,
            tokens: store.tokens,
            verifier: Verifier::new(config.argon2.clone(), cores, config.verify_queue),
            delegated: Delegated::default(),
            config,
            issuer,
            keys,
            clock,
            random,
        }
    }

    /// What the verifiers of a chain work with.
    pub(crate) fn backends(&self) -> Backends<'_> {
        let Self { users, verifier, delegated, random, .. } = self;
        Backends { users, passwords: verifier, delegated, random: &**random }
    }

    /// Fetches the public keys and opens the connections to DynamoDB and KMS, so that the first request need not.
    /// What fails here is tried again by the request that needs it.
    pub async fn warm_up(&self) {
        if self.config.chains.delegate() {
            self.delegated.prepare();
        }
        let (keys, store) = tokio::join!(self.keys.published(), self.tokens.open_connection());
        if let Err(error) = keys {
            tracing::warn!(%error, "the signing keys could not be fetched at the start");
        }
        if let Err(error) = store {
            tracing::warn!(%error, "DynamoDB could not be reached at the start");
        }
    }
}
