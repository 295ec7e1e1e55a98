"""Authlib: a client of each kind, OpenID Connect, and a resource server by RFC 9068."""

import time

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from service import AUDIENCE, CLIENTS, ISSUER, SCOPE, USER, WRONG_PASSWORD, holds, refused

# Its own validate() requires a response type, and a service without an authorization endpoint has none.
metadata = AuthorizationServerMetadata(requests.get(get_well_known_url(ISSUER, external=True)).json())
assert metadata.issuer == ISSUER
keys = KeySet.import_key_set(requests.get(metadata.jwks_uri).json())


class ResourceServer(JWTBearerTokenValidator):
    def get_jwks(self) -> KeySet:
        return keys


class ShortLivedAssertion(PrivateKeyJWT):
    """Authlib's own assertions are valid for an hour, and the service accepts at most five minutes."""

    def sign(self, auth: ClientAuth, token_endpoint: str) -> str:
        # New for each: Authlib keeps the first one's `jti` in what it is given.
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


def verified_id_token(tokens: dict[str, object], client_id: str) -> CodeIDToken:
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    options = {"iss": {"value": ISSUER}, "aud": {"value": client_id}}
    parameters = {"client_id": client_id, "access_token": tokens["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
    claims.validate()
    return claims


def signed_out(client_id: str, method: str, secret: object) -> OAuth2Session:
    return OAuth2Session(
        client_id,
        secret,
        scope=SCOPE,
        token_endpoint=metadata.token_endpoint,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )


def run(client_id: str, method: str, secret: object) -> None:
    client = f"Authlib, {method}"
    session = signed_out(client_id, method, secret)
    session.register_client_auth_method(ShortLivedAssertion(metadata.token_endpoint))

    with refused(OAuthError, error="invalid_grant"):
        session.fetch_token(username=USER["username"], password=WRONG_PASSWORD)
    holds(client, "a wrong password is an OAuthError invalid_grant")

    tokens = session.fetch_token(username=USER["username"], password=USER["password"])
    id_token = verified_id_token(tokens, client_id)
    assert id_token["name"] == USER["name"]
    holds(client, "a password is exchanged for tokens, and the ID token is verified")

    resource_server = ResourceServer(ISSUER, AUDIENCE)
    access_token = resource_server.authenticate_token(tokens["access_token"])
    resource_server.validate_token(access_token, ["openid email"], request=None)
    assert (access_token["sub"], access_token["client_id"]) == (id_token["sub"], client_id)
    holds(client, "a resource server verifies the access token (RFC 9068)")
    with refused(InvalidTokenError):
        resource_server.validate_token(resource_server.authenticate_token(tokens["id_token"]), [], request=None)
    holds(client, "an ID token is not an access token: an InvalidTokenError")

    assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == id_token["sub"]
    holds(client, "userinfo is the user's")

    refreshed = session.refresh_token()
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    holds(client, "a refresh token is exchanged, and replaced")

    def introspected() -> dict[str, object]:
        return session.introspect_token(metadata.introspection_endpoint, refreshed["access_token"]).json()

    if method != "none":
        assert introspected()["active"] is True
        holds(client, "introspection knows a live access token")
    session.revoke_token(metadata.revocation_endpoint, refreshed["refresh_token"]).raise_for_status()
    with refused(OAuthError, error="invalid_grant"):
        session.refresh_token(refresh_token=refreshed["refresh_token"])
    if method != "none":
        assert introspected() == {"active": False}
    holds(client, "a revoked refresh token is dead, and its session with it")


for kind, method in [("basic", "client_secret_basic"), ("post", "client_secret_post"), ("public", "none")]:
    run(CLIENTS[kind]["client_id"], method, CLIENTS[kind]["client_secret"])
assertion = CLIENTS["assertion"]
credentials = assertion["client_id"], PrivateKeyJWT.name, RSAKey.import_key(assertion["private_key"])
run(*credentials)

unchanged = signed_out(*credentials)
unchanged.register_client_auth_method(PrivateKeyJWT(metadata.token_endpoint))
with refused(OAuthError, error="invalid_client"):
    unchanged.fetch_token(username=USER["username"], password=USER["password"])
holds("Authlib, private_key_jwt", "an assertion that lives for an hour is an OAuthError invalid_client")
