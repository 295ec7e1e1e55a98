//! What tokens are about.

use crate::audience::Audience;
use crate::authorize::Authorization;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::scope::Scope;
use crate::user::User;

/// Whom tokens are for, and what they grant. Only an [`Authorization`] makes one that is signed.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) auth_time: Timestamp,
    pub(super) subject: &'a str,
    pub(super) scope: &'a Scope,
    pub(super) audiences: &'a [Audience],
}

impl<'a> About<'a> {
    pub(super) fn of(authorization: &'a Authorization) -> Self {
        Self {
            client: authorization.client(),
            user: authorization.user(),
            auth_time: authorization.user().auth_time(),
            subject: authorization.subject(),
            scope: authorization.scope(),
            audiences: authorization.audiences(),
        }
    }
}
