//! The service: what every endpoint works with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};

use crate::audit::log::AuditLog;
use crate::authenticate::assertion::Assertions;
use crate::authenticate::client::{AuthenticatedClient, ClientAuthenticator};
use crate::authenticate::credentials::Credentials;
use crate::authenticate::leaks::LeakChecks;
use crate::authenticate::lockout::AttemptLimit;
use crate::authenticate::lockout::sources::SourceLimit;
use crate::authenticate::user::UserAuthenticator;
use crate::aws;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::form::Form;
use crate::issuer::{Issuer, path};
use crate::last_use::LastUses;
use crate::password::Argon2Pool;
use crate::random::Random;
use crate::session::Sessions;
use crate::signing::KeyRing;
use crate::store::Store;
use crate::store::access_tokens::AccessTokens;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::traces::context::TraceContext;
use crate::telemetry::traces::span::Finished;
use crate::telemetry::traces::{Trace, Traces};
use crate::token::mint::Mint;

/// One instance of the service. It holds no state that another instance would need.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) issuer: Issuer,
    pub(crate) clients: ClientAuthenticator,
    pub(crate) users: UserAuthenticator,
    pub(crate) sessions: Sessions,
    pub(crate) last_uses: LastUses,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) mint: Mint,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) metrics: Option<Metrics>,
    traces: Option<Traces>,
    pub(crate) audit: Option<AuditLog>,
}

impl Service {
    /// The service of `issuer`, as `config` says, on top of `store` and `keys`. It verifies one password per core at a
    /// time.
    #[must_use]
    pub fn new(
        config: Config,
        issuer: Issuer,
        store: Store,
        keys: KeyRing,
        clock: Box<dyn Clock>,
        random: Box<dyn Random>,
    ) -> Self {
        let (keys, random) = (Arc::new(keys), Arc::<dyn Random>::from(random));
        let mut audiences = vec![issuer.as_str().to_owned(), issuer.url(path::TOKEN)];
        audiences.extend(config.mtls_url.as_ref().map(|url| url.url(path::TOKEN)));
        let assertions = Assertions::new(audiences, store.assertions, Arc::clone(&random));
        let client_cache = config.client_cache.unwrap_or(Config::DEFAULT_CLIENT_CACHE);
        let sources = SourceLimit::new(store.sources, config.attempt_sources.clone(), issuer.clone());
        let queue = config.verify_queue;
        let attempts = AttemptLimit::new(store.attempts, config.attempts, sources, queue, Arc::clone(&random));
        let leaks =
            LeakChecks::new(config.password_range_at_login, config.password_range_url.clone(), store.users.clone());
        let passwords = Argon2Pool::new(config.argon2.clone(), None, queue);
        Self {
            clients: ClientAuthenticator::new(store.clients, assertions, client_cache),
            users: UserAuthenticator::new(
                store.users.clone(),
                passwords,
                attempts,
                leaks,
                config.username_profile,
                Arc::clone(&random),
            ),
            last_uses: LastUses::new(store.client_uses, store.users.clone()),
            sessions: Sessions::new(store.sessions, store.users, Arc::clone(&random)),
            mint: Mint::new(
                Arc::clone(&keys),
                store.access_tokens.clone(),
                issuer.clone(),
                Arc::clone(&random),
                config.signing_algorithm,
            ),
            access_tokens: store.access_tokens,
            traces: config.traces.as_ref().map(|settings| Traces::new(settings, aws::collector_connector)),
            config,
            issuer,
            keys,
            clock,
            random,
            metrics: None,
            audit: None,
        }
    }

    /// The service that writes these metrics, if there are any to write.
    #[must_use]
    pub fn with_metrics(self, metrics: Option<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// The service that writes an event to this audit log for whatever a request decides or changes, if there is one.
    #[must_use]
    pub fn with_audit(self, audit: Option<AuditLog>) -> Self {
        Self { audit, ..self }
    }

    /// Whether there is somebody who collects traces.
    pub(crate) fn is_traced(&self) -> bool {
        self.traces.is_some()
    }

    /// The trace of a request, which begins now, if it is traced. An extension of the request is the span that the platform says it
    /// belongs to.
    pub(crate) fn begin_trace(&self, request: &Request<Bytes>) -> Option<Trace> {
        let traces = self.traces.as_ref()?;
        let platform = request.extensions().get::<TraceContext>().copied();
        traces.begin(request.headers(), platform, &*self.clock, &*self.random)
    }

    /// Sends the trace of a request, whose own span is `request`, within `time`.
    pub(crate) async fn send_trace(&self, trace: &Trace, request: Finished, time: Duration) {
        if let Some(traces) = &self.traces {
            traces.send(trace, request, time, &*self.clock, &*self.random).await;
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

    /// Fetches the public keys and opens the connections to DynamoDB and KMS, so that the first request need not, and
    /// tells when no key fits the algorithm that is configured. What fails here is tried again by the request that
    /// needs it: a client with an algorithm of its own may do well.
    pub async fn warm_up(&self) {
        if self.config.chains.delegate() {
            self.users.prepare_delegation();
        }
        self.users.prepare_leak_checks();
        let keys = self.keys.check(self.config.signing_algorithm, self.clock.now());
        let (keys, store) = tokio::join!(keys, self.sessions.open_connection());
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

    /// Maps the memory of a verification, makes what connects to a collector of traces, if there is one, and opens a second connection to DynamoDB, since a login makes two calls at once.
    /// A start does not wait for it: a login gets there only after a call or two.
    pub async fn prepare_for_logins(&self) {
        self.users.prepare_verification();
        if let Some(traces) = &self.traces {
            traces.prepare();
        }
        let connections = tokio::try_join!(self.sessions.open_connection(), self.sessions.open_connection());
        if let Err(error) = connections {
            tracing::debug!(%error, "DynamoDB could not be reached for another connection");
        }
    }
}
