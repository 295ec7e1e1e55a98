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
MUTUAL_TLS = {
    "MutualTlsDomainName": "mtls.example.com",
    "MutualTlsCertificateArn": DOMAIN["CertificateArn"],
    "MutualTlsTruststoreUri": "s3://truststores/clients.pem",
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
    {"SigningKeys": "A,B", "DeletionProtection": "false", "MultiRegionKeys": "B"},
    {"SigningKeys": "B,A", "SigningKeySpecB": "ECC_NIST_P256", "SigningAlgorithm": "ES256"},
    {"SigningKeys": "B", "SigningKeySpecB": "HMAC_256", "SigningAlgorithm": "HS256", "DelegatedImport": "on"},
    {
        **{"SigningKeys": "A", "AlertEmail": "security@example.com", "Dashboard": "on", "MonthlyBudget": 20},
        "SyntheticLoginSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:synthetic-login-AbCdEf",
    },
    {"SigningKeys": "none", **ENVELOPES, **DOMAIN, "HostedZoneId": "Z0123456789ABC", "ExecuteApiEndpoint": "off"},
    {"SigningKeys": "A", **ADOPTED, "EnvelopeKeys": "envelope:main-2026=RS256", "DelegatedImport": "on"},
    {"SigningKeys": "A", "DeploymentPreference": "Canary10Percent5Minutes"},
    {"SigningKeys": "A", **DOMAIN, **MUTUAL_TLS, "HostedZoneId": "Z0123456789ABC"},
]


@functools.cache
def variant(number):
    return Stack(VARIANTS[number])


# What makes a name fixed, so that there cannot be two.
FIXED_NAMES = ["AliasName", "FunctionName", "KeyId", "LogGroupName", "PolicyName", "RoleName", "TableName"]


# What ends with another resource, whatever its own policy: a version, and a fingerprint, of which there is nothing but an answer.
ENDS_WITH = {"AWS::Lambda::Version": "PassgrantFunction", "Custom::Fingerprint": "FingerprintFunction"}


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
        stacks = list(self.stacks())
        created = set(itertools.chain.from_iterable(stack.resources for stack in stacks))
        # The transform adds some of them only for some parameters.
        self.assertEqual(created, set(itertools.chain.from_iterable(stack.template["Resources"] for stack in stacks)))


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
                if resource["Type"] in ENDS_WITH:
                    self.assertNotIn(ENDS_WITH[resource["Type"]], kept)
                    continue
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


class Regions(unittest.TestCase):
    # docs/operations.md#regions: the second region adopts the tables that DynamoDB replicates and the replica of the key, and
    # makes a tokens table of its own.
    SECOND = {
        "SigningKeys": "none",
        "SigningKeyArns": "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "ClientsTableName": "passgrant-clients",
        "UsersTableName": "passgrant-users",
        "Issuer": "https://login.example.com",
    }

    def test_a_key_can_be_replicated_only_if_that_was_said_when_it_was_created(self):
        for choice, expected in [("none", {}), ("A", {"SigningKeyA"}), ("B", {"SigningKeyB"}), ("A,B", {"SigningKeyA", "SigningKeyB"})]:
            stack = Stack({"SigningKeys": "A,B", "MultiRegionKeys": choice})
            keys = stack.of_type("AWS::KMS::Key")
            self.assertEqual({name for name, key in keys.items() if key["Properties"].get("MultiRegion") is True}, set(expected))
            for name, key in keys.items():
                may = key_policy_allows(key["Properties"]["KeyPolicy"], OTHERS[1], "kms:ReplicateKey", {})
                self.assertEqual(may, choice != "none", f"{name}, {choice}")

    def test_whoever_replicates_a_key_is_reported(self):
        stack = Stack({"SigningKeys": "A", "MultiRegionKeys": "A", **TOLD})
        self.assertIn("ReplicateKey", stack.properties("KeyChangedRule")["EventPattern"]["detail"]["eventName"])

    def test_the_second_region_has_the_clients_the_users_and_the_key_of_the_first_and_tokens_of_its_own(self):
        stack = Stack(self.SECOND)
        self.assertEqual(stack.broken_rules(), [])
        self.assertEqual(list(stack.of_type("AWS::DynamoDB::Table")), ["TokensTable"])
        self.assertEqual(stack.of_type("AWS::KMS::Key"), {})
        variables = stack.properties("PassgrantFunction")["Environment"]["Variables"]
        self.assertEqual(variables["PASSGRANT_SIGNING_KEYS"], self.SECOND["SigningKeyArns"])
        self.assertEqual(variables["PASSGRANT_ISSUER"], self.SECOND["Issuer"])


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


