"""The service that the clients are run against."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVICE = json.loads(Path(os.environ["PASSGRANT_SERVICE"]).read_text())
ISSUER, AUDIENCE, SCOPE = SERVICE["issuer"], SERVICE["audience"], SERVICE["scope"]
USER, CLIENTS = SERVICE["user"], SERVICE["clients"]
WRONG_PASSWORD = USER["password"] + " "


def holds(client: str, rule: str) -> None:
    """Says that a rule held."""
    print(f"ok  {client}: {rule}", flush=True)


@contextmanager
def refused(error: type[Exception], /, **members: object) -> Iterator[None]:
    """Checks that its body ends with `error`, and with these members."""
    try:
        yield
    except error as raised:
        assert {name: getattr(raised, name) for name in members} == members, raised
    else:
        raise AssertionError(f"no {error.__name__}")
