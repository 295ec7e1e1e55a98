//! Tokens: what a successful request is answered with.

pub mod access;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::AuthenticatedUser;
use crate::scope::GrantedScope;
use crate::session::SessionId;

/// What a token stands for: the parts are proofs, so a token cannot be minted before each check was made.
#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    /// Who may use the token.
    pub client: &'a AuthenticatedClient,
    /// In whose name.
    pub user: &'a AuthenticatedUser,
    /// For what.
    pub scope: &'a GrantedScope,
    /// At which resource servers.
    pub audiences: &'a [Audience],
    /// The session that the token is of; none where no refresh token is issued.
    pub session: Option<&'a SessionId>,
}
