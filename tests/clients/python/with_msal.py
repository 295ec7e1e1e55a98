"""MSAL, with the issuer as its OpenID Connect authority: a public application and a confidential one."""

from urllib.parse import urlsplit

import msal
import requests
from requests.adapters import HTTPAdapter

from service import CLIENTS, ISSUER, USER, WRONG_PASSWORD, holds

# MSAL adds `openid profile offline_access` to these.
SCOPES = ["email"]


class RealmLookup(HTTPAdapter):
    """Before a login MSAL looks for a realm at the issuer's host, at port 443, which is not the service's in this run."""

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:
        there, service = urlsplit(request.url), urlsplit(ISSUER)
        request.url = there._replace(netloc=service.netloc).geturl()
        return super().send(request, **options)


http = requests.Session()
http.mount(f"https://{urlsplit(ISSUER).hostname}/", RealmLookup())


def run(client: str, application: msal.ClientApplication, secret: str | None) -> None:
    def login(password: str, scopes: list[str]) -> dict[str, object]:
        return application.acquire_token_by_username_password(USER["username"], password, scopes)

    refusal = login(WRONG_PASSWORD, SCOPES)
    assert (refusal["error"], "error_description" in refusal) == ("invalid_grant", True), refusal
    holds(client, "a wrong password is the error invalid_grant, with its description")
    refusal = login(USER["password"], ["no.such.scope"])
    assert refusal["error"] == "invalid_scope", refusal
    holds(client, "a scope that the client may not have is the error invalid_scope")

    tokens = login(USER["password"], SCOPES)
    assert tokens["token_source"] == "identity_provider", tokens
    assert tokens["id_token_claims"]["name"] == USER["name"], tokens
    (account,) = application.get_accounts(USER["username"])
    holds(client, "a password is exchanged for tokens, and the account is the user's")

    kept = application.acquire_token_silent(SCOPES, account)
    assert (kept["token_source"], kept["access_token"]) == ("cache", tokens["access_token"])
    holds(client, "the access token is kept")

    def refreshed() -> dict[str, object]:
        return application.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)

    access_tokens = {tokens["access_token"], *(refreshed()["access_token"] for _ in range(2))}
    assert len(access_tokens) == 3, access_tokens
    holds(client, "a refresh token is exchanged, and so is what replaced it")

    endpoint = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()["revocation_endpoint"]
    (entry,) = application.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)
    revocation = {"token": entry["secret"], "client_id": application.client_id, "client_secret": secret}
    requests.post(endpoint, data=revocation).raise_for_status()
    refusal = refreshed()
    assert refusal["error"] == "invalid_grant", refusal
    holds(client, "a revoked refresh token is dead: the error invalid_grant")


public = msal.PublicClientApplication(CLIENTS["public"]["client_id"], oidc_authority=ISSUER, http_client=http)
run("MSAL, none", public, None)
client_id, client_secret = CLIENTS["post"]["client_id"], CLIENTS["post"]["client_secret"]
confidential = msal.ConfidentialClientApplication(
    client_id, client_credential=client_secret, oidc_authority=ISSUER, http_client=http
)
run("MSAL, client_secret_post", confidential, client_secret)
