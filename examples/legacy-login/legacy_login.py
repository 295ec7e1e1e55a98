#!/usr/bin/env python3
"""A small login system of the kind that is being replaced, with the endpoint that Passgrant asks.

    legacy_login.py create accounts.sqlite           makes a database with three accounts
    legacy_login.py serve accounts.sqlite PORT       answers POST /verify on 127.0.0.1:PORT

The secret that signs Passgrant's calls is in LEGACY_LOGIN_SECRET. The standard library is all that this needs.
"""

import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITERATIONS = 20_000
LARGEST_BODY = 16 * 1024
# How far the clocks of the two sides may differ, in seconds.
LEEWAY = 300

ACCOUNTS = [
    # username, password, address, closed
    ("ann", "correct horse battery staple", "ann@example.com", False),
    ("bob", "Tr0ub4dor&3", "bob@example.com", False),
    ("old", "the account is closed", "old@example.com", True),
]


def digest(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha1", password.encode(), salt, ITERATIONS)


def create(path: str) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(
            "CREATE TABLE accounts (number INTEGER PRIMARY KEY, username TEXT UNIQUE NOT NULL, salt BLOB NOT NULL,"
            " digest BLOB NOT NULL, email TEXT NOT NULL, closed INTEGER NOT NULL)"
        )
        for username, password, email, closed in ACCOUNTS:
            salt = os.urandom(16)
            database.execute(
                "INSERT INTO accounts (username, salt, digest, email, closed) VALUES (?, ?, ?, ?, ?)",
                (username, salt, digest(password, salt), email, closed),
            )
    print(f"{len(ACCOUNTS)} accounts in {path}")


def answer(database: sqlite3.Connection, username: str, password: str) -> dict:
    found = database.execute(
        "SELECT number, salt, digest, email, closed FROM accounts WHERE username = ?", (username,)
    ).fetchone()
    # An unknown user takes as long as a known one.
    number, salt, expected, email, closed = found or (0, b"\0" * 16, b"", "", True)
    right = hmac.compare_digest(digest(password, salt), expected)
    if found is None:
        return {"result": "unknown_user"}
    if not right or closed:
        return {"result": "no"}
    # The number never changes and is never given to another account: a username may be.
    return {"result": "yes", "sub": str(number), "claims": {"email": email, "preferred_username": username}}


class Calls:
    """Which calls are Passgrant's own, and not a replay."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.seen: dict[str, float] = {}

    def is_genuine(self, header: str, body: bytes) -> bool:
        fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
        moment, signature = fields.get("t", ""), fields.get("v1", "")
        expected = hmac.new(self.secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return False
        now = time.time()
        self.seen = {known: until for known, until in self.seen.items() if until > now}
        if abs(now - int(moment)) > LEEWAY or signature in self.seen:
            return False
        self.seen[signature] = now + 2 * LEEWAY
        return True


def serve(path: str, port: int) -> None:
    calls = Calls(os.environ["LEGACY_LOGIN_SECRET"].encode())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            if self.path != "/verify" or length > LARGEST_BODY:
                return self.send_error(404)
            body = self.rfile.read(length)
            if not calls.is_genuine(self.headers.get("passgrant-signature", ""), body):
                return self.send_error(401)
            asked = json.loads(body)
            # SQLite's connections stay on their thread, and each request has a thread of its own.
            database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                said = answer(database, asked["username"], asked["password"])
            finally:
                database.close()
            print(asked["username"], said["result"], flush=True)
            answered = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"http://127.0.0.1:{server.server_port}/verify", flush=True)
    server.serve_forever()


def main() -> int:
    match sys.argv[1:]:
        case ["create", path]:
            create(path)
        case ["serve", path, port] if os.environ.get("LEGACY_LOGIN_SECRET"):
            serve(path, int(port))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
