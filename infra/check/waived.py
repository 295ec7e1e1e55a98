#!/usr/bin/env python3
"""Whether checkov finds nothing but what waivers.toml waives, and whether each waiver still waives something.

    waived.py CHECKOV.json...

The reports are those of `checkov --output json`.
"""

import json
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

WAIVERS = Path(__file__).with_name("waivers.toml")


def findings(report):
    """The check, the resource and the title of each failed check. A report is of one framework, or a list of such."""
    runs = report if isinstance(report, list) else [report]
    for run in runs:
        # Without results, nothing was looked at.
        results, summary = run["results"], run["summary"]
        assert not results.get("parsing_errors") and not summary["parsing_errors"], "something could not be parsed"
        assert summary["passed"] > 0, "nothing was checked"
        for found in results["failed_checks"]:
            yield found["check_id"], found["resource"].rsplit("::", 1)[-1], found["check_name"]


def main(paths):
    waivers = tomllib.loads(WAIVERS.read_text())["waiver"]
    assert paths and all(waiver["reason"] for waiver in waivers)
    unused = {(waiver["check"], pattern) for waiver in waivers for pattern in waiver["resources"]}
    patterns, wrong, waived = sorted(unused), [], 0
    for path in paths:
        for check, resource, title in findings(json.loads(Path(path).read_text())):
            matching = {(c, p) for c, p in patterns if c == check and fnmatchcase(resource, p)}
            waived += bool(matching)
            unused -= matching
            if not matching:
                wrong.append(f"{check} {resource}: {title}")
    wrong += [f"nothing is waived any more by {check} for {pattern}" for check, pattern in sorted(unused)]
    print(f"checkov: {waived} waived")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
