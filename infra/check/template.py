#!/usr/bin/env python3
"""What must hold of template.yaml and no linter knows.

Needs aws-sam-translator; with the SAM CLI installed, it also asks that what a guided deployment would offer.
"""

import functools
import itertools
import json
import re
import tomllib
import unittest
from fnmatch import fnmatchcase

from cloudformation import TEMPLATE, Stack, source, statements

DOMAIN = {
    "DomainName": "login.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/6d2d7b1c-7a0f-4c7e-9d53-4a1f2b8e9c10",
}
ENVELOPES = {"WrappingKey": "on", "EnvelopeKeys": "envelope:main-2026=RS256"}
# What is there already: the stack creates none of it.
ADOPTED = {
    "ClientsTableName": "restored-clients",
    "UsersTableName": "restored-users",
    "TokensTableName": "restored-tokens",
    "WrappingKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0c5b3a0e-6f6e-4a43-9a0c-3b1a0d8f5e77",
}
# Between them, they create every resource of the template.
VARIANTS = [
    {"SigningKeys": "A"},
    {"SigningKeys": "A,B", "DeletionProtection": "false"},
    {"SigningKeys": "B,A", "SigningKeySpecB": "ECC_NIST_P256", "SigningAlgorithm": "ES256"},
    {"SigningKeys": "B", "SigningKeySpecB": "HMAC_256", "SigningAlgorithm": "HS256", "DelegatedImport": "on"},
    {"SigningKeys": "A", "AlertEmail": "security@example.com"},
    {"SigningKeys": "none", **ENVELOPES, **DOMAIN, "HostedZoneId": "Z0123456789ABC", "ExecuteApiEndpoint": "off"},
    {"SigningKeys": "A", **ADOPTED, "EnvelopeKeys": "envelope:main-2026=RS256", "DelegatedImport": "on"},
]


@functools.cache
def variant(number):
    return Stack(VARIANTS[number])


# What makes a name fixed, so that there cannot be two.
FIXED_NAMES = ["AliasName", "FunctionName", "KeyId", "LogGroupName", "PolicyName", "RoleName", "TableName"]


def is_deleted(resource, operation):
    """Whether CloudFormation deletes a resource (the references of DeletionPolicy and of UpdateReplacePolicy)."""
    if operation == "replacement":
        return resource.get("UpdateReplacePolicy", "Delete") == "Delete"
    policy = resource.get("DeletionPolicy", "Delete")
    # "RetainExceptOnCreate behaves like Retain, except for the stack operation that initially created the resource."
    return policy == "Delete" or (policy == "RetainExceptOnCreate" and operation == "rollback of its creation")


def refuses_deletion(resource):
    return resource["Properties"].get("DeletionProtectionEnabled", False) is True


class EveryVariant(unittest.TestCase):
    def stacks(self):
        for number, parameters in enumerate(VARIANTS):
            with self.subTest(**parameters):
                stack = variant(number)
                self.assertEqual(stack.broken_rules(), [])
                yield stack

    def test_the_variants_create_every_resource(self):
        created = set(itertools.chain.from_iterable(stack.resources for stack in self.stacks()))
        self.assertEqual(created, set(variant(0).template["Resources"]))


class FailedDeployments(EveryVariant):
    def test_cloudformation_never_has_to_delete_what_refuses_to_be_deleted(self):
        for stack in self.stacks():
            for operation in ["rollback of its creation", "removal from the template", "deletion of the stack", "replacement"]:
                stuck = [name for name, r in stack.resources.items() if is_deleted(r, operation) and refuses_deletion(r)]
                self.assertEqual(stuck, [], operation)

    def test_what_a_failed_first_deployment_leaves_behind_is_not_in_the_way_of_the_next(self):
        for stack in self.stacks():
            kept = {n: r for n, r in stack.resources.items() if not is_deleted(r, "rollback of its creation")}
            for name, resource in kept.items():
                self.assertEqual(resource["Type"], "AWS::DynamoDB::Table", f"{name} costs money while nobody uses it")
                self.assertFalse(set(FIXED_NAMES) & set(resource["Properties"]), f"{name} cannot be created a second time")

    def test_no_table_and_no_key_is_lost_with_its_stack(self):
        for stack in self.stacks():
            for name, resource in stack.resources.items():
                if resource["Type"] in ("AWS::DynamoDB::Table", "AWS::KMS::Key"):
                    for operation in ["removal from the template", "deletion of the stack", "replacement"]:
                        self.assertFalse(is_deleted(resource, operation), f"{name}: {operation}")


