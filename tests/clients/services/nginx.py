"""nginx, which asks userinfo about every token."""

from pathlib import Path

import documentation
from daemon import daemon, free_port
from passgrant import SHORT_LIFETIME, administer, another_user, application, log_out, login, wait_for_the_end_of
from service import holds
from web import ORDERS, is_refused, passes, publish

NGINX = "nginx"
SCOPE = "openid orders.read"
# The rest of an installation.
INSTALLATION = """
pid {folder}/pid;
daemon off;
user www-data;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {public};
{documented}
    }}
}}
"""
port = free_port()
server = f"http://127.0.0.1:{port}"


def settings(folder: Path) -> list[str | Path]:
    documented = documentation.settings(NGINX, "in the server", {documentation.CERTIFICATES: folder / "ca.pem"})
    # nginx compares the names in a certificate, not addresses: the certificate of this run has a name for it.
    documented = documented.replace("proxy_ssl_verify on;", "proxy_ssl_verify on; proxy_ssl_name localhost;")
    file = folder / "nginx.conf"
    file.write_text(INSTALLATION.format(folder=folder, port=port, public=publish(folder), documented=documented))
    return ["nginx", "-e", "stderr", "-p", folder, "-c", file]


jwt = application("reader", "--scope", SCOPE)
opaque = application("opaque-reader", "--scope", SCOPE, "--access-token-format", "opaque")
brief = application("brief-reader", "--scope", SCOPE, "--access-token-lifetime", f"{SHORT_LIFETIME}s")
departing = another_user("departing-reader@example.com")

with daemon(settings, port):
    passing, leaving = login(brief, SCOPE), login(jwt, SCOPE, departing)
    passes(server, ORDERS, passing["access_token"])
    for client_id, kind in ((jwt, "a JWT"), (opaque, "an opaque token")):
        tokens = login(client_id, SCOPE)
        passes(server, ORDERS, tokens["access_token"])
        holds(NGINX, f"{kind} passes")
        log_out(client_id, tokens)
        is_refused(server, ORDERS, tokens["access_token"])
        holds(NGINX, f"{kind} that was revoked is refused at once")

    for nothing in (None, "made-up", tokens["refresh_token"], tokens["id_token"]):
        assert is_refused(server, ORDERS, nothing).headers["WWW-Authenticate"].startswith("Bearer realm=")
    holds(NGINX, "no token, one that nobody issued, a refresh token and an ID token are refused, with our challenge")
    is_refused(server, ORDERS, login(jwt, "orders.read")["access_token"], status=403)
    holds(NGINX, "an access token without openid is refused")
    passes(server, ORDERS, leaving["access_token"])
    administer("user", "disable", departing["username"])
    is_refused(server, ORDERS, leaving["access_token"])
    holds(NGINX, "an access token of a disabled user is refused at once")
    wait_for_the_end_of(passing)
    is_refused(server, ORDERS, passing["access_token"])
    holds(NGINX, "an expired access token is refused")
