//! The `oauth2` crate, with both ways to send a secret.

use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthType, ClientId, ClientSecret, IntrospectionUrl, RefreshToken, RequestTokenError, ResourceOwnerPassword,
    ResourceOwnerUsername, RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use reqwest::blocking::Client as HttpClient;
use service::{Client, Failure, Metadata, Service, holds, http_client};

type Answer<E> = Result<BasicTokenResponse, RequestTokenError<E, BasicErrorResponse>>;

fn main() -> Result<(), Failure> {
    let (service, http) = (Service::of_this_run()?, http_client()?);
    let metadata = service.metadata(&http)?;
    let clients = &service.clients;
    run(
        "oauth2, client_secret_basic, form-encoded",
        &clients.special,
        AuthType::BasicAuth,
        &service,
        &metadata,
        &http,
    )?;
    run("oauth2, client_secret_post", &clients.post, AuthType::RequestBody, &service, &metadata, &http)
}

fn run(
    name: &str,
    credentials: &Client,
    authentication: AuthType,
    service: &Service,
    metadata: &Metadata,
    http: &HttpClient,
) -> Result<(), Failure> {
    let client = BasicClient::new(ClientId::new(credentials.client_id.clone()))
        .set_client_secret(ClientSecret::new(credentials.client_secret.clone()))
        .set_auth_type(authentication)
        .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone())?)
        .set_introspection_url(IntrospectionUrl::new(metadata.introspection_endpoint.clone())?)
        .set_revocation_url(RevocationUrl::new(metadata.revocation_endpoint.clone())?);
    let username = ResourceOwnerUsername::new(service.user.username.clone());
    let login = |password: String| {
        let scopes = service.scope.split(' ').map(|scope| Scope::new(scope.to_owned()));
        client.exchange_password(&username, &ResourceOwnerPassword::new(password)).add_scopes(scopes).request(http)
    };
    let refresh = |token: &RefreshToken| client.exchange_refresh_token(token).request(http);

    is_invalid_grant(login(service.user.wrong_password()));
    holds(name, "a wrong password is a ServerResponse InvalidGrant");

    let tokens = login(service.user.password.clone())?;
    let first = tokens.refresh_token().ok_or("no refresh token")?;
    holds(name, "a password is exchanged for tokens");

    let refreshed = refresh(first)?;
    let second = refreshed.refresh_token().ok_or("no refresh token")?;
    assert_ne!(second.secret(), first.secret());
    holds(name, "a refresh token is exchanged, and replaced");

    let introspection = client.introspect(refreshed.access_token()).request(http)?;
    assert!(introspection.active());
    assert_eq!(introspection.username(), Some(service.user.username.as_str()));
    holds(name, "introspection knows a live access token");

    client.revoke_token(second.clone().into())?.request(http)?;
    is_invalid_grant(refresh(second));
    assert!(!client.introspect(refreshed.access_token()).request(http)?.active());
    holds(name, "a revoked refresh token is dead, and its session with it");
    Ok(())
}

fn is_invalid_grant<E: std::error::Error + 'static>(answer: Answer<E>) {
    let Err(RequestTokenError::ServerResponse(refusal)) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.error(), &BasicErrorResponseType::InvalidGrant);
}