class Adoption(unittest.TestCase):
    def test_what_a_stack_adopts_it_neither_creates_nor_deletes(self):
        stack = Stack({"SigningKeys": "A", **ADOPTED})
        self.assertEqual(stack.broken_rules(), [])
        self.assertEqual(stack.of_type("AWS::DynamoDB::Table"), {})
        self.assertEqual(list(stack.of_type("AWS::KMS::Key")), ["SigningKeyA"])

    def test_only_an_adopted_table_has_a_name_that_was_given(self):
        for parameters in VARIANTS:
            stack = Stack(parameters)
            variables = stack.properties("PassgrantFunction")["Environment"]["Variables"]
            for kind in ("Clients", "Users", "Tokens"):
                given = parameters.get(f"{kind}TableName")
                self.assertEqual(variables[f"PASSGRANT_{kind.upper()}_TABLE"], given or f"<{kind}Table>")

    def test_a_table_that_is_adopted_after_the_stack_made_it_is_kept(self):
        # Its name becomes a parameter: to CloudFormation, the table is gone from the template.
        made, adopting = Stack({"SigningKeys": "A"}), Stack({"SigningKeys": "A", **ADOPTED})
        for name, table in made.of_type("AWS::DynamoDB::Table").items():
            self.assertNotIn(name, adopting.resources)
            self.assertFalse(is_deleted(table, "removal from the template"), name)


ACCOUNT = "arn:aws:iam::123456789012:root"
ROLE = "<FunctionRole.Arn>"
# None of them may use a key, however much IAM allows.
OTHERS = [ACCOUNT, "arn:aws:iam::123456789012:role/admin", "arn:aws:iam::123456789012:user/operator"]

