#!/usr/bin/env python3
"""Whether the policies of infra/policies are policies, and allow what the commands call and no more.

CloudFormation calls with the permissions of whoever deploys. What it calls for a type of resource, its own schema says, which
cfn-lint has. What the command line calls is found in its source by the names that the AWS SDK gives to operations.
"""

import json
import re
import unittest
from pathlib import Path

import botocore.session
from botocore import xform_name
from cfnlint.data.schemas import providers

from cloudformation import TEMPLATE, Stack
from template import VARIANTS

ROOT = TEMPLATE.parent
NAMES = ["deployer", "deployer-options", "operator"]
# IAM's limit for one managed policy, without white space.
LONGEST = 6144
PLACEHOLDERS = {"ACCOUNT", "STACK", "ZONE", "TRUSTSTORE", "WRAPPING-KEY", "ENVIRONMENT-KEY", "SECRET"}

# What CloudFormation calls only for properties that the template does not set, or that are looked after by others.
NOT_CALLED = {
    "no table is imported, replicated, streamed or restricted by a policy of its own": {
        "dynamodb:AssociateTableReplica", "dynamodb:BatchWriteItem", "dynamodb:CreateTableReplica", "dynamodb:DeleteItem",
        "dynamodb:DeleteResourcePolicy", "dynamodb:DescribeImport", "dynamodb:DisableKinesisStreamingDestination",
        "dynamodb:EnableKinesisStreamingDestination", "dynamodb:GetItem", "dynamodb:ImportTable", "dynamodb:PutItem",
        "dynamodb:PutResourcePolicy", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateContributorInsights",
        "dynamodb:UpdateItem", "dynamodb:UpdateKinesisStreamingDestination", "iam:CreateServiceLinkedRole",
        "kinesis:DescribeStream", "kinesis:PutRecords", "s3:GetObjectMetadata", "s3:ListBucket",
    },
    "tables have the key that AWS manages": {"kms:RevokeGrant"},
    "roles have no boundary": {"iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"},
    "no key is rotated by KMS": {"kms:DisableKeyRotation", "kms:EnableKeyRotation"},
    "the function is in no VPC, has no layer and no file system": {
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        "elasticfilesystem:DescribeMountTargets", "lambda:GetLayerVersion", "s3files:ListMountTargets",
    },
    "the function scales and is updated as it does by default": {
        "lambda:AssociateRuntimeAlias", "lambda:PassCapacityProvider", "lambda:PutFunctionRecursionConfig",
        "lambda:PutFunctionScalingConfig",
    },
    "CodeDeploy deploys to Lambda only": {"codedeploy:RegisterOnPremisesInstance"},
    "log groups have no policies, indexes or protection of data": {
        "firehose:TagDeliveryStream", "logs:CreateLogStream", "logs:DeleteDataProtectionPolicy", "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy", "logs:DescribeLogStreams", "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy", "logs:PutLogEvents", "logs:PutLogGroupDeletionProtection",
        "s3:REST.PUT.OBJECT",
    },
    "messages to the topic are not looked into": {"sns:PutDataProtectionPolicy"},
}  # fmt: skip

# What only the function may do with keys, and what only `passgrant serve` does, with tables of its own.
OF_THE_FUNCTION = {"kms:Decrypt", "kms:GenerateMac", "kms:Sign", "kms:VerifyMac"}
LOCAL = ["src/store/embedded.rs", "src/store/embedded/", "src/store/schema.rs"]
# A transaction needs what its parts need.
PARTS = {"dynamodb:TransactWriteItems": "dynamodb:PutItem"}


def policy(name):
    return json.loads((ROOT / f"infra/policies/{name}.json").read_text())


def allowed(*names):
    return {action for name in names for statement in policy(name)["Statement"] for action in statement["Action"]}


def called_for(kind):
    """What CloudFormation calls to make, read, change and delete a resource of a type."""
    schemas = Path(list(providers.__path__)[0])
    digest = json.loads((schemas / "us-east-1.json").read_text())[kind]
    schema = json.loads((schemas.parent / f"resources/{digest}.json").read_text())
    handlers = schema.get("handlers", {})
    called = {action for name, handler in handlers.items() if name != "list" for action in handler["permissions"]}
    return {action.replace("s3:getObject", "s3:GetObject") for action in called}


def called_by_the_command_line():
    session, called = botocore.session.get_session(), set()
    sources = [path for path in (ROOT / "src").rglob("*.rs") if not str(path.relative_to(ROOT)).startswith(tuple(LOCAL))]
    text = "\n".join(path.read_text() for path in sources)
    for service in ("cloudformation", "dynamodb", "kms", "lambda", "logs", "service-quotas"):
        for operation in session.get_service_model(service).operation_names:
            # `url.query()` is not a call.
            if re.search(rf"(?<!url)\.{xform_name(operation)}\(\)", text):
                called.add(f"{service.replace('-', '')}:{operation}")
    return {PARTS.get(action, action) for action in called}


