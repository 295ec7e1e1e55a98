#!/usr/bin/env python3
"""What must hold of the sample pipeline, and of the trust in its role."""

import json
import re
import tomllib
import unittest

import yaml
from cloudformation import TEMPLATE

FOLDER = TEMPLATE.parent / "infra/pipeline"
DEPLOY = yaml.safe_load((FOLDER / "github-actions.yml").read_text())
STAGE = yaml.safe_load((FOLDER / "github-actions-stage.yml").read_text())


class Pipeline(unittest.TestCase):
    def test_what_is_deployed_to_prod_is_what_was_built_once_and_deployed_to_dev(self):
        jobs = DEPLOY["jobs"]
        self.assertEqual({name: job.get("needs") for name, job in jobs.items()}, {"build": None, "dev": "build", "prod": "dev"})
        self.assertEqual([jobs[name]["with"]["stage"] for name in ("dev", "prod")], ["dev", "prod"])
        commands = [step.get("run", "") for step in STAGE["jobs"]["deploy"]["steps"]]
        self.assertFalse([command for command in commands if "sam build" in command])
        self.assertEqual(STAGE["jobs"]["deploy"]["environment"], "${{ inputs.stage }}")

    def test_only_what_deploys_gets_a_token_for_the_role(self):
        self.assertEqual(DEPLOY["permissions"], {"contents": "read"})
        self.assertNotIn("permissions", DEPLOY["jobs"]["build"])
        for job in (DEPLOY["jobs"]["dev"], DEPLOY["jobs"]["prod"], STAGE["jobs"]["deploy"]):
            self.assertEqual(job["permissions"], {"contents": "read", "id-token": "write"})

    def test_no_command_has_an_expression_in_it(self):
        # What an expression expands to would be read by the shell.
        for step in DEPLOY["jobs"]["build"]["steps"] + STAGE["jobs"]["deploy"]["steps"]:
            self.assertNotIn("${{", step.get("run", ""))

    def test_the_stages_are_environments_of_the_sam_configuration_with_stacks_of_their_names(self):
        environments = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())
        for stage in ("dev", "prod"):
            self.assertEqual(environments[stage]["global"]["parameters"]["stack_name"], f"passgrant-{stage}")
        [check] = [step["run"] for step in STAGE["jobs"]["deploy"]["steps"] if "name" in step]
        outputs = re.search(r"^Outputs:$.*", TEMPLATE.read_text(), re.MULTILINE | re.DOTALL)[0]
        for output in re.findall(r"\$\(output (\w+)\)", check):
            self.assertIn(f"\n  {output}:\n", outputs)

    def test_a_role_trusts_one_environment_of_one_repository(self):
        [statement] = json.loads((FOLDER / "role-trust.json").read_text())["Statement"]
        self.assertEqual(list(statement["Condition"]), ["StringEquals"])
        subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        self.assertEqual(subject, "repo:OWNER/REPOSITORY:environment:prod")


if __name__ == "__main__":
    unittest.main()