SIGN = {"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
SIGNATURES = [
    ("kms:Sign", SIGN),
    ("kms:Sign", {"kms:MessageType": "RAW", "kms:SigningAlgorithm": "ED25519_SHA_512"}),
    ("kms:GenerateMac", {"kms:MacAlgorithm": "HMAC_SHA_256"}),
]


def holds(conditions, context):
    tests = {
        "StringEquals": lambda actual, wanted: actual in wanted,
        "ArnEquals": lambda actual, wanted: actual in wanted,
        "ArnNotEquals": lambda actual, wanted: actual not in wanted,
    }
    return all(
        tests[test](context.get(key), values) for test, keys in conditions.items() for key, values in keys.items()
    )


def key_policy_allows(policy, caller, action, context):
    """Whether a key's policy allows a call that the caller's own policies allow as well."""
    return {"Allow"} == key_policy_effects(policy, caller, action, context)


def key_policy_effects(policy, caller, action, context):
    context = {**context, "aws:PrincipalArn": caller}
    effects = set()
    for statement in statements(policy).values():
        # The account as a principal stands for everybody in it.
        concerned = set(statement["Principal"].get("AWS", [])) & {ACCOUNT, "*", caller}
        if concerned and action in statement["Action"] and holds(statement["Condition"], context):
            effects.add(statement["Effect"])
    return effects


class KeyPolicies(EveryVariant):
    def keys(self):
        for stack in self.stacks():
            for name, key in stack.of_type("AWS::KMS::Key").items():
                yield stack, name, key["Properties"]["KeyPolicy"]

    def test_no_key_policy_names_a_principal_that_kms_may_not_know_yet(self):
        for _, name, policy in self.keys():
            for sid, statement in statements(policy).items():
                known = {"Allow": {"AWS": [ACCOUNT]}, "Deny": {"AWS": ["*"]}}[statement["Effect"]]
                self.assertEqual(statement["Principal"], known, f"{name}, {sid}")

    def test_only_the_role_of_the_function_signs_however_much_iam_allows(self):
        for _, name, policy in self.keys():
            for action, context in SIGNATURES:
                allowed = key_policy_allows(policy, ROLE, action, context)
                self.assertEqual(allowed, name.startswith("SigningKey"), f"{name}, {action}")
                for caller in OTHERS:
                    # Denied, and not allowed either: a later edit of one statement opens nothing.
                    effects = key_policy_effects(policy, caller, action, context)
                    self.assertEqual(effects, {"Deny"} if name.startswith("SigningKey") else set(), f"{name}, {action}, {caller}")
            for caller in OTHERS:
                self.assertFalse(key_policy_allows(policy, caller, "kms:CreateGrant", {}), f"{name}, {caller}")
            self.assertFalse(key_policy_allows(policy, ROLE, "kms:Sign", {**SIGN, "kms:MessageType": "RAW"}), name)

    def test_only_the_role_of_the_function_has_keys_unwrapped_those_of_its_issuer(self):
        own = {"kms:EncryptionContext:purpose": "passgrant-signing-key"}
        for stack, name, policy in self.keys():
            issuer = stack.properties("PassgrantFunction")["Environment"]["Variables"]["PASSGRANT_ISSUER"]
            own["kms:EncryptionContext:issuer"] = issuer
            self.assertEqual(key_policy_allows(policy, ROLE, "kms:Decrypt", own), name == "EnvelopeKey", name)
            self.assertFalse(key_policy_allows(policy, ROLE, "kms:Decrypt", {**own, "kms:EncryptionContext:issuer": "x"}))
            for caller in OTHERS:
                effects = key_policy_effects(policy, caller, "kms:Decrypt", own)
                self.assertEqual(effects, {"Deny"} if name == "EnvelopeKey" else set(), f"{name}, {caller}")

    def test_the_account_can_go_on_administering_each_key(self):
        # KMS refuses a key whose creator could not change its policy later.
        for _, name, policy in self.keys():
            for action in ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:GetPublicKey"]:
                self.assertTrue(key_policy_allows(policy, OTHERS[1], action, {}), f"{name}, {action}")

    def test_the_role_has_what_the_key_policies_leave_to_it(self):
        # With the account as the principal, the policy of the role has to allow the call too.
        for stack, name, policy in self.keys():
            own = statements(stack.properties("FunctionPolicy")["PolicyDocument"])
            for sid, statement in statements(policy).items():
                conditions = dict(statement["Condition"])
                if statement["Effect"] == "Allow" and conditions.pop("ArnEquals", None):
                    self.assertEqual(own[sid]["Action"], statement["Action"], f"{name}, {sid}")
                    self.assertEqual(own[sid]["Condition"], conditions, f"{name}, {sid}")
                    self.assertIn(f"<{name}.Arn>", own[sid]["Resource"], f"{name}, {sid}")
        function = variant(0).resources["PassgrantFunction"]
        self.assertIn("FunctionPolicy", function["DependsOn"])


class Rotation(unittest.TestCase):
    def test_no_default_and_no_file_that_comes_with_passgrant_says_which_key_signs(self):
        self.assertNotIn("Default", source()["Parameters"]["SigningKeys"])
        environments = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())
        for name, environment in environments.items():
            for command, settings in environment.items() if isinstance(environment, dict) else []:
                # `sam local` deploys nothing.
                if not command.startswith(("local_", "build")):
                    self.assertNotIn("SigningKeys", str(settings), f"{name}, {command}")

    def test_the_documented_first_deployments_have_the_parameters_of_the_file_and_the_keys(self):
        environments = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())
        documented = (TEMPLATE.parent / "docs/deploy.md").read_text().replace("\\\n    ", "")
        for name in ("dev", "prod"):
            overrides = environments[name]["global"]["parameters"]["parameter_overrides"]
            command = f"sam deploy --config-env {name} --parameter-overrides SigningKeys=A {overrides}\n"
            self.assertIn(command, documented)

    def test_a_guided_deployment_offers_the_keys_of_its_file_and_no_others(self):
        try:
            from samcli.commands.deploy.guided_context import GuidedContext
        except ImportError:
            self.skipTest("the SAM CLI is not installed")
        offered = lambda saved: GuidedContext._get_parameter_value("SigningKeys", source()["Parameters"]["SigningKeys"], saved)
        self.assertEqual(offered({}), "")
        self.assertEqual(offered({"SigningKeys": "B"}), "B")

    def test_each_step_keeps_the_keys_that_it_takes_off_the_list(self):
        # The last two are mistakes.
        steps = ["A", "A,B", "B,A", "B", "A", "none"]
        for before, after in itertools.pairwise(steps):
            other = {} if after != "none" else {"SigningKeyArns": "arn:aws:kms:us-east-1:123456789012:key/1"}
            old, new = Stack({"SigningKeys": before}), Stack({"SigningKeys": after, **other})
            for name, key in old.of_type("AWS::KMS::Key").items():
                kept = name in new.resources or not is_deleted(key, "removal from the template")
                self.assertTrue(kept, f"{before} to {after} deletes {name}")


