//! The retirement ledger: on which day each client and each user last used the password grant, so that an operator knows
//! who still does.
//!
//! It costs at most one change a day for each client and each user. With which client a user logged in is noted with the
//! user's day, and so is that of the first login of the day: another client on the same day would be another change. What is known to be noted is not sent: a user's day is
//! in the item that a login reads anyway, and an instance remembers the clients that it has noted. Instances, and requests
//! at once, that do not know of each other may send the same note; all but the first find it there, and change nothing.

use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::timeout;

use crate::authenticate::user::AuthenticatedUser;
use crate::authorize::Authorization;
use crate::bounded_cache;
use crate::client::Client;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::{Day, Timestamp};
use crate::store::client_uses::ClientUses;
use crate::store::outcome::{Changed, StoreError};
use crate::store::users::Users;

/// The most clients of which an instance remembers what it has noted.
const MOST_CLIENTS: usize = 1024;
/// The longest that a login waits for its notes, which are written at the same time as everything else.
const TIME_TO_NOTE: Duration = Duration::from_secs(1);

/// Notes the days on which clients and users use the password grant.
pub struct LastUses {
    clients: ClientUses,
    users: Users,
    noted: Cache<ClientId, Noted>,
}

/// What has been noted of a client.
#[derive(Clone)]
struct Noted {
    incarnation: Option<Incarnation>,
    day: Day,
}

impl LastUses {
    /// Notes of `clients` and `users`.
    #[must_use]
    pub fn new(clients: ClientUses, users: Users) -> Self {
        Self { clients, users, noted: bounded_cache::of(MOST_CLIENTS) }
    }

    /// Notes a login at `now`. The login does not depend on it, and waits for it only for a short time: what cannot be
    /// written is tried again by the next login.
    pub(crate) async fn note(&self, authorization: &Authorization, now: Timestamp) {
        let day = now.day();
        let (client, user) = (authorization.client(), authorization.user());
        let notes = async { tokio::join!(self.note_client(client, day), self.note_user(user, &client.id, day)) };
        match timeout(TIME_TO_NOTE, notes).await {
            Ok((Ok(()), Ok(()))) => {}
            Ok((Err(error), _) | (_, Err(error))) => tracing::warn!(%error, "the day of a login could not be noted"),
            Err(_elapsed) => tracing::warn!("the day of a login could not be noted in time"),
        }
    }

    async fn note_client(&self, client: &Client, day: Day) -> Result<(), StoreError> {
        let is_noted = |noted: &Noted| noted.day >= day && noted.incarnation == client.incarnation;
        if !self.noted.get(&client.id).is_some_and(|noted| is_noted(&noted)) {
            // If it was not written, that day or a later one is there.
            let (Changed::Written | Changed::Unmet) = self.clients.note(client, day).await?;
            self.noted.insert(client.id.clone(), Noted { incarnation: client.incarnation.clone(), day });
        }
        Ok(())
    }

    /// A user whom only a delegated verifier knows has no item.
    async fn note_user(&self, user: &AuthenticatedUser, client: &ClientId, day: Day) -> Result<(), StoreError> {
        if user.is_stored() && user.last_login_day.is_none_or(|noted| noted < day) {
            let (Changed::Written | Changed::Unmet) = self.users.note_login(user, client, day).await?;
        }
        Ok(())
    }
}
