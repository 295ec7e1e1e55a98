//! Client authentication (RFC 6749, section 2.3), before any user is looked at.
//!
//! An instance keeps registered clients in memory for a while, and reads the table no more often than it must.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use crate::authenticate::assertion::Assertions;
use crate::authenticate::credentials::{Credentials, Proven, Unproven};
use crate::bounded_cache;
use crate::client::Client;
use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::clients::{Clients, Revision};
use crate::store::memory::Version;
use crate::store::outcome::StoreError;

/// The most clients that are kept in memory, and whose wrong secrets are counted.
const MOST_CLIENTS: usize = 1024;
/// The most identifiers, whether of clients or not, whose last lookup is remembered: more than an instance can look up
/// in the one second for which this matters.
const MOST_INQUIRIES: usize = 4096;

/// A client that proved who it is. Only [`ClientAuthenticator::authenticate`] makes one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

/// The registered clients.
///
/// A caller without the right credentials cannot put load on the table. If the client in memory does not accept the
/// credentials, or no client of that identifier is in memory, the table is read, but only once per second and
/// identifier: a client that was created or changed works within a second, and nothing that fails evicts one from
/// memory. This is the same whether or not there is such a client, so that neither the calls nor the time reveal it.
pub struct ClientAuthenticator {
    clients: Clients,
    assertions: Assertions,
    memory: Cache<ClientId, Kept>,
    inquiries: Cache<ClientId, Arc<Mutex<Option<Inquiry>>>>,
    wrong_secrets: Cache<ClientId, Arc<AtomicU64>>,
    kept_for: Duration,
}

/// A client in memory.
#[derive(Clone)]
struct Kept {
    read_at: Timestamp,
    /// Its version before it was read.
    version: Version,
    revision: u64,
    client: Arc<Client>,
}

impl Kept {
    fn new(found: Revision, now: Timestamp, version: Version) -> Self {
        Self { read_at: now, version, revision: found.number(), client: Arc::new(found.client) }
    }

    /// Whether it is what the table holds. The revisions of a client that was registered again start over.
    fn is(&self, found: &Revision) -> bool {
        let same =
            self.client.incarnation == found.client.incarnation && self.client.created_at == found.client.created_at;
        same && self.revision == found.number()
    }
}

/// The outcome of the last lookup of an identifier in the table, made for a request whose credentials were not right
/// for what was known.
struct Inquiry {
    at: Timestamp,
    /// The version of the client before the table was asked.
    version: Version,
    answer: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The table has not answered, or not yet.
    Missing,
    /// There is no such client.
    Nobody,
    /// There is one.
    Somebody,
}

/// What credentials are worth.
struct Judged {
    /// The client that they claim; `None` if it is unknown.
    kept: Option<Kept>,
    verdict: Result<Proven, Unproven>,
}

/// The credentials of a request, and when it arrived.
struct Request<'a> {
    credentials: &'a Credentials,
    id: &'a ClientId,
    now: Timestamp,
}

impl ClientAuthenticator {
    /// An authenticator of `clients` that keeps each of them in memory for `kept_for`; if that is zero, it keeps none,
    /// and every request reads the table. Assertions are checked by `assertions`.
    #[must_use]
    pub fn new(clients: Clients, assertions: Assertions, kept_for: Duration) -> Self {
        Self {
            clients,
            assertions,
            memory: bounded_cache::of(MOST_CLIENTS),
            inquiries: bounded_cache::of(MOST_INQUIRIES),
            wrong_secrets: bounded_cache::of(MOST_CLIENTS),
            kept_for,
        }
    }

    /// Authenticates the client of a request.
    ///
    /// An assertion is spent last, once everything else about it is right, so that nobody but the client can use it up.
    ///
    /// # Errors
    /// `invalid_client`, the same whatever was wrong; [`Error::unavailable`] when the store does not answer.
    pub async fn authenticate(&self, credentials: &Credentials, now: Timestamp) -> Result<AuthenticatedClient, Error> {
        let Some(id) = &credentials.client_id else {
            return Err(Error::invalid_client().because("the client id is malformed"));
        };
        let request = Request { credentials, id, now };
        let Judged { kept, verdict } =
            if self.kept_for.is_zero() { self.judge_by_table(&request).await? } else { self.judge(&request).await? };
        let kept = kept.ok_or_else(|| Error::invalid_client().because("unknown client"))?;
        let proven = verdict.map_err(|reason| {
            if reason == Unproven::WrongSecret {
                self.count_wrong_secret(id);
            }
            Error::invalid_client().because(reason)
        })?;
        if let Proven::Once(assertion) = proven {
            self.assertions.spend(assertion).await?;
        }
        Ok(AuthenticatedClient(kept.client))
    }

