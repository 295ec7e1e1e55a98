#!/usr/bin/env python3
"""Which changes publish a version of the function, how requests move to it, and what has to be true before they do."""

import contextlib
import io
import json
import re
import sys
import types
import unittest
from unittest import mock

from cloudformation import Stack, source, statements

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/6d2d7b1c-7a0f-4c7e-9d53-4a1f2b8e9c10"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0c5b3a0e-6f6e-4a43-9a0c-3b1a0d8f5e77"
SECRET = "a-secret-of-this-check-which-is-long-enough"
REFERENCE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:legacy-AbCdEf"
MUTUAL_TLS = {
    "MutualTlsDomainName": "mtls.example.com",
    "MutualTlsCertificateArn": CERTIFICATE,
    "MutualTlsTruststoreUri": "s3://truststores/clients.pem",
}
# Another value of each parameter, with what it cannot be without. A parameter that is not here fails the test.
OTHERS = {
    "Architecture": {"Architecture": "arm64"},
    "MemorySize": {"MemorySize": "1024"},
    "DomainName": {"DomainName": "login.example.com", "CertificateArn": CERTIFICATE},
    "CertificateArn": {"DomainName": "login.example.com", "CertificateArn": CERTIFICATE + "0"},
    "HostedZoneId": {"DomainName": "login.example.com", "CertificateArn": CERTIFICATE, "HostedZoneId": "Z0123456789ABC"},
    "ExecuteApiEndpoint": {"DomainName": "login.example.com", "CertificateArn": CERTIFICATE, "ExecuteApiEndpoint": "off"},
    "MutualTlsDomainName": MUTUAL_TLS,
    "MutualTlsCertificateArn": {**MUTUAL_TLS, "MutualTlsCertificateArn": CERTIFICATE + "0"},
    "MutualTlsTruststoreUri": {**MUTUAL_TLS, "MutualTlsTruststoreUri": "s3://truststores/others.pem"},
    "MutualTlsTruststoreVersion": {**MUTUAL_TLS, "MutualTlsTruststoreVersion": "v1"},
    "Issuer": {"Issuer": "https://id.example.com"},
    "OriginSecrets": {"OriginSecrets": SECRET},
    "SigningAlgorithm": {"SigningAlgorithm": "PS256"},
    "SigningKeys": {"SigningKeys": "A,B"},
    "SigningKeySpecA": {"SigningKeys": "A,B", "SigningKeySpecA": "ECC_NIST_P256"},
    "SigningKeySpecB": {"SigningKeys": "A,B", "SigningKeySpecB": "ECC_NIST_P256"},
    "SigningKeyAlgorithmA": {"SigningKeyAlgorithmA": "any"},
    "SigningKeyAlgorithmB": {"SigningKeys": "A,B", "SigningKeyAlgorithmB": "any"},
    "MultiRegionKeys": {"MultiRegionKeys": "A"},
    "SigningKeyArns": {"SigningKeyArns": KEY},
    "PublishedKeyArns": {"PublishedKeyArns": KEY},
    "WrappingKey": {"WrappingKey": "on"},
    "WrappingKeyArn": {"WrappingKeyArn": KEY},
    "EnvelopeKeys": {"WrappingKey": "on", "EnvelopeKeys": "envelope:a"},
    "PublishedEnvelopeKeys": {"WrappingKey": "on", "PublishedEnvelopeKeys": "envelope:a"},
    "DefaultScope": {"DefaultScope": "profile"},
    "EmptyScope": {"EmptyScope": "none"},
    "CorsOrigins": {"CorsOrigins": "https://app.example.com"},
    "UsernameProfile": {"UsernameProfile": "case_preserved"},
    "PasswordRangeUrl": {"PasswordRangeUrl": "https://ranges.example.com/"},
    "PasswordRangeAtLogin": {"PasswordRangeUrl": "https://ranges.example.com/", "PasswordRangeAtLogin": "log"},
    "PasswordGrant": {"PasswordGrant": "off"},
    "AttemptsLimit": {"AttemptsLimit": "5"},
    "AttemptsWindow": {"AttemptsWindow": "30m"},
    "AttemptsSourceNames": {"AttemptsSourceNames": "0"},
    "AttemptsSparedNetworks": {"AttemptsSparedNetworks": "192.0.2.0/24"},
    "TrustedHops": {"OriginSecrets": SECRET, "TrustedHops": "1"},
    "AuthChain": {"AuthChains": "migrating=directory", "AuthChain": "migrating"},
    "AuthChains": {"AuthChains": "migrating=directory"},
    "DelegatedVerifiers": {
        "DelegatedVerifiers": '[{"name":"a","url":"https://a.example","secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]',
        "DelegatedSecrets": SECRET,
    },
    "DelegatedSecrets": {"DelegatedSecrets": SECRET},
    **{f"DelegatedSecret{n}": {"DelegatedSecrets": SECRET, f"DelegatedSecret{n}": REFERENCE} for n in (1, 2, 3)},
    "DelegatedImport": {"DelegatedImport": "on"},
    "DetailedErrors": {"DetailedErrors": "off"},
    "ClientCache": {"ClientCache": "0s"},
    "Argon2MemoryKiB": {"Argon2MemoryKiB": "65536"},
    "Argon2Iterations": {"Argon2Iterations": "3"},
    "ThrottleRate": {"ThrottleRate": "7"},
    "ThrottleBurst": {"ThrottleBurst": "7"},
    "ClientsTableName": {"ClientsTableName": "other-clients"},
    "UsersTableName": {"UsersTableName": "other-users"},
    "TokensTableName": {"TokensTableName": "other-tokens"},
    "VerifierThrottleRate": {"VerifierThrottleRate": "1000"},
    "ReservedConcurrency": {"ReservedConcurrency": "50"},
    "ProvisionedConcurrency": {"ProvisionedConcurrency": "2"},
    "LogKeyArn": {"LogKeyArn": KEY},
    "EnvironmentKeyArn": {"EnvironmentKeyArn": KEY},
    "CodeSigningConfigArn": {"CodeSigningConfigArn": "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"},
    "OtlpEndpoint": {"OtlpEndpoint": "http://127.0.0.1:4318"},
    "OtlpRatio": {"OtlpEndpoint": "http://127.0.0.1:4318", "OtlpRatio": "0.05"},
    "LogLevel": {"LogLevel": "debug"},
    "LogRetentionDays": {"LogRetentionDays": "365"},
    "AuditRetentionDays": {"AuditRetentionDays": "3653"},
    "AlertEmail": {"AlertEmail": "security@example.com"},
    "AlertTopicArn": {"AlertTopicArn": "arn:aws:sns:us-east-1:123456789012:security"},
    "AvailabilityObjective": {"AlertEmail": "security@example.com", "AvailabilityObjective": "99.5"},
    "LatencyObjective": {"AlertEmail": "security@example.com", "LatencyObjective": "500"},
    "LocksAlarm": {"AlertEmail": "security@example.com", "LocksAlarm": "50"},
    "MonthlyBudget": {"AlertEmail": "security@example.com", "MonthlyBudget": "20"},
    "SyntheticLoginSecretArn": {"SyntheticLoginSecretArn": REFERENCE},
    "Dashboard": {"Dashboard": "on"},
    "DeploymentPreference": {"DeploymentPreference": "Canary10Percent5Minutes"},
    "DeletionProtection": {"DeletionProtection": "false"},
}
# What a parameter had before, of those that cannot be left out with the others.
REQUIRED = {"CertificateArn": CERTIFICATE, **{n: v for n, v in MUTUAL_TLS.items() if n != "MutualTlsDomainName"}}
# What changes nothing of the function itself.
NOT_OF_THE_FUNCTION = {
    "CertificateArn", "HostedZoneId", "ExecuteApiEndpoint", "DelegatedImport", "ThrottleRate", "ThrottleBurst",
    "MutualTlsCertificateArn", "MutualTlsTruststoreUri", "MutualTlsTruststoreVersion",
    "ReservedConcurrency", "ProvisionedConcurrency", "LogKeyArn", "CodeSigningConfigArn",
    "VerifierThrottleRate", "LogRetentionDays", "AuditRetentionDays", "AlertEmail", "AlertTopicArn", "DeploymentPreference", "DeletionProtection",
    "AvailabilityObjective", "LatencyObjective", "LocksAlarm", "MonthlyBudget", "SyntheticLoginSecretArn", "Dashboard",
    "MultiRegionKeys",
}  # fmt: skip
# Of a function, what a version of it does not consist of, or what no parameter changes.
CONSTANT = {"CodeSigningConfigArn", "ReservedConcurrentExecutions", "Code", "Description", "Handler", "Role", "Runtime", "Tags", "Timeout"}


