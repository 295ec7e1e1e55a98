#!/usr/bin/env python3
"""What the synthetic login of template.yaml does, against an endpoint of this machine."""

import base64
import contextlib
import io
import json
import os
import sys
import threading
import types
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

from cloudformation import TEMPLATE, source

SECRET = {"client_id": "canary", "client_secret": "s:e/c ret", "username": "canary", "password": "pass word+&="}
CODE = source()["Resources"]["SyntheticLoginFunction"]["Properties"]["Code"]["ZipFile"]


class Endpoint(BaseHTTPRequestHandler):
    """Answers as it is told, and remembers what it was asked."""

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, self.headers["Authorization"], dict(urllib.parse.parse_qsl(form))))
        status, headers, body = self.server.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() if body is not None else b"")

    def log_message(self, *_):
        pass


class SyntheticLogin(unittest.TestCase):
    def setUp(self):
        self.server = HTTPServer(("127.0.0.1", 0), Endpoint)
        self.addCleanup(self.server.server_close)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.shutdown)
        self.server.asked = []
        self.tokens = {"access_token": "the-access-token", "refresh_token": "the-refresh-token"}
        self.server.answers = {"/oauth2/token": (200, {}, self.tokens), "/oauth2/revoke": (200, {}, None)}
        secrets = types.SimpleNamespace(get_secret_value=lambda SecretId: {"SecretString": json.dumps(SECRET)})
        sys.modules["boto3"] = types.SimpleNamespace(client=lambda service: secrets)
        self.addCleanup(sys.modules.pop, "boto3")
        os.environ.update(SECRET_ARN="arn", TOKEN_ENDPOINT=f"http://127.0.0.1:{self.server.server_port}/oauth2/token")
        self.module = {}
        exec(compile(CODE, "index.py", "exec"), self.module)

    def run_once(self):
        """What a run prints and raises."""
        printed, raised = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                self.module["handler"]({}, None)
            except Exception as error:
                raised = str(error)
        for secret in [SECRET["client_secret"], SECRET["password"], *self.tokens.values()]:
            self.assertNotIn(secret, printed.getvalue() + raised)
        return printed.getvalue(), raised

    def test_it_logs_in_as_a_client_does_and_ends_the_session(self):
        printed, raised = self.run_once()
        self.assertEqual((json.loads(printed)["login"], raised), (200, ""))
        (login, credentials, form), (end, again, token) = self.server.asked
        self.assertEqual((login, end, again), ("/oauth2/token", "/oauth2/revoke", credentials))
        # RFC 6749, section 2.3.1: both are encoded as in a form.
        self.assertEqual(base64.b64decode(credentials.removeprefix("Basic ")), b"canary:s%3Ae%2Fc%20ret")
        self.assertEqual(form, {"grant_type": "password", "username": "canary", "password": SECRET["password"]})
        self.assertEqual(token, {"token": "the-refresh-token"})

    def test_a_client_without_refresh_tokens_ends_its_access_token(self):
        del self.tokens["refresh_token"]
        self.assertEqual(self.run_once()[1], "")
        self.assertEqual(self.server.asked[1][2], {"token": "the-access-token"})

    def test_whatever_is_not_a_login_fails_the_run(self):
        for answer, reason in [
            ((400, {}, {"error": "invalid_grant"}), "the login was answered with 400"),
            ((503, {}, {}), "the login was answered with 503"),
            ((200, {}, {}), "the login was answered with 200"),
        ]:
            self.server.answers["/oauth2/token"] = answer
            self.assertEqual(self.run_once()[1], reason)
        self.server.answers = {"/oauth2/token": (200, {}, self.tokens), "/oauth2/revoke": (503, {}, None)}
        self.assertEqual(self.run_once()[1], "the end of the session was answered with 503")

    def test_a_redirect_is_not_followed_with_the_secrets(self):
        self.server.answers["/oauth2/token"] = (302, {"Location": "/elsewhere"}, None)
        self.assertEqual(self.run_once()[1], "the login was answered with 302")
        self.assertEqual(len(self.server.asked), 1)

    def test_it_is_the_one_of_the_terraform_module_and_fits_into_a_template(self):
        self.assertEqual(CODE, (TEMPLATE.parent / "infra/terraform/synthetic_login.py").read_text())
        self.assertLess(len(CODE), 4096)


if __name__ == "__main__":
    unittest.main()
