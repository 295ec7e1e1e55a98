//! What a new client has where nothing else is said.

use std::time::Duration;

use passgrant::claims::ClaimMap;
use passgrant::client::{AccessTokenFormat, AuthMethod, Client, ClientId, Grant, RefreshPolicy};
use passgrant::clock::Timestamp;
use passgrant::scope::Scope;

use crate::client::options::{DAY, HOUR};

/// The client `id`, made at `now`: confidential, and still without a secret.
pub(crate) fn client(id: ClientId, now: Timestamp) -> Client {
    Client {
        id,
        name: None,
        disabled: false,
        auth_method: AuthMethod::ClientSecretBasic,
        secrets: Vec::new(),
        keys: None,
        grants: vec![Grant::Password, Grant::RefreshToken],
        capabilities: Vec::new(),
        scopes: Scope::default(),
        default_scopes: Scope::default(),
        audiences: Vec::new(),
        access_token_format: AccessTokenFormat::Jwt,
        claim_map: ClaimMap::default(),
        access_token_lifetime: Duration::from_secs(HOUR),
        refresh: RefreshPolicy {
            idle_lifetime: Duration::from_secs(14 * DAY),
            lifetime: Duration::from_secs(90 * DAY),
            grace: Duration::from_secs(30),
            needs_offline_access: false,
        },
        signing_algorithm: None,
        chains: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}