def inline(stack, name, modules):
    """What a function with inline code has at its top level, with these modules in place of AWS's own."""
    code = stack.properties(name)["Code"]["ZipFile"]
    # Up to here, it is not a package.
    assert len(code) <= 4096, name
    scope = {}
    with mock.patch.dict(sys.modules, modules):
        exec(compile(code, name, "exec"), scope)
    return scope


def digest(stack):
    """What the fingerprint's function answers to CloudFormation."""
    told = []
    response = types.SimpleNamespace(SUCCESS="SUCCESS", send=lambda *sent: told.append(sent))
    handler = inline(stack, "FingerprintFunction", {"cfnresponse": response})["handler"]
    properties = stack.properties("Fingerprint")
    # CloudFormation hands on every value as a string.
    as_text = json.loads(json.dumps(properties), parse_int=str)
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        handler({"ResourceProperties": as_text}, None)
    assert shown.getvalue() == "", "the environment has secrets"
    [(_, _, status, data, _)] = told
    assert status == "SUCCESS"
    return data["Digest"]


def version(stack):
    """What a version is told apart by: its logical id, and the properties that cannot change."""
    [(name, resource)] = stack.of_type("AWS::Lambda::Version").items()
    properties = resource["Properties"]
    return name, properties["Description"].replace("<Fingerprint.Digest>", digest(stack))


