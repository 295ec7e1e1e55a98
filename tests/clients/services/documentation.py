"""The settings that docs/compatibility.md shows, with this run's own values put in: what is documented is what runs."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from service import ISSUER

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "compatibility.md"
# What stands for a deployment's own there.
DOCUMENTED_ISSUER, CERTIFICATES = "https://id.example.com", "/etc/ssl/certs/ca-certificates.crt"


def settings(heading: str, title: str, own: Mapping[str, object]) -> str:
    """The block of a section whose first line is the comment `title`; `own` has what is put in for what stands there."""
    blocks = re.findall(r"^```\w*\n# (.*)\n((?:.*\n)*?)```$", section(heading), re.MULTILINE)
    text = dict(blocks)[title].replace(DOCUMENTED_ISSUER, ISSUER)
    for documented, value in own.items():
        assert documented in text, f"no {documented} in {title}"
        text = text.replace(documented, str(value))
    return text


def command(heading: str) -> list[str]:
    """The arguments of the only command of `passgrant` in a section."""
    (arguments,) = re.findall(r"^passgrant ((?:.*\\\n)*.*)$", section(heading), re.MULTILINE)
    return shlex.split(arguments.replace("\\\n", " "))


def section(heading: str) -> str:
    """What stands below a heading."""
    return re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)[1]
