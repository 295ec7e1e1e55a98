"""Apache httpd with mod_auth_openidc: a resource server by introspection, and one by the published keys."""

from pathlib import Path

import documentation
from daemon import daemon, free_port
from passgrant import SHORT_LIFETIME, administer, another_user, application, log_out, login, wait_for_the_end_of
from service import USER, holds
from web import ANYTHING, ORDERS, is_refused, passes, publish

APACHE = "Apache httpd"
SCOPE = "openid orders.read"
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "auth_openidc")
# The rest of an installation. A header says who it takes the bearer to be.
INSTALLATION = """
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/pid
Mutex file:{folder}
DefaultRuntimeDir {folder}
ErrorLog /dev/stderr
User www-data
Group www-data
DocumentRoot {public}
OIDCCABundlePath {folder}/ca.pem
Header always set Remote-User expr=%{{REMOTE_USER}}
"""
SITE = """
Listen 127.0.0.1:{port}
<VirtualHost 127.0.0.1:{port}>
{documented}
<Location /anything>
  AuthType oauth20
  Require valid-user
</Location>
</VirtualHost>
"""

resource_server = administer(*documentation.command(APACHE))
sites = {
    "by introspection": (free_port(), {"CLIENT_SECRET": resource_server["client_secret"]}),
    "by the published keys": (free_port(), {}),
}
by_introspection, by_keys = (f"http://127.0.0.1:{port}" for port, _ in sites.values())


def settings(folder: Path) -> list[str | Path]:
    modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in LOADED)
    text = modules + INSTALLATION.format(folder=folder, public=publish(folder))
    for title, (port, own) in sites.items():
        text += SITE.format(port=port, documented=documentation.settings(APACHE, title, own))
    file = folder / "apache2.conf"
    # Apache reads it before it drops its privileges.
    file.touch(0o600)
    file.write_text(text)
    return ["apache2", "-f", file, "-D", "FOREGROUND"]


def bearer(server: str, path: str, token: str) -> str:
    """Who it takes the bearer of a valid token to be."""
    return passes(server, path, token).headers["Remote-User"].encode("latin-1").decode()


def with_another_payload(token: str, another: str) -> str:
    """The payload of one token, with the header and the signature of the other."""
    (header, _, signature), payload = token.split("."), another.split(".")[1]
    return ".".join((header, payload, signature))


scope = ("--scope", SCOPE)
jwt, opaque = application("shop", *scope), application("opaque-shop", *scope, "--access-token-format", "opaque")
elsewhere = application("elsewhere", *scope, audience="https://elsewhere.example.com")
brief = application("brief-shop", *scope, "--access-token-lifetime", f"{SHORT_LIFETIME}s")
departing = another_user("departing-shopper@example.com")

with daemon(settings, sites["by the published keys"][0]):
    passing = login(brief, SCOPE)
    tokens, stranger, narrow = login(jwt, SCOPE), login(elsewhere, SCOPE), login(jwt, "openid")
    leaving = login(opaque, SCOPE, departing)
    for server, way in ((by_introspection, "introspection"), (by_keys, "published keys")):
        name = f"{APACHE}, {way}"
        for nothing in (None, "made-up", tokens["refresh_token"]):
            assert is_refused(server, ORDERS, nothing).headers["WWW-Authenticate"].startswith("Bearer error=")
        holds(name, "no token, one that nobody issued, and a refresh token are refused")
        passes(server, ORDERS, passing["access_token"])
        passes(server, ORDERS, tokens["access_token"])
        holds(name, "an access token passes")
        is_refused(server, ORDERS, with_another_payload(tokens["access_token"], stranger["access_token"]))
        holds(name, "another payload under the same signature is refused")
        passes(server, ANYTHING, stranger["access_token"])
        is_refused(server, ORDERS, stranger["access_token"])
        holds(name, "an access token for another audience is refused where the audience is required, and only there")
        is_refused(server, ORDERS, narrow["access_token"])
        holds(name, "an access token without the scope is refused where the scope is required")
        is_refused(server, ORDERS, tokens["id_token"])
        holds(name, "an ID token is not an access token")

    assert bearer(by_introspection, ORDERS, tokens["access_token"]) == USER["username"]
    assert bearer(by_introspection, ORDERS, leaving["access_token"]) == departing["username"]
    holds(APACHE, "the bearer is known by the username, of a JWT and of an opaque token")
    is_refused(by_keys, ORDERS, leaving["access_token"])
    holds(APACHE, "an opaque token cannot be verified by keys, and is refused")

    for client_id in (jwt, opaque):
        revoked = login(client_id, SCOPE)
        passes(by_introspection, ORDERS, revoked["access_token"])
        log_out(client_id, revoked)
        is_refused(by_introspection, ORDERS, revoked["access_token"])
    holds(APACHE, "a revoked access token is refused at once, a JWT and an opaque one")
    administer("user", "disable", departing["username"])
    is_refused(by_introspection, ORDERS, leaving["access_token"])
    holds(APACHE, "an access token of a disabled user is refused at once")
    wait_for_the_end_of(passing)
    for server in (by_introspection, by_keys):
        is_refused(server, ORDERS, passing["access_token"])
    holds(APACHE, "an expired access token is refused, by introspection and by the published keys")
