//! What a new client has where nothing else is said.

use std::time::Duration;

use passgrant::client::{Grant, RefreshPolicy};

use crate::client::options::{DAY, HOUR};

pub(crate) const GRANTS: [Grant; 2] = [Grant::Password, Grant::RefreshToken];

pub(crate) const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(HOUR);

pub(crate) const REFRESH: RefreshPolicy = RefreshPolicy {
    idle_lifetime: Duration::from_secs(14 * DAY),
    lifetime: Duration::from_secs(90 * DAY),
    grace: Duration::from_secs(30),
};
