"""Makes the examples of openapi.yaml work: the names in them are replaced by those of the server under test."""

import base64
import json
import os
import pathlib
import urllib.parse
import urllib.request

import schemathesis

STARTED = json.loads(pathlib.Path(os.environ["SERVER_STARTED"]).read_text())
DEMO = STARTED["demo"]
USER = {"username": DEMO["username"], "password": DEMO["password"]}
EXAMPLE_USER = {"username": "ann", "password": "correct horse battery staple"}
BASIC = "Basic " + base64.b64encode(f"{DEMO['client_id']}:{DEMO['client_secret']}".encode()).decode()
# What refresh tokens and access tokens of the examples begin with, and what the token endpoint calls them.
TOKENS = {"pgr_": "refresh_token", "pga_": "access_token"}


def login():
    """Tokens of a session of their own: rotating or revoking one does not affect another case."""
    form = urllib.parse.urlencode({"grant_type": "password", "scope": "openid profile", **USER}).encode()
    request = urllib.request.Request(f"{STARTED['url']}/oauth2/token", form, {"Authorization": BASIC})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@schemathesis.auth().apply_to(path=["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"], method="POST")
class Client:
    def get(self, case, context):
        return BASIC

    def set(self, case, data, context):
        body = case.body if isinstance(case.body, dict) else {}
        own = [name for name in body if name.startswith("client_")]
        # A made-up client does not exist, and the rest of its request would not be looked at. So a request that is to be
        # accepted is the demo client's; one that is to be refused keeps its own client, which must then be its only one.
        if case.meta.generation.mode.is_positive:
            for name in own:
                del body[name]
        elif own:
            return
        case.headers["Authorization"] = data


@schemathesis.auth().apply_to(path="/oauth2/userinfo", method=["GET", "HEAD", "POST"])
class Bearer:
    def get(self, case, context):
        return login()["access_token"]

    def set(self, case, data, context):
        # A request that is to be accepted has one token: the one in the form, if there is one.
        if isinstance(case.body, dict) and case.body.get("access_token") and case.meta.generation.mode.is_positive:
            case.body["access_token"] = data
        else:
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if not isinstance(case.body, dict):
        return
    # Both or neither: wrong passwords would lock the user.
    if EXAMPLE_USER.items() <= case.body.items():
        case.body.update(USER)
    for parameter in ("refresh_token", "token"):
        kind = TOKENS.get(str(case.body.get(parameter))[:4])
        if kind:
            case.body[parameter] = login()[kind]