    /// The client with this `id`, from memory or from the table, to find out what its tokens are still worth.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub(crate) async fn find(&self, id: &ClientId, now: Timestamp) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(kept) = self.cached(id, now) {
            return Ok(Some(kept.client));
        }
        let version = self.clients.version(id);
        let found = self.clients.get_revision(id).await?;
        Ok(found.map(|found| {
            let kept = Kept::new(found, now, version);
            if !self.kept_for.is_zero() {
                self.memory.insert(id.clone(), kept.clone());
            }
            kept.client
        }))
    }

    fn judge_for(&self, request: &Request<'_>, kept: Option<Kept>) -> Judged {
        let client = kept.as_ref().map(|kept| &*kept.client);
        let verdict = request.credentials.prove(request.id, client, &self.assertions, request.now);
        Judged { kept, verdict }
    }

    async fn judge_by_table(&self, request: &Request<'_>) -> Result<Judged, Error> {
        let version = self.clients.version(request.id);
        let found = self.clients.get_revision(request.id).await?;
        Ok(self.judge_for(request, found.map(|found| Kept::new(found, request.now, version))))
    }

    async fn judge(&self, request: &Request<'_>) -> Result<Judged, Error> {
        let remembered = match self.recall(request, None) {
            Some(judged) if judged.verdict.is_ok() => return Ok(judged),
            remembered => remembered,
        };
        let inquiry = self.inquiry(request.id);
        let (mut inquiry, waited) = match inquiry.try_lock() {
            Ok(inquiry) => (inquiry, false),
            Err(_) => (inquiry.lock().await, true),
        };
        let remembered = if waited { self.recall(request, remembered) } else { remembered };
        let version = self.clients.version(request.id);
        let is_fresh = |inquiry: &&Inquiry| inquiry.at == request.now && inquiry.version == version;
        let lately = inquiry.as_ref().filter(is_fresh).map(|inquiry| inquiry.answer);
        match (lately, remembered) {
            (_, Some(judged)) if judged.verdict.is_ok() => Ok(judged),
            (Some(Answer::Nobody | Answer::Somebody), Some(judged)) => Ok(judged),
            (Some(Answer::Nobody), None) => Ok(self.judge_for(request, None)),
            (Some(Answer::Missing), remembered) if waited || remembered.is_some() => {
                Err(Error::unavailable().because("the client could not be looked up a moment ago"))
            }
            (_, remembered) => self.inquire(request, remembered, &mut inquiry).await,
        }
    }

    /// What the credentials are worth for the client in memory. What was `judged` before is not judged again.
    fn recall(&self, request: &Request<'_>, judged: Option<Judged>) -> Option<Judged> {
        let kept = self.cached(request.id, request.now)?;
        let is_that =
            |judged: &Judged| judged.kept.as_ref().is_some_and(|known| Arc::ptr_eq(&known.client, &kept.client));
        match judged {
            Some(judged) if is_that(&judged) => Some(judged),
            _ => Some(self.judge_for(request, Some(kept))),
        }
    }

    /// Reads the table, and takes over what it holds if that is not what is `remembered`.
    async fn inquire(
        &self,
        request: &Request<'_>,
        remembered: Option<Judged>,
        inquiry: &mut Option<Inquiry>,
    ) -> Result<Judged, Error> {
        let was_in_memory = remembered.is_some();
        let (at, version) = (request.now, self.clients.version(request.id));
        *inquiry = Some(Inquiry { at, version, answer: Answer::Missing });
        let found = self.clients.get_revision(request.id).await?;
        let answer = if found.is_some() { Answer::Somebody } else { Answer::Nobody };
        *inquiry = Some(Inquiry { at, version, answer });

        let is_still = |judged: &Judged, found: &Revision| judged.kept.as_ref().is_some_and(|kept| kept.is(found));
        let judged = match (remembered, found) {
            (Some(judged), Some(found)) if is_still(&judged, &found) => judged,
            (_, Some(found)) => {
                let kept = Kept::new(found, request.now, version);
                self.memory.insert(request.id.clone(), kept.clone());
                self.judge_for(request, Some(kept))
            }
            (_, None) => {
                self.memory.remove(request.id);
                self.judge_for(request, None)
            }
        };
        // A first success, straight from the table, is no reason not to read it again.
        if judged.verdict.is_ok() && !was_in_memory {
            *inquiry = None;
        }
        Ok(judged)
    }

    fn inquiry(&self, id: &ClientId) -> Arc<Mutex<Option<Inquiry>>> {
        let Ok(inquiry) = self.inquiries.get_or_insert_with(id, || Ok::<_, Infallible>(Arc::default()));
        inquiry
    }

    fn cached(&self, id: &ClientId, now: Timestamp) -> Option<Kept> {
        let kept = self.memory.get(id)?;
        let unchanged = kept.version == self.clients.version(id);
        // A clock that was set back must not keep a client for ever.
        (unchanged && now >= kept.read_at && now.since(kept.read_at) < self.kept_for).then_some(kept)
    }

    /// RFC 6749, section 2.3.1 requires secrets to be protected against guessing: this count lets the operator see it
    /// happen.
    fn count_wrong_secret(&self, id: &ClientId) {
        let Ok(count) = self.wrong_secrets.get_or_insert_with(id, || Ok::<_, Infallible>(Arc::default()));
        let wrong_secrets = count.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(client_id = id.as_str(), wrong_secrets, "a client secret is wrong");
    }
}
