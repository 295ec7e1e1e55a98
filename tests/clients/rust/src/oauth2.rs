//! The `oauth2` crate, with both ways to send a secret.

use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, ClientId, ClientSecret, IntrospectionUrl, RefreshToken, ResourceOwnerPassword, ResourceOwnerUsername,
    RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use service::{Client, Failure, Service, holds, http_client, is_invalid_grant};

fn main() -> Result<(), Failure> {
    let service = Service::of_this_run()?;
    run("oauth2, client_secret_basic, form-encoded", &service.clients.special, AuthType::BasicAuth, &service)?;
    run("oauth2, client_secret_post", &service.clients.post, AuthType::RequestBody, &service)
}

fn run(name: &str, credentials: &Client, authentication: AuthType, service: &Service) -> Result<(), Failure> {
    let http = http_client()?;
    let metadata = service.metadata(&http)?;
    let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
        .set_client_secret(ClientSecret::new(credentials.client_secret.clone()))
        .set_auth_type(authentication)
        .set_token_uri(TokenUrl::new(metadata.token_endpoint)?)
        .set_introspection_url(IntrospectionUrl::new(metadata.introspection_endpoint)?)
        .set_revocation_url(RevocationUrl::new(metadata.revocation_endpoint)?);
    let username = ResourceOwnerUsername::new(service.user.username.clone());
    let login = |password: String| {
        let scopes = service.scope.split(' ').map(|scope| Scope::new(scope.to_owned()));
        client.exchange_password(&username, &ResourceOwnerPassword::new(password)).add_scopes(scopes).request(&http)
    };
    let refresh = |token: &RefreshToken| client.exchange_refresh_token(token).request(&http);

    is_invalid_grant(login(service.user.wrong_password()));
    holds(name, "a wrong password is a ServerResponse InvalidGrant");

    let tokens = login(service.user.password.clone())?;
    let first = tokens.refresh_token().ok_or("no refresh token")?;
    holds(name, "a password is exchanged for tokens");

    let refreshed = refresh(first)?;
    let second = refreshed.refresh_token().ok_or("no refresh token")?;
    assert_ne!(second.secret(), first.secret());
    holds(name, "a refresh token is exchanged, and replaced");

    let introspection = client.introspect(refreshed.access_token()).request(&http)?;
    assert!(introspection.active());
    assert_eq!(introspection.username(), Some(service.user.username.as_str()));
    holds(name, "introspection knows a live access token");

    client.revoke_token(second.clone().into())?.request(&http)?;
    is_invalid_grant(refresh(second));
    assert!(!client.introspect(refreshed.access_token()).request(&http)?.active());
    holds(name, "a revoked refresh token is dead, and its session with it");
    Ok(())
}
