//! The mint: every access token and ID token is made here, from an authorization.

use std::sync::Arc;

use serde::Serialize;

use crate::authorize::Authorization;
use crate::client::AccessTokenFormat;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::random::Random;
use crate::scope::OPENID;
use crate::session::refresh_token::SessionId;
use crate::signing::{KeyRing, SigningError};
use crate::store::access_tokens::AccessTokens;
use crate::telemetry::phase::{self, Phase};
use crate::token::access::{self, AccessToken};
use crate::token::id::{self, IdToken};
use crate::token::opaque::OpaqueToken;

/// What makes access tokens and ID tokens.
pub struct Mint {
    keys: Arc<KeyRing>,
    access_tokens: AccessTokens,
    issuer: Issuer,
    random: Arc<dyn Random>,
    /// The algorithm of clients that have none of their own.
    algorithm: Algorithm,
}

/// The tokens of one answer, except for the refresh token.
pub struct Minted {
    /// The access token: a JWT or an opaque token, as the client is registered.
    pub access_token: String,
    /// The ID token, if `openid` is granted.
    pub id_token: Option<String>,
}

impl Mint {
    pub(crate) fn new(
        keys: Arc<KeyRing>,
        access_tokens: AccessTokens,
        issuer: Issuer,
        random: Arc<dyn Random>,
        algorithm: Algorithm,
    ) -> Self {
        Self { keys, access_tokens, issuer, random, algorithm }
    }

    /// Finds out whether the algorithm of clients without one can be signed with now. What is signed is no token: it claims
    /// nothing, its type is no token's, and nobody gets it.
    ///
    /// # Errors
    /// As [`KeyRing::sign`].
    pub async fn try_to_sign(&self, now: Timestamp) -> Result<(), Error> {
        self.keys.sign(self.algorithm, "deployment-check", &(), now).await?;
        Ok(())
    }

    /// Makes the tokens for `authorization`, and for `session` if there is one.
    ///
    /// # Errors
    /// [`Error::unavailable`] or [`Error::server_error`] when no key signs, the store does not answer, or there is no
    /// randomness.
    pub async fn mint(
        &self,
        authorization: &Authorization,
        session: Option<&SessionId>,
        now: Timestamp,
    ) -> Result<Minted, Error> {
        let client = authorization.client();
        let algorithm = client.signing_algorithm.unwrap_or(self.algorithm);
        let claims = AccessToken::new(&self.issuer, authorization, session, now, &*self.random)?;
        let access_token = match client.access_token_format {
            AccessTokenFormat::Jwt => self.sign(algorithm, access::TYPE, &claims, now).await?,
            AccessTokenFormat::Opaque => {
                let token = OpaqueToken::generate(&*self.random)?;
                let incarnation = client.incarnation.as_ref();
                self.access_tokens.put(&token.digest(), incarnation, &claims, claims.expires_at()).await?;
                token.expose()
            }
        };
        if !authorization.scope().names(OPENID) {
            return Ok(Minted { access_token, id_token: None });
        }
        // It holds a digest of the access token, including its signature, and so comes after it.
        let id_token =
            IdToken::new(&self.issuer, authorization, session, &access_token, algorithm, now, &*self.random)?;
        let id_token = self.sign(algorithm, id::TYPE, &id_token, now).await?;
        Ok(Minted { access_token, id_token: Some(id_token) })
    }

    async fn sign<C: Serialize>(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, SigningError> {
        phase::measured(Phase::Signing, self.keys.sign(algorithm, typ, claims, now)).await
    }
}