class Policies(unittest.TestCase):
    def test_each_is_a_policy_that_iam_takes_and_names_operations_that_there_are(self):
        session = botocore.session.get_session()
        # The services whose actions are their operations; the others have names of their own.
        known = {
            service: {f"{service}:{operation}" for operation in session.get_service_model(service).operation_names}
            for service in ("cloudformation", "cloudwatch", "codedeploy", "dynamodb", "iam", "kms", "logs", "route53", "sns", "sts")
        }
        known["iam"].add("iam:PassRole")
        known["logs"] |= {f"logs:{verb}LogDelivery" for verb in ("Create", "Delete", "Get", "Update")} | {"logs:ListLogDeliveries"}
        known["lambda"] = {f"lambda:{o}" for o in session.get_service_model("lambda").operation_names} | {"lambda:InvokeFunction"}
        for name in NAMES:
            document = policy(name)
            self.assertEqual(document["Version"], "2012-10-17")
            self.assertLessEqual(len(json.dumps(document, separators=(",", ":"))), LONGEST, name)
            sids = [statement["Sid"] for statement in document["Statement"]]
            self.assertEqual(len(set(sids)), len(sids))
            for statement in document["Statement"]:
                with self.subTest(policy=name, statement=statement["Sid"]):
                    self.assertLessEqual(set(statement), {"Sid", "Effect", "Action", "Resource", "Condition"})
                    self.assertEqual(statement["Effect"], "Allow")
                    self.assertRegex(statement["Sid"], "^[A-Za-z0-9]+$")
                    self.assertEqual(statement["Action"], sorted(set(statement["Action"])))
                    for action in statement["Action"]:
                        service = action.split(":")[0]
                        self.assertIn(action, known.get(service, {action}))
                        self.assertNotIn("*", action)
                    for resource in statement["Resource"]:
                        self.assertTrue(resource == "*" or re.fullmatch(r"arn:aws:[a-z0-9]+:[^:]*:[^:]*:.+", resource), resource)
                        words = set(re.findall(r"[A-Z]{2,}(?:-[A-Z]{2,})*", resource))
                        self.assertLessEqual(words, PLACEHOLDERS, resource)

    def test_a_deployer_may_do_what_cloudformation_does_for_each_resource_and_nothing_that_it_does_not_do(self):
        kinds = {r["Type"] for variant in VARIANTS for r in Stack(variant).resources.values() if not r["Type"].startswith("Custom::")}
        left_out = set().union(*NOT_CALLED.values())
        wanted = set().union(*map(called_for, kinds))
        # What is left out is asked for by some schema: the list does not outlive its reasons.
        self.assertEqual(left_out - wanted, set())
        may = allowed("deployer", "deployer-options")
        self.assertEqual(wanted - left_out - may, set())
        self.assertEqual(left_out & may - {"s3:ListBucket"}, set(), "what is not called is not allowed")

    def test_what_has_a_fixed_name_is_what_a_deployer_may_make(self):
        may = [r for s in policy("deployer")["Statement"] for r in s["Resource"]]
        for variant in VARIANTS:
            for name, group in Stack(variant).of_type("AWS::Logs::LogGroup").items():
                # CloudFormation makes a name of that of the stack and of that in the template.
                given = group["Properties"].get("LogGroupName", f"STACK-{name}-*")
                arn = "arn:aws:logs:*:ACCOUNT:log-group:" + given.replace("passgrant-check", "STACK")
                self.assertIn(arn, may, name)
        # CloudWatch asks for these on every alarm there is, or refuses them for composite ones.
        for action in ("cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"):
            [statement] = [s for n in ("deployer", "deployer-options") for s in policy(n)["Statement"] if action in s["Action"]]
            self.assertEqual(statement["Resource"], ["*"], action)

    def test_what_the_options_need_is_apart_from_what_every_deployment_needs(self):
        plain = {r["Type"] for r in Stack({"SigningKeys": "A"}).resources.values() if not r["Type"].startswith("Custom::")}
        wanted = set().union(*map(called_for, plain)) - set().union(*NOT_CALLED.values())
        # By choice: a key of one's own, signed code, and what CodeDeploy does to an alias.
        by_choice = {"kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "lambda:GetCodeSigningConfig"}
        missing = {a for a in wanted - allowed("deployer") - by_choice if not a.startswith("codedeploy:")}
        self.assertEqual(missing, set())

    def test_an_operator_may_do_what_the_command_line_calls_and_no_more(self):
        self.assertEqual(allowed("operator"), called_by_the_command_line() - OF_THE_FUNCTION)

    def test_neither_may_sign_or_unwrap_or_widen_what_it_may_do(self):
        for name in NAMES:
            self.assertFalse(allowed(name) & (OF_THE_FUNCTION - {"kms:Decrypt"}), name)
        self.assertNotIn("kms:Decrypt", allowed("deployer", "operator"))
        # Roles of the stack only, and only for the services that run it.
        roles = [s for name in NAMES for s in policy(name)["Statement"] if any(a.startswith("iam:") for a in s["Action"])]
        for statement in roles:
            self.assertEqual(statement["Resource"], ["arn:aws:iam::ACCOUNT:role/STACK-*"])
        [passing] = [s for s in roles if "iam:PassRole" in s["Action"]]
        self.assertEqual(passing["Condition"]["StringEquals"]["iam:PassedToService"], ["codedeploy.amazonaws.com", "lambda.amazonaws.com"])


if __name__ == "__main__":
    unittest.main()
