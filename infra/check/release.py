#!/usr/bin/env python3
"""What must hold of the template of a release: it deploys what template.yaml deploys, with the code from a bucket."""

import json
import sys
import unittest
from pathlib import Path

import yaml

from cloudformation import TEMPLATE, source

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))
from template import of_release  # noqa: E402

ARCHIVE = "passgrant-1.2.3-arm64-bootstrap.zip"


def differences(ours, theirs, path=""):
    """Where two templates differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(set(ours) | set(theirs)):
            if name in ours and name in theirs:
                yield from differences(ours[name], theirs[name], f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif ours != theirs:
        yield path


class Release(unittest.TestCase):
    def setUp(self):
        self.release = json.loads(json.dumps(of_release(TEMPLATE.read_text(), ARCHIVE, "arm64")))

    def test_it_differs_from_the_template_only_in_where_the_code_is_and_what_it_runs_on(self):
        found = set(differences(source(), self.release))
        self.assertEqual(found, {
            "/Metadata/AWS::CloudFormation::Interface/ParameterGroups", "/Parameters/CodeBucket",
            "/Parameters/Architecture/Default", "/Parameters/Architecture/AllowedValues",
            "/Resources/PassgrantFunction/Metadata/BuildMethod", "/Resources/PassgrantFunction/Properties/CodeUri",
        })  # fmt: skip
        self.assertEqual(self.release["Parameters"]["Architecture"]["Default"], "arm64")

    def test_an_upgrade_takes_the_new_archive_although_cloudformation_keeps_the_values_of_parameters(self):
        code = self.release["Resources"]["PassgrantFunction"]["Properties"]["CodeUri"]
        self.assertEqual(code, {"Bucket": {"Ref": "CodeBucket"}, "Key": ARCHIVE})

    def test_the_console_asks_for_every_parameter_once_and_first_for_those_without_a_default(self):
        groups = [g["Parameters"] for g in self.release["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]]
        self.assertEqual(sorted(sum(groups, [])), sorted(self.release["Parameters"]))
        self.assertEqual(groups[0], [n for n, p in self.release["Parameters"].items() if "Default" not in p])

    def test_the_template_has_aliases_which_cloudformation_refuses_and_the_release_has_none(self):
        events = yaml.parse(TEMPLATE.read_text(), yaml.SafeLoader)
        self.assertTrue(any(isinstance(event, yaml.AliasEvent) for event in events))
        written = json.dumps(self.release, indent=1)
        # What CloudFormation reads from a bucket has at most a megabyte.
        self.assertLess(len(written.encode()), 1024 * 1024)
        self.assertFalse(any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(written, yaml.SafeLoader)))


if __name__ == "__main__":
    unittest.main()
