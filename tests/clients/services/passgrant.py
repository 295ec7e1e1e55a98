"""What surrounds a service: the administration of Passgrant, and the clients whose tokens the service is sent."""

import json
import subprocess
import time

import requests

from service import AUDIENCE, ISSUER, SERVICE, USER

# Long enough to use a token once, short enough to wait for its end.
SHORT_LIFETIME = 3


def administer(*arguments: str, given: str = "") -> dict[str, object]:
    """Runs `passgrant`, and returns what it answers."""
    command = [*SERVICE["passgrant"], *arguments, "--output", "json"]
    done = subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def application(client_id: str, *options: str, audience: str = AUDIENCE) -> str:
    """Registers a client that has no secret; its identifier."""
    options = ("--auth-method", "none", "--audience", audience, *options)
    return administer("client", "create", client_id, *options)["client_id"]


def another_user(username: str) -> dict[str, str]:
    """Makes a user who may be disabled."""
    administer("user", "create", username, "--password-stdin", given=USER["password"])
    return {"username": username, "password": USER["password"]}


def login(client_id: str, scope: str, user: dict[str, str] = USER) -> dict[str, object]:
    """The tokens that a client gets."""
    who = {"client_id": client_id, "username": user["username"], "password": user["password"]}
    answer = requests.post(f"{ISSUER}/oauth2/token", data={"grant_type": "password", "scope": scope, **who})
    answer.raise_for_status()
    return {**answer.json(), "until": time.time() + answer.json()["expires_in"]}


def log_out(client_id: str, tokens: dict[str, object]) -> None:
    """Ends the session of the tokens."""
    revocation = {"client_id": client_id, "token": tokens["refresh_token"]}
    requests.post(f"{ISSUER}/oauth2/revoke", data=revocation).raise_for_status()


def wait_for_the_end_of(tokens: dict[str, object]) -> None:
    """Returns when the access token is no longer valid."""
    time.sleep(max(0, tokens["until"] + 1 - time.time()))
