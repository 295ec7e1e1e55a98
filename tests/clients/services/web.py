"""Resources that a web server protects, and the requests for them."""

from pathlib import Path

import requests

# What docs/compatibility.md protects, and one that is protected only by the token.
ORDERS, ANYTHING = "orders", "anything"


def publish(folder: Path) -> Path:
    """The resources, as a web server finds them."""
    for path in (ORDERS, ANYTHING):
        resource = folder / "public" / path
        resource.parent.mkdir(exist_ok=True)
        resource.write_text(path)
    return folder / "public"


def passes(server: str, path: str, token: str) -> requests.Response:
    """Checks that a resource is handed out for a token."""
    answer = call(server, path, token)
    assert (answer.status_code, answer.text) == (200, path), answer.text
    return answer


def is_refused(server: str, path: str, token: str | None, status: int = 401) -> requests.Response:
    """Checks that it is not."""
    answer = call(server, path, token)
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    return answer


def call(server: str, path: str, token: str | None) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(f"{server}/{path}", headers=headers)