class MutualTls(unittest.TestCase):
    def test_certificates_are_asked_for_at_a_second_host_name_and_verifiers_reach_the_keys_at_the_first(self):
        stack = Stack({"SigningKeys": "A", **DOMAIN, **MUTUAL_TLS})
        self.assertEqual(stack.broken_rules(), [])
        self.assertNotIn("MutualTlsAuthentication", stack.properties("HttpApiDomainName"))
        asking = stack.properties("MutualTlsApiDomainName")
        self.assertEqual(asking["MutualTlsAuthentication"], {"TruststoreUri": "s3://truststores/clients.pem"})
        for mapping in stack.of_type("AWS::ApiGatewayV2::ApiMapping").values():
            self.assertEqual((mapping["Properties"]["ApiId"], mapping["Properties"]["Stage"]), ("<HttpApi>", "<HttpApiStage>"))
        variables = stack.properties("PassgrantFunction")["Environment"]["Variables"]
        self.assertEqual(variables["PASSGRANT_MTLS_URL"], "https://mtls.example.com")
        self.assertEqual(variables["PASSGRANT_ISSUER"], "https://login.example.com")
        versioned = Stack({"SigningKeys": "A", **MUTUAL_TLS, "MutualTlsTruststoreVersion": "v1"})
        truststore = versioned.properties("MutualTlsApiDomainName")["MutualTlsAuthentication"]
        self.assertEqual(truststore["TruststoreVersion"], "v1")

    def test_a_host_name_that_would_let_nobody_in_or_keep_verifiers_out_is_refused(self):
        for parameters in [
            {"MutualTlsDomainName": "mtls.example.com"},
            {"MutualTlsTruststoreVersion": "v1"},
            {**MUTUAL_TLS, "MutualTlsTruststoreUri": ""},
            {**DOMAIN, **MUTUAL_TLS, "MutualTlsDomainName": DOMAIN["DomainName"]},
            {**MUTUAL_TLS, "OriginSecrets": "a-secret-of-this-check-which-is-long-enough"},
        ]:
            with self.subTest(**parameters):
                self.assertEqual(len(Stack({"SigningKeys": "A", **parameters}).broken_rules()), 1)


KEY = ADOPTED["WrappingKeyArn"]


class ByChoice(unittest.TestCase):
    def test_what_costs_or_has_to_be_set_up_first_is_there_only_when_it_is_asked_for(self):
        plain = Stack({"SigningKeys": "A"})
        function = plain.properties("PassgrantFunction")
        self.assertFalse({"KmsKeyArn", "CodeSigningConfigArn", "ReservedConcurrentExecutions"} & set(function))
        self.assertNotIn("ProvisionedConcurrencyConfig", plain.properties("PassgrantFunctionAliaslive"))
        for group in plain.of_type("AWS::Logs::LogGroup").values():
            self.assertNotIn("KmsKeyId", group["Properties"])

    def test_what_is_asked_for_reaches_the_function_its_alias_and_the_logs(self):
        signing = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"
        stack = Stack({
            "SigningKeys": "A", "LogKeyArn": KEY, "EnvironmentKeyArn": KEY + "e", "CodeSigningConfigArn": signing,
            "ReservedConcurrency": "50", "ProvisionedConcurrency": "2",
        })  # fmt: skip
        function = stack.properties("PassgrantFunction")
        self.assertEqual((function["KmsKeyArn"], function["CodeSigningConfigArn"]), (KEY + "e", signing))
        self.assertEqual(function["ReservedConcurrentExecutions"], "50")
        provisioned = stack.properties("PassgrantFunctionAliaslive")["ProvisionedConcurrencyConfig"]
        self.assertEqual(provisioned, {"ProvisionedConcurrentExecutions": "2"})
        groups = stack.of_type("AWS::Logs::LogGroup")
        self.assertEqual({name: g["Properties"]["KmsKeyId"] for name, g in groups.items()}, dict.fromkeys(groups, KEY))
        self.assertEqual(len(groups), 3)

    def test_a_secret_of_secrets_manager_is_read_by_cloudformation_in_place_of_the_one_that_is_given(self):
        arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:legacy-AbCdEf"
        given = "first-secret-of-this-check-long-enough,second-secret-of-this-check-long-enough"
        stack = Stack({"SigningKeys": "A", "DelegatedSecrets": given, "DelegatedSecret2": f"{arn}:SecretString:::v1"})
        variables = stack.properties("PassgrantFunction")["Environment"]["Variables"]
        secrets = [variables[f"PASSGRANT_DELEGATED_SECRET_{number}"] for number in (1, 2, 3)]
        self.assertEqual(secrets, [given.split(",")[0], "{{resolve:secretsmanager:%s:SecretString:::v1}}" % arn, ""])
        # The function itself may read no secret.
        self.assertNotIn("secretsmanager", json.dumps(stack.properties("FunctionPolicy")))


