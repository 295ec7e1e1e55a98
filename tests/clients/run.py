"""Real clients against a running service: registers them with the command line, and runs one program after another.

Every program uses its library as its users do. They insist on https, so a TLS front stands before the service, as API
Gateway does, with a certificate that the environment makes them trust: no client is told to be less careful.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from joserfc.jwk import RSAKey

HERE = Path(__file__).resolve().parent
# The path of the local server's issuer: the function's issuer has none.
PATH = "/id"
AUDIENCE = "https://api.example.com"
SCOPE = "openid profile email"
NAME = "Zoë Müller"
# Characters that a form, a header or a careless encoder may get wrong.
USERNAME = "zoë.müller+test@example.com"
PASSWORD = 'Grüße & 100% + 密碼 = "geheim"?'
# Some libraries send a secret as it is, and this one does not decode.
CARELESS_SECRET = "100% of a secret, as it is: & more"
SPECIAL_CLIENT = "special: a/client & more + 100%"
SPECIAL_SECRET = "special: a+secret/with=all & 100%41 of it"

Command = list[str | Path]


def programs(binaries: Path, *, local: bool) -> list[Command]:
    """The clients, each after the interpreter it needs."""
    node = ["oauth4webapi", "openid-client", "aws-jwt-verify"]
    python = ["python/with_authlib", "python/with_requests_oauthlib"]
    services = ["services/dovecot", "services/apache", "services/nginx"]
    if local:
        # MSAL accepts no issuer without a path, and only the local server is started with the page's origin. boto3 starts a
        # server of its own.
        python += ["python/with_msal", "python/with_boto3"]
        node.append("single-page-application")
    return [
        *(["node", HERE / "node" / f"{name}.mjs"] for name in node),
        *([sys.executable, HERE / f"{name}.py"] for name in python + services),
        *([binaries / f"client-{name}"] for name in ("oauth2", "openidconnect")),
    ]


def register(passgrant: Command, folder: Path) -> dict[str, object]:
    """Makes a user, and a client for each authentication method; returns what describes them."""

    def checked(*arguments: str | Path, given: str = "") -> dict[str, object]:
        command = [*passgrant, *arguments, "--output", "json"]
        done = subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def client(identifier: str, method: str, *arguments: str | Path, secret: str = "") -> dict[str, object]:
        options = ["--auth-method", method, "--scope", f"{SCOPE} offline_access", "--audience", AUDIENCE, *arguments]
        if method != "none":
            options += ["--capability", "introspect"]
        if secret:
            options += ["--secret-stdin"]
        created = checked("client", "create", identifier, *options, given=secret)
        return {"client_id": identifier, "client_secret": secret or created.get("client_secret")}

    key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, auto_kid=True)
    key_set = folder / "client-keys.json"
    key_set.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    claims = ["--claim", f"name={NAME}", "--claim", f"email={USERNAME}"]
    checked("user", "create", USERNAME, "--password-stdin", *claims, given=PASSWORD)
    return {
        "user": {"username": USERNAME, "password": PASSWORD, "name": NAME},
        "scope": SCOPE,
        "audience": AUDIENCE,
        "passgrant": [str(argument) for argument in passgrant],
        "clients": {
            "basic": client("basic", "client_secret_basic", secret=CARELESS_SECRET),
            "special": client(SPECIAL_CLIENT, "client_secret_basic", secret=SPECIAL_SECRET),
            "post": client("post", "client_secret_post"),
            "public": client("public", "none"),
            "assertion": client("assertion", "private_key_jwt", "--jwks-file", key_set)
            | {"private_key": key.as_dict(private=True)},
        },
    }


class Front:
    """Listens where clients connect, and hands on what is inside TLS to the service."""

    def __init__(self) -> None:
        self.backend = ""

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int, authority: trustme.CA) -> AsyncIterator[str]:
        """The URL that clients know."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(host, "localhost").configure_cert(context)
        server = await asyncio.start_server(self.accepted, host, port, ssl=context)
        try:
            yield f"https://{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.backend.removeprefix("http://").split(":")
        from_service, to_service = await asyncio.open_connection(host, port)
        # A client may close its connection at any time.
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(carry(reader, to_service), carry(from_service, writer))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def local_server(passgrant: Command, issuer: str, origin: str) -> AsyncIterator[str]:
    """A `passgrant serve`; where it listens."""
    server = await asyncio.create_subprocess_exec(
        *passgrant, "serve", "--listen", "127.0.0.1:0", "--issuer", issuer, "--output", "json",
        env={"PASSGRANT_LOG": "warn", **os.environ, "PASSGRANT_CORS_ORIGINS": origin},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        started = await server.stdout.readuntil(b"\n}\n")
        yield json.loads(started)["url"]
    finally:
        server.terminate()
        await server.wait()


class Pages(SimpleHTTPRequestHandler):
    """The files of the single-page application."""

    def log_message(self, *_arguments: object) -> None:
        """Logs nothing: the program of the browser says what it saw."""


@contextlib.contextmanager
def page_server() -> Iterator[str]:
    """Serves the single-page application; its origin."""
    handler = functools.partial(Pages, directory=HERE / "browser")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def run_all(commands: list[Command], service: dict[str, object], folder: Path) -> None:
    """Runs the programs, and ends at the first that fails."""
    description, trusted = folder / "service.json", str(folder / "ca.pem")
    description.write_text(json.dumps(service | {"certificates": trusted}))
    # Node, Python's requests, and everything that uses OpenSSL or rustls' native roots: each has its own variable.
    environment = os.environ | {
        "PASSGRANT_SERVICE": str(description),
        "NODE_EXTRA_CA_CERTS": trusted,
        "REQUESTS_CA_BUNDLE": trusted,
        "SSL_CERT_FILE": trusted,
        # The programs of services/ are in Python, too, and have the service described as the others do.
        "PYTHONPATH": str(HERE / "python"),
    }
    for command in commands:
        program = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            if status := await program.wait():
                sys.exit(f"{command[-1]} failed with {status}")
        finally:
            if program.returncode is None:
                # It may have something of its own to end.
                program.terminate()
                await program.wait()


async def main(arguments: argparse.Namespace) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    authority, front, passgrant = trustme.CA(), Front(), arguments.binaries / "passgrant"
    commands = programs(arguments.binaries, local=not arguments.backend)
    if arguments.only:
        commands = [command for command in commands if Path(command[-1]).stem in arguments.only]
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority.cert_pem.write_to_path(folder / "ca.pem")
        host, port = arguments.listen.split(":")
        issuer = await stack.enter_async_context(front.listening(host, int(port), authority))
        if arguments.backend:
            front.backend = arguments.backend
            service = register([passgrant], folder)
        else:
            local = [passgrant, "--data", folder / "data"]
            origin, stranger = (stack.enter_context(page_server()) for _ in range(2))
            issuer += PATH
            front.backend = await stack.enter_async_context(local_server(local, issuer, origin))
            service = register(local, folder)
            service["page"] = {"origin": origin, "stranger": stranger, "screenshot": str(arguments.screenshot)}
        await run_all(commands, {"issuer": issuer, **service}, folder)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path, help="the folder of `passgrant` and the Rust clients")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="where clients connect")
    parser.add_argument("--only", action="append", metavar="NAME", help="run this program and no other")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--screenshot", type=Path, metavar="FILE",
                      help="start a local server, and keep what the browser showed")  # fmt: skip
    what.add_argument("--backend", metavar="URL",
                      help="a service whose tables the environment names; without the browser")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(parse()))