def configuration(stack):
    function = stack.properties("PassgrantFunction")
    return {name: value for name, value in function.items() if name not in CONSTANT}


class Versions(unittest.TestCase):
    def test_each_change_of_a_parameter_that_reaches_the_function_publishes_a_version_and_no_other_does(self):
        parameters = source()["Parameters"]
        self.assertEqual(set(OTHERS), set(parameters), "each parameter has another value here")
        for name, given in OTHERS.items():
            with self.subTest(parameter=name):
                self.assertEqual(Stack({"SigningKeys": "A", **given}).broken_rules(), [])
                others = {other: value for other, value in given.items() if other != name}
                if name in REQUIRED:
                    others[name] = REQUIRED[name]
                before, after = Stack({"SigningKeys": "A", **others}), Stack({"SigningKeys": "A", **given})
                has_changed = configuration(before) != configuration(after)
                self.assertEqual(has_changed, name not in NOT_OF_THE_FUNCTION)
                # Lambda refuses to publish a version that is like the last one, and the update would fail.
                self.assertEqual(version(before) != version(after), has_changed)

    def test_a_version_is_told_apart_by_everything_that_can_change_about_the_function(self):
        stack = Stack({"SigningKeys": "A"})
        stack = Stack({"SigningKeys": "A", "EnvironmentKeyArn": KEY})
        self.assertEqual(set(configuration(stack)), set(stack.properties("Fingerprint")["Configuration"]))
        for name, value in stack.properties("Fingerprint")["Configuration"].items():
            self.assertEqual(configuration(stack)[name], value, name)

    def test_sam_by_itself_would_not_notice(self):
        # If it ever does, the fingerprint is not needed any more.
        ids = [
            next(iter(Stack({"SigningKeys": "A", **OTHERS[name]}).of_type("AWS::Lambda::Version")))
            for name in ("Issuer", "AttemptsLimit", "MemorySize", "OriginSecrets")
        ]
        self.assertEqual(len(set(ids)), 1)

    def test_a_digest_reveals_no_secret(self):
        stack = Stack({"SigningKeys": "A", "OriginSecrets": SECRET})
        self.assertRegex(digest(stack), "^[0-9a-f]{32}$")
        [resource] = stack.of_type("AWS::Lambda::Version").values()
        self.assertNotIn(SECRET, json.dumps(resource))
        self.assertLessEqual(len("Configuration ") + 32, 256)

    def test_an_earlier_version_is_kept_to_go_back_to(self):
        [resource] = Stack({"SigningKeys": "A"}).of_type("AWS::Lambda::Version").values()
        self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_requests_reach_the_version_in_service_and_no_other(self):
        stack = Stack({"SigningKeys": "A"})
        [alias] = stack.of_type("AWS::Lambda::Alias").values()
        self.assertEqual(alias["Properties"]["Name"], "live")
        self.assertEqual(stack.properties("HttpApiIntegration")["IntegrationUri"], "<PassgrantFunction.Arn>:live")
        permission = stack.properties("HttpApiPermission")
        self.assertEqual(permission["FunctionName"], "arn:aws:lambda:us-east-1:123456789012:function:<PassgrantFunction>:live")
        # So that a stack from before the alias never calls what may not be called yet.
        self.assertIn("HttpApiPermission", stack.resources["HttpApiIntegration"]["DependsOn"])


