"""Logs in as an application does, and ends the session. Neither its log nor its errors hold a secret or a token."""

import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would be followed with the client's secret."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def post(url, login, form):
    """The answer to a form from the client: its status and the JSON in it."""
    pair = ":".join(urllib.parse.quote(login[name], safe="") for name in ("client_id", "client_secret"))
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
    try:
        with OPENER.open(request, timeout=10) as response:
            return response.status, json.loads(response.read(65536) or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, {}


def handler(event, context):
    secrets = boto3.client("secretsmanager")
    login = json.loads(secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"])
    url, began = os.environ["TOKEN_ENDPOINT"], time.monotonic()
    form = {"grant_type": "password", "username": login["username"], "password": login["password"]}
    status, answer = post(url, login, form)
    print(json.dumps({"login": status, "milliseconds": round((time.monotonic() - began) * 1000)}))
    if status != 200 or "access_token" not in answer:
        raise RuntimeError(f"the login was answered with {status}")
    token = answer.get("refresh_token", answer["access_token"])
    status, _ = post(url.removesuffix("/token") + "/revoke", login, {"token": token})
    if status != 200:
        raise RuntimeError(f"the end of the session was answered with {status}")