class Routes(unittest.TestCase):
    def setUp(self):
        self.stack = Stack({"SigningKeys": "A", "VerifierThrottleRate": 1000, "ThrottleRate": 7, "ThrottleBurst": 8})
        self.routes = {r["Properties"]["RouteKey"]: n for n, r in self.stack.of_type("AWS::ApiGatewayV2::Route").items()}

    def counter(self, path):
        """The route that counts requests to a path: the exact one, then the one with the longest beginning, then $default."""
        patterns = sorted((key for key in self.routes if key != "$default"), key=lambda key: ("{" in key, -len(key)))
        for key in patterns:
            if fnmatchcase(path, key.removeprefix("ANY ").replace("{proxy+}", "?*")):
                return key
        return "$default"

    def test_a_flood_of_token_requests_does_not_keep_verifiers_from_what_they_need(self):
        verifiers = [
            "/oauth2/jwks",
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-authorization-server/tenant",
            "/.well-known/openid-configuration",
            "/.well-known/openid-configuration/tenant",
            "/oauth2/introspect",
            "/oauth2/userinfo",
        ]
        counters = [self.counter(path) for path in verifiers]
        self.assertEqual(len(set(counters)), len(verifiers), counters)
        for path in ["/oauth2/token", "/oauth2/revoke", "/nonsense", "/oauth2/jwks/nonsense"]:
            self.assertEqual(self.counter(path), "$default", path)

    def test_each_route_has_limits_of_its_own_that_are_numbers(self):
        stage = self.stack.properties("HttpApiStage")
        self.assertEqual(set(stage["RouteSettings"]), set(self.routes) - {"$default"})
        for key, limits in stage["RouteSettings"].items():
            # The settings of single routes have no schema by which CloudFormation could turn a string into a number.
            self.assertEqual(limits, {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 1000}, key)
        self.assertEqual(stage["DefaultRouteSettings"], {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "8"})

    def test_every_choice_of_limits_is_the_one_that_is_set(self):
        for rate in source()["Parameters"]["VerifierThrottleRate"]["AllowedValues"]:
            stage = Stack({"SigningKeys": "A", "VerifierThrottleRate": rate}).properties("HttpApiStage")
            self.assertEqual(stage["RouteSettings"]["ANY /oauth2/jwks"]["ThrottlingRateLimit"], rate)

    def test_the_stage_waits_for_every_route_that_it_sets_limits_for(self):
        self.assertEqual(set(self.stack.resources["HttpApiStage"]["DependsOn"]), set(self.routes.values()))

    def test_every_route_reaches_the_function_and_the_function_lets_every_route_in(self):
        permission = self.stack.properties("HttpApiPermission")["SourceArn"]
        for key, name in self.routes.items():
            self.assertEqual(self.stack.properties(name)["Target"], "integrations/<HttpApiIntegration>", key)
            path = key if key == "$default" else key.replace("ANY ", "*")
            arn = f"arn:aws:execute-api:us-east-1:123456789012:<HttpApi>/$default/{path}"
            self.assertTrue(fnmatchcase(arn, permission), arn)
            if key != "$default":
                self.assertIn("HttpApiPermission", self.stack.resources[name]["DependsOn"])
        self.assertFalse(fnmatchcase("arn:aws:execute-api:us-east-1:123456789012:other/$default/*/oauth2/jwks", permission))

    def test_every_route_is_an_endpoint_of_the_service(self):
        described = re.findall(r"^  (/\S+):$", (TEMPLATE.parent / "openapi.yaml").read_text(), re.MULTILINE)
        for key in set(self.routes) - {"$default"}:
            self.assertIn(key.removeprefix("ANY ").removesuffix("/{proxy+}"), described)