PREFERENCES = source()["Parameters"]["DeploymentPreference"]["AllowedValues"]


class GradualDeployment(unittest.TestCase):
    def test_at_once_needs_nothing_and_the_others_go_by_codedeploy_with_a_check_and_an_alarm(self):
        for preference in PREFERENCES:
            with self.subTest(preference=preference):
                stack = Stack({"SigningKeys": "A", "DeploymentPreference": preference})
                [alias] = stack.of_type("AWS::Lambda::Alias").values()
                if preference == "AllAtOnce":
                    self.assertNotIn("UpdatePolicy", alias)
                    self.assertEqual(stack.of_type("AWS::CodeDeploy::DeploymentGroup"), {})
                    self.assertNotIn("DeploymentCheck", stack.resources)
                    continue
                policy = stack.resolve(alias["UpdatePolicy"])["CodeDeployLambdaAliasUpdate"]
                self.assertEqual(policy["BeforeAllowTrafficHook"], "<DeploymentCheck>")
                group = stack.properties("PassgrantFunctionDeploymentGroup")
                self.assertEqual(group["AlarmConfiguration"], {"Enabled": True, "Alarms": [{"Name": "<NewVersionErrorsAlarm>"}]})
                self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])
                self.assertEqual(group["ServiceRoleArn"], "<CodeDeployRole.Arn>")
                wanted = preference.removeprefix("Checked")
                self.assertEqual(group["DeploymentConfigName"], f"CodeDeployDefault.Lambda{wanted}")

    def gradual(self):
        return Stack({"SigningKeys": "A", "DeploymentPreference": "Canary10Percent5Minutes"})

    def test_the_alarm_is_of_the_new_version_behind_the_alias(self):
        stack = self.gradual()
        alarm = stack.properties("NewVersionErrorsAlarm")
        self.assertEqual((alarm["Namespace"], alarm["MetricName"]), ("AWS/Lambda", "Errors"))
        [name] = stack.of_type("AWS::Lambda::Version")
        self.assertEqual(
            {d["Name"]: d["Value"] for d in alarm["Dimensions"]},
            {"FunctionName": "<PassgrantFunction>", "Resource": "<PassgrantFunction>:live", "ExecutedVersion": f"<{name}.Version>"},
        )
        self.assertEqual(alarm["TreatMissingData"], "notBreaching")

    def test_the_check_may_ask_versions_of_this_function_and_tell_codedeploy_and_codedeploy_may_no_more_than_it_needs(self):
        stack = self.gradual()
        versions = "arn:aws:lambda:us-east-1:123456789012:function:<PassgrantFunction>:*"
        check = statements(stack.properties("DeploymentCheckPolicy")["PolicyDocument"])
        self.assertEqual({s: (p["Action"], p["Resource"]) for s, p in check.items() if s != "WriteOwnLog"}, {
            "InvokeVersions": (["lambda:InvokeFunction"], [versions]),
            "TellCodeDeploy": (["codedeploy:PutLifecycleEventHookExecutionStatus"], ["arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*"]),
        })  # fmt: skip
        [policy] = stack.properties("CodeDeployRole")["Policies"]
        moves = statements(policy["PolicyDocument"])
        self.assertEqual({s: (p["Action"], p["Resource"]) for s, p in moves.items()}, {
            "MoveAlias": (["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"], [versions.removesuffix(":*"), versions]),
            "RunCheck": (["lambda:InvokeFunction"], ["<DeploymentCheck.Arn>"]),
            "SeeAlarms": (["cloudwatch:DescribeAlarms"], ["*"]),
        })  # fmt: skip

    def run_check(self, answers):
        """What CodeDeploy is told when the version answers so, and how often it was asked."""
        stack, asked, told = self.gradual(), [], []
        variables = stack.properties("DeploymentCheck")["Environment"]["Variables"]
        answers = iter(answers)

        class Client:
            def invoke(self, FunctionName, Payload):
                asked.append((FunctionName, json.loads(Payload)))
                answer = next(answers)
                if isinstance(answer, Exception):
                    raise answer
                return {**answer, "Payload": io.BytesIO(json.dumps(answer["Payload"]).encode())}

            def put_lifecycle_event_hook_execution_status(self, **status):
                told.append(status)

        boto3 = types.SimpleNamespace(client=lambda name, config=None: Client())
        modules = {"boto3": boto3, "botocore": types.ModuleType("botocore")}
        modules["botocore.config"] = types.SimpleNamespace(Config=lambda **settings: settings)
        scope = inline(stack, "DeploymentCheck", modules)
        scope["time"] = types.SimpleNamespace(sleep=lambda seconds: None)
        with mock.patch.dict("os.environ", variables), contextlib.redirect_stdout(io.StringIO()):
            scope["handler"]({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)
        for version, event in asked:
            self.assertEqual(version, variables["VERSION"])
            self.assertEqual(event["rawPath"], "/healthz")
        [status] = told
        self.assertEqual((status["deploymentId"], status["lifecycleEventHookExecutionId"]), ("d-1", "e-1"))
        return status["status"], len(asked)

    def test_the_check_passes_only_what_signs_and_tells_codedeploy_whatever_happens(self):
        able, unable = {"Payload": {"statusCode": 200}}, {"Payload": {"statusCode": 500}}
        crashed = {"FunctionError": "Unhandled", "Payload": {"errorType": "Runtime.ExitError"}}
        for answers, expected in [
            ([able], ("Succeeded", 1)),
            ([{"Payload": {"statusCode": 503}}, able], ("Succeeded", 2)),
            ([RuntimeError("AccessDenied"), able], ("Succeeded", 2)),
            ([unable] * 3, ("Failed", 3)),
            ([crashed] * 3, ("Failed", 3)),
            ([{"FunctionError": "Unhandled", "Payload": {"statusCode": 200}}] * 3, ("Failed", 3)),
            ([{"Payload": "nonsense"}] * 3, ("Failed", 3)),
            ([RuntimeError("timeout")] * 3, ("Failed", 3)),
        ]:
            self.assertEqual(self.run_check(answers), expected)

    def test_the_check_asks_with_an_event_that_no_route_sends(self):
        stack = self.gradual()
        event = json.loads(stack.properties("DeploymentCheck")["Environment"]["Variables"]["EVENT"])
        keys = {r["Properties"]["RouteKey"] for r in stack.of_type("AWS::ApiGatewayV2::Route").values()}
        self.assertNotIn(event["requestContext"]["routeKey"], keys)
        # Route keys of an HTTP API are $default, or a method and a path.
        self.assertIsNone(re.fullmatch(r"\$default|[A-Z]+ /.*", event["requestContext"]["routeKey"]))

    def test_the_check_gives_up_after_the_function_would_have(self):
        stack = self.gradual()
        self.assertGreaterEqual(stack.properties("DeploymentCheck")["Timeout"], 3 * (5 + 35) + 10)
        self.assertGreater(35, stack.properties("PassgrantFunction")["Timeout"])


if __name__ == "__main__":
    unittest.main()
