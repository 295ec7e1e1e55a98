"""Dovecot: IMAP logins with a password, which it passes on by the grant, and with the access tokens of other clients."""

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import documentation
from daemon import daemon, free_port
from passgrant import SHORT_LIFETIME, administer, another_user, application, log_out, login, wait_for_the_end_of
from service import USER, WRONG_PASSWORD, holds, refused

DOVECOT = "Dovecot"
# The rest of an installation: where it listens, who owns the mail, and that nobody has to wait after a refusal.
INSTALLATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = no
auth_failure_delay = 0
mail_location = maildir:~/mail
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Mailbox:
    """Where mail programs connect."""

    def __init__(self, port: int) -> None:
        self.port = port

    def opens(self, mechanism: str, message: str) -> None:
        """Logs in, and opens the inbox."""
        with imaplib.IMAP4("127.0.0.1", self.port) as imap:
            # A second challenge is the reason of a refusal: it is answered with nothing.
            answers = iter([message.encode()])
            imap.authenticate(mechanism, lambda _challenge: next(answers, b""))
            assert imap.select() == ("OK", [b"0"])

    def opens_for_password(self, username: str, password: str) -> None:
        self.opens("PLAIN", f"\0{username}\0{password}")

    def opens_for_token(self, username: str, token: str, mechanism: str = "OAUTHBEARER") -> None:
        # RFC 7628, section 3.1; XOAUTH2 is its forerunner.
        who = f"user={username}" if mechanism == "XOAUTH2" else f"n,a={username},"
        self.opens(mechanism, f"{who}\1auth=Bearer {token}\1\1")

    def stays_shut_for_password(self, username: str, password: str) -> None:
        with refused_by_name():
            self.opens_for_password(username, password)

    def stays_shut_for_token(self, username: str, token: str) -> None:
        with refused_by_name():
            self.opens_for_token(username, token)


@contextmanager
def refused_by_name() -> Iterator[None]:
    """Checks for the refusal that tells a mail program that the name or password is wrong, and not that it may retry."""
    reason = "[AUTHENTICATIONFAILED] Authentication failed."
    with refused(imaplib.IMAP4.error, args=(reason,)):
        yield


@contextmanager
def dovecot(client: dict[str, object]) -> Iterator[Mailbox]:
    """Dovecot as the client; its mailboxes."""
    port = free_port()

    def settings(folder: Path) -> list[str | Path]:
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        main = documentation.settings(DOVECOT, "/etc/dovecot/local.conf", {"/etc/dovecot": folder})
        (folder / "dovecot.conf").write_text(INSTALLATION.format(folder=folder, port=port) + main)
        own = {
            "CLIENT_SECRET": client["client_secret"],
            "client_id = dovecot": f"client_id = {client['client_id']}",
            documentation.CERTIFICATES: folder / "ca.pem",
        }
        for name in ("passgrant-password.conf.ext", "passgrant-token.conf.ext"):
            file = folder / name
            # Dovecot reads it before it drops its privileges.
            file.touch(0o600)
            file.write_text(documentation.settings(DOVECOT, f"/etc/dovecot/{name}", own))
        return ["dovecot", "-F", "-c", folder / "dovecot.conf"]

    with daemon(settings, port):
        yield Mailbox(port)


documented = documentation.command(DOVECOT)
client = administer(*documented)
departing = another_user("departing@example.com")
program = application("mail-program", "--scope", "imap openid", "--access-token-format", "opaque")
brief = application("brief-mail-program", "--scope", "imap", "--access-token-lifetime", f"{SHORT_LIFETIME}s")
username, leaver = USER["username"], departing["username"]

with dovecot(client) as mailbox:
    mailbox.opens_for_password(username, USER["password"])
    holds(DOVECOT, "a right password opens the mailbox, by a client that gets no refresh tokens")
    mailbox.stays_shut_for_password(username, WRONG_PASSWORD)
    mailbox.stays_shut_for_password("nobody@example.com", USER["password"])
    holds(DOVECOT, "a wrong password and a name that nobody has are refused as such")
    mailbox.opens_for_password(leaver.title(), departing["password"])
    holds(DOVECOT, "a name may be typed in other case")

    passing = login(brief, "imap")
    mailbox.opens_for_token(username, passing["access_token"])
    tokens, elsewhere = login(program, "imap"), login(program, "openid")
    mailbox.opens_for_token(username, tokens["access_token"])
    mailbox.opens_for_token(username, tokens["access_token"], "XOAUTH2")
    holds(DOVECOT, "an access token opens the mailbox, a JWT and an opaque one, by OAUTHBEARER and XOAUTH2")
    mailbox.stays_shut_for_token(leaver, tokens["access_token"])
    holds(DOVECOT, "an access token does not open another user's mailbox")
    mailbox.stays_shut_for_token(username, elsewhere["access_token"])
    holds(DOVECOT, "an access token without the scope opens no mailbox")
    log_out(program, tokens)
    mailbox.stays_shut_for_token(username, tokens["access_token"])
    holds(DOVECOT, "a revoked access token is refused")

    tokens = login(program, "imap", departing)
    administer("user", "disable", leaver)
    mailbox.stays_shut_for_password(leaver, departing["password"])
    mailbox.stays_shut_for_token(leaver, tokens["access_token"])
    holds(DOVECOT, "a disabled user is refused, by password and by access token")
    wait_for_the_end_of(passing)
    mailbox.stays_shut_for_token(username, passing["access_token"])
    holds(DOVECOT, "an expired access token is refused")

with_refresh = ["dovecot-refresh" if argument == client["client_id"] else argument for argument in documented]
with dovecot(administer(*with_refresh, "--grant", "refresh_token")) as mailbox:
    mailbox.opens_for_password(username, USER["password"])
holds(DOVECOT, "a right password opens the mailbox, by a client that gets refresh tokens")
