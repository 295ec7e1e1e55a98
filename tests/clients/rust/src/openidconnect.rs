//! The `openidconnect` crate.

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, ClientId, ClientSecret, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    ProviderMetadata, ResourceOwnerPassword, ResourceOwnerUsername, RevocationUrl, Scope, TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use service::{Failure, Service, holds, http_client, is_invalid_grant};

const NAME: &str = "openidconnect";

/// What it does not look for by itself (RFC 8414).
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Revocation {
    revocation_endpoint: RevocationUrl,
}

impl AdditionalProviderMetadata for Revocation {}

type Metadata = ProviderMetadata<
    Revocation,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

fn main() -> Result<(), Failure> {
    let (service, http) = (Service::of_this_run()?, http_client()?);
    let metadata = Metadata::discover(&IssuerUrl::new(service.issuer.clone())?, &http)?;
    holds(NAME, "the service is discovered from its issuer");

    let credentials = &service.clients.special;
    let (id, secret) = (ClientId::new(credentials.client_id.clone()), credentials.client_secret.clone());
    let revocation = metadata.additional_metadata().revocation_endpoint.clone();
    let client = CoreClient::from_provider_metadata(metadata, id, Some(ClientSecret::new(secret)))
        .set_revocation_url(revocation);
    let username = ResourceOwnerUsername::new(service.user.username.clone());
    let login = |password: String| {
        let scopes = service.scope.split(' ').map(|scope| Scope::new(scope.to_owned()));
        client
            .exchange_password(&username, &ResourceOwnerPassword::new(password))
            .map(|request| request.add_scopes(scopes).request(&http))
    };

    is_invalid_grant(login(service.user.wrong_password())?);
    holds(NAME, "a wrong password is a ServerResponse InvalidGrant");

    let tokens = login(service.user.password.clone())??;
    let id_token = tokens.id_token().ok_or("no ID token")?;
    let verifier = client.id_token_verifier();
    // There is no nonce, as there is no authorization request to carry one.
    let claims = id_token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?;
    let name = claims.name().and_then(|name| name.get(None));
    assert_eq!(name.map(|name| name.as_str()), Some(service.user.name.as_str()));
    let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)?;
    assert_eq!(claims.access_token_hash(), Some(&hash));
    holds(NAME, "a password is exchanged for tokens, and the ID token is verified, at_hash included");

    let access_token = tokens.access_token().clone();
    let info: CoreUserInfoClaims = client.user_info(access_token, Some(claims.subject().clone()))?.request(&http)?;
    assert_eq!(info.email().map(|email| email.as_str()), Some(service.user.username.as_str()));
    holds(NAME, "userinfo is the user's");

    let first = tokens.refresh_token().ok_or("no refresh token")?;
    let refreshed = client.exchange_refresh_token(first)?.request(&http)?;
    let second = refreshed.refresh_token().ok_or("no refresh token")?;
    assert_ne!(second.secret(), first.secret());
    holds(NAME, "a refresh token is exchanged, and replaced");

    client.revoke_token(second.clone().into())?.request(&http)?;
    is_invalid_grant(client.exchange_refresh_token(second)?.request(&http));
    holds(NAME, "a revoked refresh token is dead");
    Ok(())
}
