//! Tokens: what a successful request is answered with.

pub mod access;
pub mod id;
pub mod opaque;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::AuthenticatedUser;
use crate::authorize::scope::GrantedScope;
use crate::session::refresh_token::SessionId;

/// What a token stands for: the parts are proofs, so a token cannot be minted before each check was made.
#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    /// Who may use the token.
    pub client: &'a AuthenticatedClient,
    /// In whose name.
    pub user: &'a AuthenticatedUser,
    /// What the user is called to this client: the `sub` of the token.
    pub subject: &'a str,
    /// For what.
    pub scope: &'a GrantedScope,
    /// At which resource servers.
    pub audiences: &'a [Audience],
    /// The session that the token is of; none where nothing asks for one.
    pub session: Option<&'a SessionId>,
}
