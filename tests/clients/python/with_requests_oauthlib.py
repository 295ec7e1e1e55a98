"""requests-oauthlib, which knows the password grant as the legacy application's, with PyJWT to verify."""

import jwt
import requests
from oauthlib.oauth2 import InvalidGrantError, LegacyApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from service import AUDIENCE, CLIENTS, ISSUER, SCOPE, USER, WRONG_PASSWORD, holds, refused

CLIENT = "requests-oauthlib"
client_id, client_secret = CLIENTS["basic"]["client_id"], CLIENTS["basic"]["client_secret"]
metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
authentication = HTTPBasicAuth(client_id, client_secret)
application = LegacyApplicationClient(client_id, scope=SCOPE)
session = OAuth2Session(client=application)


def login(password: str) -> dict[str, object]:
    endpoint, username = metadata["token_endpoint"], USER["username"]
    return session.fetch_token(endpoint, username=username, password=password, auth=authentication)


def refresh(token: str) -> dict[str, object]:
    return session.refresh_token(metadata["token_endpoint"], refresh_token=token, auth=authentication)


with refused(InvalidGrantError, status_code=400):
    login(WRONG_PASSWORD)
holds(CLIENT, "a wrong password is an InvalidGrantError")

tokens = login(USER["password"])
holds(CLIENT, "a password is exchanged for tokens")

keys = jwt.PyJWKClient(metadata["jwks_uri"])


def verified(token: str, audience: str) -> dict[str, object]:
    key = keys.get_signing_key_from_jwt(token)
    algorithms = metadata["id_token_signing_alg_values_supported"]
    return jwt.decode(token, key, algorithms=algorithms, audience=audience, issuer=ISSUER)


access_token, id_token = verified(tokens["access_token"], AUDIENCE), verified(tokens["id_token"], client_id)
assert (access_token["sub"], id_token["name"]) == (id_token["sub"], USER["name"])
holds("PyJWT", "the access token and the ID token are verified from the published keys")
with refused(jwt.InvalidAudienceError):
    verified(tokens["id_token"], AUDIENCE)
holds("PyJWT", "an ID token is not an access token: an InvalidAudienceError")

assert session.get(metadata["userinfo_endpoint"]).json()["email"] == USER["username"]
holds(CLIENT, "userinfo is the user's")

refreshed = refresh(tokens["refresh_token"])
assert refreshed["refresh_token"] != tokens["refresh_token"]
holds(CLIENT, "a refresh token is exchanged, and replaced")

url, headers, body = application.prepare_token_revocation_request(
    metadata["revocation_endpoint"], refreshed["refresh_token"], token_type_hint="refresh_token"
)
requests.post(url, data=body, headers=headers, auth=authentication).raise_for_status()
with refused(InvalidGrantError):
    refresh(refreshed["refresh_token"])
holds(CLIENT, "a revoked refresh token is dead: an InvalidGrantError")