class Domains(unittest.TestCase):
    def issuer(self, stack):
        return stack.properties("PassgrantFunction")["Environment"]["Variables"]["PASSGRANT_ISSUER"]

    def test_a_domain_added_later_closes_nothing_and_leaves_the_issuer_as_it_was_told(self):
        own = "https://abc123.execute-api.us-east-1.amazonaws.com"
        for parameters in [DOMAIN, {**DOMAIN, "HostedZoneId": "Z0123456789ABC"}]:
            stack = Stack({"SigningKeys": "A", "Issuer": own, **parameters})
            self.assertEqual(stack.broken_rules(), [])
            self.assertIs(stack.properties("HttpApi")["DisableExecuteApiEndpoint"], False)
            self.assertEqual(self.issuer(stack), own)
        self.assertEqual(self.issuer(Stack({"SigningKeys": "A", **DOMAIN})), "https://login.example.com")

    def test_the_assigned_host_name_is_closed_by_its_own_switch_and_never_without_another(self):
        closed = Stack({"SigningKeys": "A", **DOMAIN, "ExecuteApiEndpoint": "off"})
        self.assertIs(closed.properties("HttpApi")["DisableExecuteApiEndpoint"], True)
        without = Stack({"SigningKeys": "A", "ExecuteApiEndpoint": "off"})
        self.assertEqual(len(without.broken_rules()), 1)
        self.assertIs(without.properties("HttpApi")["DisableExecuteApiEndpoint"], False)

    def test_the_stack_makes_the_dns_record_only_with_a_hosted_zone_and_after_the_mapping(self):
        self.assertNotIn("HttpApiDomainRecord", Stack({"SigningKeys": "A", **DOMAIN}).resources)
        stack = Stack({"SigningKeys": "A", **DOMAIN, "HostedZoneId": "Z0123456789ABC"})
        record = stack.resources["HttpApiDomainRecord"]
        self.assertIn("HttpApiMapping", record["DependsOn"])
        self.assertEqual(record["Properties"]["AliasTarget"]["DNSName"], "<HttpApiDomainName.RegionalDomainName>")
        self.assertEqual(len(Stack({"SigningKeys": "A", "HostedZoneId": "Z0123456789ABC"}).broken_rules()), 1)


class Alerts(unittest.TestCase):
    TOPIC = "arn:aws:sns:us-east-1:123456789012:security"

    def actions(self, **parameters):
        alarms = Stack({"SigningKeys": "A", **parameters}).of_type("AWS::CloudWatch::Alarm")
        return {a["Properties"]["Dimensions"][0]["Value"]: a["Properties"]["AlarmActions"] for a in alarms.values()}

    def test_nobody_is_told_unless_an_address_or_a_topic_is_given(self):
        self.assertEqual(self.actions(), {})
        for parameters, actions in [
            ({"AlertEmail": "security@example.com"}, ["<AlertTopic>"]),
            ({"AlertTopicArn": self.TOPIC}, [self.TOPIC]),
            ({"AlertEmail": "security@example.com", "AlertTopicArn": self.TOPIC}, ["<AlertTopic>", self.TOPIC]),
        ]:
            self.assertEqual(self.actions(**parameters), {"source_exhausted": actions, "username_slowed": actions})

    def test_each_alarm_is_of_a_metric_that_a_filter_makes_of_what_the_function_logs(self):
        stack = Stack({"SigningKeys": "A", "AlertTopicArn": self.TOPIC})
        [transformation] = stack.properties("Alerts")["MetricTransformations"]
        [dimension] = transformation["Dimensions"]
        logged = (TEMPLATE.parent / "src/telemetry/record.rs").read_text()
        for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
            properties = alarm["Properties"]
            made = (transformation["MetricNamespace"], transformation["MetricName"], dimension["Key"])
            [asked] = properties["Dimensions"]
            self.assertEqual((properties["Namespace"], properties["MetricName"], asked["Name"]), made, name)
            self.assertIn(f'=> "{asked["Value"]}"', logged, name)


class Times(unittest.TestCase):
    def test_the_function_gives_up_before_the_gateway_does(self):
        stack = Stack({"SigningKeys": "A"})
        integration = stack.properties("HttpApiIntegration")["TimeoutInMillis"]
        self.assertLess(stack.properties("PassgrantFunction")["Timeout"] * 1000, integration)
        # The longest that an HTTP API waits is 30 seconds.
        self.assertLess(integration, 30_000)

    def test_the_access_log_is_json(self):
        json.loads(Stack({"SigningKeys": "A"}).properties("HttpApiStage")["AccessLogSettings"]["Format"])


if __name__ == "__main__":
    unittest.main()