class Questions(unittest.TestCase):
    def test_the_console_asks_for_every_parameter_once_in_groups_that_begin_with_what_has_no_default(self):
        groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        asked = [name for group in groups for name in group["Parameters"]]
        self.assertEqual(sorted(asked), sorted(source()["Parameters"]))
        unset = [name for name, parameter in source()["Parameters"].items() if "Default" not in parameter]
        self.assertEqual(groups[0]["Parameters"], unset)

    def test_the_quick_start_asks_at_most_three_questions(self):
        command = "sam build && sam deploy --stack-name passgrant --parameter-overrides SigningKeys=A\n"
        for page in ("README.md", "docs/deploy.md"):
            self.assertIn(command, (TEMPLATE.parent / page).read_text(), page)
        unset = [name for name, parameter in source()["Parameters"].items() if "Default" not in parameter]
        self.assertEqual(unset, ["SigningKeys"], "whatever has no default is given")
        # Without --guided, what is not given here is not asked for either: without any of these, the command fails. So what
        # remains is whether the change set is right.
        deploy = tomllib.loads((TEMPLATE.parent / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
        self.assertEqual((deploy["capabilities"], deploy["resolve_s3"]), ("CAPABILITY_IAM", True))
        self.assertNotIn("guided", deploy)


TOPIC = "arn:aws:sns:us-east-1:123456789012:security"
LOGIN_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:synthetic-login-AbCdEf"
TOLD = {"AlertEmail": "security@example.com", "SyntheticLoginSecretArn": LOGIN_SECRET}
RUNBOOK = TEMPLATE.parent / "docs/operations.md"

# What the function makes of each request, and what it makes of those to an endpoint (src/telemetry).
METRICS = {"Requests", "Latency", "ServerErrors", "LoginFailures", "ColdStarts", "VerificationTime", "StoreTime", "SigningTime"}
METRICS |= {"UsernameLocked", "UsernameSlowed", "LockedUsernameTried", "SourceExhausted", "ExhaustedSourceTried"}
METRICS |= {"RefreshTokenReused", "LeakedPassword", "DynamoDbThrottled", "KmsThrottled"}
BY_ENDPOINT = {"Requests", "Latency", "ServerErrors"}
ENDPOINTS = {"token", "introspect", "revoke", "userinfo", "jwks", "authorize", "metadata", "openid_configuration", "health", "other"}


class Alarms(unittest.TestCase):
    def setUp(self):
        self.stack = Stack({"SigningKeys": "A", **TOLD})

    def alarms(self, stack=None):
        stack = stack or self.stack
        kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        return {name: a["Properties"] for kind in kinds for name, a in stack.of_type(kind).items()}

    def metrics(self, alarm):
        """The metrics of an alarm: namespace, name, dimensions, statistic."""
        single = [(alarm, alarm.get("Statistic", alarm.get("ExtendedStatistic")))] if "MetricName" in alarm else []
        several = [(q["MetricStat"]["Metric"], q["MetricStat"]["Stat"]) for q in alarm.get("Metrics", []) if "MetricStat" in q]
        for metric, statistic in single + several:
            yield metric["Namespace"], metric["MetricName"], {d["Name"]: d["Value"] for d in metric["Dimensions"]}, statistic

    def rules(self):
        return [r["Properties"] for r in self.stack.of_type("AWS::Events::Rule").values() if "EventPattern" in r["Properties"]]

    def test_every_alarm_has_its_row_of_the_runbook_and_every_row_its_alarm(self):
        texts = [a["AlarmDescription"] for a in self.alarms().values()] + [r["Description"] for r in self.rules()]
        pointers = [re.search(r"\(docs/operations\.md#(alarm-[a-z0-9-]+)\)\.$", text) for text in texts]
        self.assertTrue(all(pointers), [text for text, pointer in zip(texts, pointers) if not pointer])
        rows = re.findall(r'^\| <a id="(alarm-[a-z0-9-]+)"></a>', RUNBOOK.read_text(), re.MULTILINE)
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual(set(rows), {pointer[1] for pointer in pointers})
        for rule in self.rules():
            row = re.search(r"#(alarm-[a-z-]+)", rule["Description"])[0]
            for target in rule["Targets"]:
                self.assertIn(row, target["InputTransformer"]["InputTemplate"])

    def test_nobody_is_told_unless_an_address_or_a_topic_is_given(self):
        quiet = Stack({"SigningKeys": "A", "SyntheticLoginSecretArn": LOGIN_SECRET})
        self.assertEqual(self.alarms(quiet), {})
        self.assertEqual([n for n in quiet.of_type("AWS::Events::Rule")], ["SyntheticLoginRule"])
        for parameters, recipients in [
            ({"AlertEmail": "security@example.com"}, ["<AlertTopic>"]),
            ({"AlertTopicArn": TOPIC}, [TOPIC]),
            ({"AlertEmail": "security@example.com", "AlertTopicArn": TOPIC}, ["<AlertTopic>", TOPIC]),
        ]:
            stack = Stack({"SigningKeys": "A", **parameters})
            for name, alarm in self.alarms(stack).items():
                self.assertIn(alarm.get("AlarmActions", recipients), [recipients], name)
            for rule in ("KeyChangedRule", "CodeChangedRule"):
                self.assertEqual([t["Arn"] for t in stack.properties(rule)["Targets"]], recipients)

    def test_an_alarm_that_tells_nobody_is_part_of_one_that_does(self):
        rules = " ".join(alarm.get("AlarmRule", "") for alarm in self.alarms().values())
        for name, alarm in self.alarms().items():
            self.assertEqual("AlarmActions" in alarm, f'ALARM("<{name}>")' not in rules, name)

    def test_each_alarm_says_what_missing_data_means_and_only_a_missing_login_is_bad(self):
        for name, alarm in self.alarms().items():
            if "AlarmRule" not in alarm:
                missing = "breaching" if name == "SyntheticLoginAlarm" else "notBreaching"
                self.assertEqual(alarm["TreatMissingData"], missing, name)

    def test_each_alarm_is_of_a_metric_that_exists_with_the_dimensions_that_it_has(self):
        platforms = {("AWS/Lambda", "Throttles"), ("AWS/Lambda", "Errors"), ("AWS/ApiGateway", "5xx")}
        for name, alarm in self.alarms().items():
            for namespace, metric, dimensions, _ in self.metrics(alarm):
                if namespace != "Passgrant":
                    self.assertIn((namespace, metric), platforms, name)
                    continue
                self.assertIn(metric, METRICS, name)
                self.assertEqual(dimensions.pop("FunctionName"), "<PassgrantFunction>", name)
                self.assertIn(dimensions.pop("Endpoint", "token"), ENDPOINTS if metric in BY_ENDPOINT else {"token"}, name)
                self.assertEqual(dimensions, {}, name)

    def test_no_alarm_needs_a_line_of_the_log(self):
        # The metrics are written whatever LogLevel is, and a filter would count only what is logged.
        filters = [t["MetricName"] for f in self.stack.of_type("AWS::Logs::MetricFilter").values() for t in f["Properties"]["MetricTransformations"]]
        for name, alarm in self.alarms().items():
            for _, metric, _, _ in self.metrics(alarm):
                self.assertNotIn(metric, filters, name)

    def test_both_windows_of_a_burn_rate_are_of_the_same_endpoint_and_the_long_one_is_twelve_times_the_short_one(self):
        alarms, seen = self.alarms(), 0
        for name, alarm in alarms.items():
            for short, long in re.findall(r'ALARM\("<(\w+)>"\) AND ALARM\("<(\w+)>"\)', alarm.get("AlarmRule", "")):
                periods, endpoints, budgets = [], [], []
                for child in (alarms[short], alarms[long]):
                    [period] = {q["MetricStat"]["Period"] for q in child["Metrics"] if "MetricStat" in q}
                    [(metric, endpoint)] = {(m, d["Endpoint"]) for _, m, d, _ in self.metrics(child)}
                    periods.append(period)
                    endpoints.append((metric, endpoint))
                    budgets.append((child["Threshold"], child["AlarmDescription"].split("(")[1]))
                self.assertEqual(periods[1], 12 * periods[0], name)
                self.assertEqual(endpoints[0], endpoints[1], name)
                self.assertEqual(budgets[0], budgets[1], name)
                # Of 30 days' budget, what is gone once the long window has been like that.
                spent = float(budgets[0][0]) * periods[1] / (30 * 86400)
                self.assertAlmostEqual(spent, 0.02 if "Fast" in name else 0.05, places=6)
                seen += 1
        self.assertEqual(seen, 12)

    def test_the_objective_is_what_a_burn_rate_is_measured_by(self):
        stack = Stack({"SigningKeys": "A", **TOLD, "AvailabilityObjective": "99.5", "LatencyObjective": "300"})
        expression = lambda name: stack.properties(name)["Metrics"][0]["Expression"]
        burn = expression("TokenErrors5mAlarm")
        # Seven in a hundred failed, of which five in a thousand may.
        self.assertAlmostEqual(eval(burn, {"share": 0.07}), 14, msg=burn)
        self.assertEqual(expression("TokenErrors1hAlarm"), f"IF(failed >= 5, {burn}, 0)")
        slow = stack.properties("TokenSlowness5mAlarm")["Metrics"]
        self.assertEqual([q["MetricStat"]["Stat"] for q in slow if "MetricStat" in q], ["PR(300:)"])
        self.assertEqual(stack.properties("TokenLatencyAlarm")["Threshold"], "300")

    def test_only_cloudwatch_for_alarms_of_the_account_and_eventbridge_may_publish_to_its_topic(self):
        found = statements(self.stack.properties("AlertTopicPolicy")["PolicyDocument"])
        self.assertEqual({s: v["Principal"]["Service"] for s, v in found.items()}, {"Alarms": ["cloudwatch.amazonaws.com"], "Changes": ["events.amazonaws.com"]})
        for statement in found.values():
            self.assertEqual((statement["Action"], statement["Resource"]), (["sns:Publish"], ["<AlertTopic>"]))
        # EventBridge supports no condition in the policy of a topic.
        self.assertFalse(found["Changes"]["Condition"])
        [source] = found["Alarms"]["Condition"]["ArnLike"]["aws:SourceArn"]
        self.assertTrue(fnmatchcase("arn:aws:cloudwatch:us-east-1:123456789012:alarm:x", source))
        self.assertFalse(fnmatchcase("arn:aws:cloudwatch:us-east-1:210987654321:alarm:x", source))

    def test_a_budget_without_anybody_to_tell_is_refused(self):
        self.assertEqual(Stack({"SigningKeys": "A", "MonthlyBudget": 20}).broken_rules(), ["MonthlyBudget needs AlertEmail or AlertTopicArn."])
        told = Stack({"SigningKeys": "A", **TOLD, "AlertTopicArn": TOPIC, "MonthlyBudget": 20})
        for notification in told.properties("Budget")["NotificationsWithSubscribers"]:
            self.assertEqual([s["Address"] for s in notification["Subscribers"]], ["security@example.com", TOPIC])


def matches(pattern, event):
    """Whether EventBridge lets an event through: the part of its patterns that the rules use."""
    if isinstance(pattern, dict):
        if isinstance(event, list):
            return any(matches(pattern, each) for each in event)
        return isinstance(event, dict) and all(matches(wanted, event.get(name)) for name, wanted in pattern.items())
    one = lambda wanted, text: (
        wanted == text
        if not isinstance(wanted, dict)
        else isinstance(text, str) and {"prefix": text.startswith, "suffix": text.endswith}[next(iter(wanted))](next(iter(wanted.values())))
    )
    return any(one(wanted, event) for wanted in pattern)


class Changes(unittest.TestCase):
    def event(self, name, arn, source="kms"):
        detail = {"eventSource": f"{source}.amazonaws.com", "eventName": name, "resources": [{"ARN": arn}], "requestParameters": {"functionName": arn}}
        return {"source": f"aws.{source}", "detail-type": "AWS API Call via CloudTrail", "detail": detail}

    def test_whoever_changes_a_key_that_the_deployment_uses_is_reported(self):
        own = "arn:aws:kms:us-east-1:123456789012:key/1"
        stack = Stack({"SigningKeys": "A,B", **TOLD, **ENVELOPES, "PublishedKeyArns": own})
        pattern = stack.properties("KeyChangedRule")["EventPattern"]
        for key in ("<SigningKeyA.Arn>", "<SigningKeyB.Arn>", "<EnvelopeKey.Arn>", own):
            for name in ("PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion"):
                self.assertTrue(matches(pattern, self.event(name, key)), f"{name} {key}")
            self.assertFalse(matches(pattern, self.event("Sign", key)))
        self.assertFalse(matches(pattern, self.event("DisableKey", own + "2")))

    def test_keys_that_sign_only_in_envelopes_are_watched_too(self):
        stack = Stack({"SigningKeys": "none", **TOLD, **ENVELOPES})
        self.assertTrue(matches(stack.properties("KeyChangedRule")["EventPattern"], self.event("DisableKey", "<EnvelopeKey.Arn>")))

    def test_whoever_changes_the_code_of_the_function_is_reported_however_they_name_it(self):
        pattern = Stack({"SigningKeys": "A", **TOLD}).properties("CodeChangedRule")["EventPattern"]
        name = "<PassgrantFunction>"
        for named in (name, f"123456789012:function:{name}", f"arn:aws:lambda:us-east-1:123456789012:function:{name}"):
            for call in ("UpdateFunctionCode20150331v2", "UpdateFunctionConfiguration20150331v2", "UpdateAlias20150331", "AddPermission20150331v2"):
                self.assertTrue(matches(pattern, self.event(call, named, "lambda")), named)
            self.assertFalse(matches(pattern, self.event("GetFunction20150331v2", named, "lambda")))
        self.assertFalse(matches(pattern, self.event("UpdateFunctionCode20150331v2", "other" + name, "lambda")))


class Dashboard(unittest.TestCase):
    def body(self, **parameters):
        return json.loads(Stack({"SigningKeys": "A", "Dashboard": "on", **parameters}).properties("QuestionsDashboard")["DashboardBody"])

    def test_every_widget_is_a_question_and_the_five_questions_are_there(self):
        titles = [w["properties"]["title"] for w in self.body()["widgets"]]
        self.assertEqual([t for t in titles if "?" not in t], [])
        for question in ("Is it up?", "Who is failing?", "Who is attacking?", "Who still uses the grant?", "What does it cost?"):
            self.assertEqual(len([t for t in titles if t.startswith(question)]), 1, question)

    def test_it_shows_metrics_that_exist_and_computes_with_those_that_it_names(self):
        for widget in self.body()["widgets"]:
            properties = widget["properties"]
            lines = properties.get("metrics", [])
            ids = {line[-1].get("id") for line in lines if isinstance(line[-1], dict)} - {None}
            for line in lines:
                if isinstance(line[0], dict):
                    self.assertLessEqual(set(re.findall(r"[a-z_]{2,}", line[0]["expression"])), ids, line)
                elif line[0] == "Passgrant":
                    names = line[2:-1:2] if isinstance(line[-1], dict) else line[2::2]
                    self.assertIn(line[1], METRICS)
                    self.assertIn(tuple(names), {("FunctionName",), ("FunctionName", "Endpoint"), ("FunctionName", "Grant", "Outcome")})

    def test_its_queries_ask_for_fields_that_are_logged(self):
        record = (TEMPLATE.parent / "src/telemetry/record.rs").read_text()
        access = Stack({"SigningKeys": "A"}).properties("HttpApiStage")["AccessLogSettings"]["Format"]
        queries = [w["properties"]["query"] for w in self.body()["widgets"] if w["type"] == "log"]
        self.assertEqual(len(queries), 4)
        for query in queries:
            of_function = "/aws/lambda/" in query
            for field in ("status", "code", "grant", "alert", "sub", "client_id") if of_function else ("status", "path", "sourceIp"):
                if re.search(rf"\b{field}\b", query):
                    self.assertIn(field if of_function else f'"{field}"', record if of_function else access, query)

    def test_it_is_the_one_of_the_terraform_module(self):
        written = (TEMPLATE.parent / "infra/terraform/dashboard.json").read_text().strip()
        self.assertEqual(source()["Resources"]["QuestionsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0].strip(), written)


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
