#!/usr/bin/env python3
"""Whether the Terraform module deploys what template.yaml deploys: value for value, not only name for name.

    same_values.py PLAN.json... -- PARAMETER=VALUE...

The plans are those of `terraform show -json`. Where one does not know a value, the next is asked; what no plan knows, as the
ARN of a domain name that was never created, is compared with nothing. A value that the template has and the module lacks, or
the other way round, is a difference. Names that CloudFormation generates, ids and descriptions are not compared.
"""

import json
import re
import sys

from cloudformation import Stack, statements

ACCOUNT, REGION = "123456789012", "us-east-1"


class Unknown:
    """What no plan knows: equal to everything."""

    def __eq__(self, other):
        return True

    def __repr__(self):
        return "(not known)"


UNKNOWN = Unknown()

# The tables that the deployments create, unless they are given the names of others.
TABLES = {
    "aws_dynamodb_table.clients[0]": "ClientsTable",
    "aws_dynamodb_table.users[0]": "UsersTable",
    "aws_dynamodb_table.tokens[0]": "TokensTable",
}


def first_known(values):
    return next((value for value in values if value not in (None, "", [], {})), UNKNOWN)


class Plans:
    """The planned values of the module's resources, with symbols for what only AWS knows, as the template has them."""

    def __init__(self, plans):
        self.resources = {}
        for number, plan in enumerate(plans):
            for resource in plan["planned_values"]["root_module"]["resources"]:
                # Which resources there are, only the first plan says.
                if number == 0 or resource["address"] in self.resources:
                    self.resources.setdefault(resource["address"], []).append(resource["values"])
        self.symbols = {}
        for address, symbol in TABLES.items():
            self._name(address, symbol, "name", "")
            self._name(address, symbol, "arn", ".Arn")
        self._name("aws_iam_role.function", "FunctionRole", "arn", ".Arn")
        self._name("aws_apigatewayv2_api.this", "HttpApi", "api_endpoint", ".ApiEndpoint")
        self._name("aws_apigatewayv2_api.this", "HttpApi", "id", "")
        self._name("aws_apigatewayv2_integration.function", "HttpApiIntegration", "id", "")
        self._name("aws_kms_key.wrapping[0]", "EnvelopeKey", "arn", ".Arn")
        self._name("aws_sns_topic.alerts[0]", "AlertTopic", "arn", "")
        for label in "ABC":
            # A third label is the second slot of the template, once the first key has been retired.
            slot = "SigningKeyB" if label == "C" else f"SigningKey{label}"
            self._name(f'aws_kms_key.signing["{label}"]', slot, "arn", ".Arn")
            self._name(f'aws_kms_key.signing["{label}"]', slot, "key_id", "")

    def _name(self, address, resource, attribute, suffix):
        value = self.get(address, attribute)
        if value is not UNKNOWN:
            self.symbols[value] = f"<{resource}{suffix}>"

    def has(self, address):
        return address in self.resources

    def get(self, address, attribute):
        return first_known(values.get(attribute) for values in self.resources.get(address, []))

    def value(self, address, *path):
        """A value, with symbols. A step of the path is an attribute, or an index of a block."""
        found = self.get(address, path[0])
        for step in path[1:]:
            if found is UNKNOWN:
                return UNKNOWN
            found = first_known([found[step] if isinstance(step, int) else found.get(step)])
        return self._with_symbols(found)

    def _with_symbols(self, value):
        if isinstance(value, str):
            # Longer ones first: an ARN contains the name.
            for real in sorted(self.symbols, key=len, reverse=True):
                value = value.replace(real, self.symbols[real])
            return value
        if isinstance(value, dict):
            return {key: self._with_symbols(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._with_symbols(member) for member in value]
        return value


def plain(value):
    """A value in the one form in which it is compared: numbers and switches as text."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if value is UNKNOWN else str(value)


def environment(variables):
    """The variables that are set. An empty one counts as unset, and `none` is no secret."""
    if variables is UNKNOWN:
        return UNKNOWN
    kept = {
        name: value
        for name, value in variables.items()
        if value not in ("", None) and not (name.startswith("PASSGRANT_DELEGATED_SECRET_") and value == "none")
    }
    if verifiers := kept.get("PASSGRANT_DELEGATED_VERIFIERS"):
        kept["PASSGRANT_DELEGATED_VERIFIERS"] = json.loads(verifiers)
    return kept


def policy(document):
    return UNKNOWN if document is UNKNOWN else statements(document)


def table_of_template(properties):
    attributes = {a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]}
    return {
        "billing": properties["BillingMode"],
        "key": {k["AttributeName"]: attributes.pop(k["AttributeName"]) for k in properties["KeySchema"]},
        "other attributes": attributes,
        "time to live": properties.get("TimeToLiveSpecification", {}).get("AttributeName", ""),
        "recovery": properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        "encryption": properties["SSESpecification"]["SSEEnabled"],
        "protection": properties["DeletionProtectionEnabled"],
    }


def table_of_plan(plans, address):
    attributes = {a["name"]: a["type"] for a in plans.get(address, "attribute")}
    key = plans.get(address, "hash_key")
    live = plans.get(address, "ttl")
    return {
        "billing": plans.get(address, "billing_mode"),
        "key": {key: attributes.pop(key)},
        "other attributes": attributes,
        "time to live": "" if live is UNKNOWN else live[0]["attribute_name"],
        "recovery": plans.value(address, "point_in_time_recovery", 0, "enabled"),
        "encryption": plans.value(address, "server_side_encryption", 0, "enabled"),
        "protection": plans.resources[address][0]["deletion_protection_enabled"],
    }


def of_template(stack):
    function = stack.properties("PassgrantFunction")
    stage = stack.properties("HttpApiStage")
    logging = function["LoggingConfig"]
    found = {
        "function": {
            "name": "passgrant-check",
            "handler": function["Handler"],
            "runtime": function["Runtime"],
            "architectures": function["Architectures"],
            "memory": function["MemorySize"],
            "timeout": function["Timeout"],
            "role": function["Role"],
            "log": [logging["LogGroup"], logging["LogFormat"], logging["ApplicationLogLevel"], logging["SystemLogLevel"]],
        },
        "environment": environment(function["Environment"]["Variables"]),
        "role": {
            "trust": policy(stack.properties("FunctionRole")["AssumeRolePolicyDocument"]),
            "policy": policy(stack.properties("FunctionPolicy")["PolicyDocument"]),
        },
        "log groups": {p["LogGroupName"]: p["RetentionInDays"] for p in of_kind(stack, "AWS::Logs::LogGroup")},
        "tables": {
            symbol: table_of_template(table["Properties"]) for symbol, table in stack.of_type("AWS::DynamoDB::Table").items()
        },
        "keys": {
            key["Description"]: {
                "spec": key["KeySpec"],
                "usage": key["KeyUsage"],
                "window": key["PendingWindowInDays"],
                "policy": policy(key["KeyPolicy"]),
            }
            for key in of_kind(stack, "AWS::KMS::Key")
        },
        "alias": {a["AliasName"]: a["TargetKeyId"] for a in of_kind(stack, "AWS::KMS::Alias")},
        "api": {
            "name": stack.properties("HttpApi")["Name"],
            "protocol": stack.properties("HttpApi")["ProtocolType"],
            "closed": stack.properties("HttpApi")["DisableExecuteApiEndpoint"],
            "integration": [
                stack.properties("HttpApiIntegration")[name]
                for name in ("IntegrationType", "PayloadFormatVersion", "TimeoutInMillis")
            ],
            "routes": {r["RouteKey"]: r["Target"] for r in of_kind(stack, "AWS::ApiGatewayV2::Route")},
            "permission": [
                stack.properties("HttpApiPermission")[name] for name in ("Action", "Principal", "SourceArn")
            ],
        },
        "stage": {
            "name": stage["StageName"],
            "deploys": stage["AutoDeploy"],
            "limits": [stage["DefaultRouteSettings"][name] for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")],
            "limits of routes": {
                key: [limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]]
                for key, limits in stage["RouteSettings"].items()
            },
            "log": [stage["AccessLogSettings"]["DestinationArn"], json.loads(stage["AccessLogSettings"]["Format"])],
        },
        "metrics": {
            t["MetricName"]: [f["LogGroupName"], f["FilterPattern"]]
            + [t[name] for name in ("MetricNamespace", "MetricValue", "Unit")]
            + [{d["Key"]: d["Value"] for d in t["Dimensions"]}]
            for f in of_kind(stack, "AWS::Logs::MetricFilter")
            for t in f["MetricTransformations"]
        },
        "alarms": {
            dimension["Value"]: [a["Namespace"], a["MetricName"], dimension["Name"], a["AlarmDescription"]]
            + [a[name] for name in ("Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")]
            + [a["TreatMissingData"], sorted(a["AlarmActions"])]
            for a in of_kind(stack, "AWS::CloudWatch::Alarm")
            for dimension in a["Dimensions"]
        },
        "subscriptions": [
            [s["Protocol"], s["Endpoint"]] for t in of_kind(stack, "AWS::SNS::Topic") for s in t["Subscription"]
        ],
        "domain": [
            [d["DomainName"]] + [c[n] for c in d["DomainNameConfigurations"] for n in ("CertificateArn", "EndpointType", "SecurityPolicy")]
            for d in of_kind(stack, "AWS::ApiGatewayV2::DomainName")
        ],
        "record": [
            [r["HostedZoneId"], r["Name"], r["Type"], r["AliasTarget"]["EvaluateTargetHealth"]]
            for r in of_kind(stack, "AWS::Route53::RecordSet")
        ],
    }
    return plain(found)


def of_kind(stack, kind):
    return [resource["Properties"] for resource in stack.of_type(kind).values()]


def of_plans(plans):
    function, stage, api = "aws_lambda_function.this", "aws_apigatewayv2_stage.default", "aws_apigatewayv2_api.this"
    domain, record = "aws_apigatewayv2_domain_name.this[0]", "aws_route53_record.this[0]"
    keys = [address for address in plans.resources if address.startswith("aws_kms_key.")]
    groups = [address for address in plans.resources if address.startswith("aws_cloudwatch_log_group.")]
    filters = [address for address in plans.resources if address.startswith("aws_cloudwatch_log_metric_filter.")]
    alarms = [address for address in plans.resources if address.startswith("aws_cloudwatch_metric_alarm.")]
    subscriptions = [address for address in plans.resources if address.startswith("aws_sns_topic_subscription.")]
    routes = [address for address in plans.resources if address.startswith("aws_apigatewayv2_route.")]
    limits = plans.get(stage, "route_settings")
    found = {
        "function": {
            "name": plans.value(function, "function_name"),
            **{name: plans.value(function, name) for name in ("handler", "runtime", "architectures", "timeout", "role")},
            "memory": plans.value(function, "memory_size"),
            "log": [
                plans.value(function, "logging_config", 0, name)
                for name in ("log_group", "log_format", "application_log_level", "system_log_level")
            ],
        },
        "environment": environment(plans.value(function, "environment", 0, "variables")),
        "role": {
            "trust": policy(plans.value("aws_iam_role.function", "assume_role_policy")),
            "policy": policy(plans.value("aws_iam_role_policy.function", "policy")),
        },
        "log groups": {plans.value(a, "name"): plans.value(a, "retention_in_days") for a in groups},
        # By its own address, if it is another than these: there is none of it in the template.
        "tables": {
            TABLES.get(address, address): table_of_plan(plans, address)
            for address in plans.resources
            if address.startswith("aws_dynamodb_table.")
        },
        "keys": {
            re.sub(r"\(C\)", "(B)", plans.value(address, "description")): {
                "spec": plans.value(address, "customer_master_key_spec"),
                "usage": plans.value(address, "key_usage"),
                "window": plans.value(address, "deletion_window_in_days"),
                "policy": policy(plans.value(address, "policy")),
            }
            for address in keys
        },
        "alias": {
            plans.value(address, "name"): plans.value(address, "target_key_id")
            for address in plans.resources
            if address.startswith("aws_kms_alias.")
        },
        "api": {
            "name": plans.value(api, "name"),
            "protocol": plans.value(api, "protocol_type"),
            "closed": plans.resources[api][0]["disable_execute_api_endpoint"],
            "integration": [
                plans.value("aws_apigatewayv2_integration.function", name)
                for name in ("integration_type", "payload_format_version", "timeout_milliseconds")
            ],
            "routes": {plans.value(a, "route_key"): plans.value(a, "target") for a in routes},
            "permission": [
                plans.value("aws_lambda_permission.api", name) for name in ("action", "principal", "source_arn")
            ],
        },
        "stage": {
            "name": plans.value(stage, "name"),
            "deploys": plans.value(stage, "auto_deploy"),
            "limits": [
                plans.value(stage, "default_route_settings", 0, name)
                for name in ("throttling_rate_limit", "throttling_burst_limit")
            ],
            "limits of routes": {
                limit["route_key"]: [limit["throttling_rate_limit"], limit["throttling_burst_limit"]]
                for limit in ([] if limits is UNKNOWN else limits)
            },
            "log": [
                plans.value(stage, "access_log_settings", 0, "destination_arn"),
                json.loads(plans.value(stage, "access_log_settings", 0, "format")),
            ],
        },
        "metrics": {
            plans.value(address, "metric_transformation", 0, "name"): [
                plans.value(address, "log_group_name"),
                plans.value(address, "pattern"),
            ]
            + [plans.value(address, "metric_transformation", 0, n) for n in ("namespace", "value", "unit", "dimensions")]
            for address in filters
        },
        "alarms": {
            value: [plans.value(address, "namespace"), plans.value(address, "metric_name"), name]
            + [
                plans.value(address, attribute)
                for attribute in ("alarm_description", "statistic", "period", "evaluation_periods", "threshold")
            ]
            + [plans.value(address, "comparison_operator"), plans.value(address, "treat_missing_data")]
            + [actions if (actions := plans.value(address, "alarm_actions")) is UNKNOWN else sorted(actions)]
            for address in alarms
            for name, value in plans.get(address, "dimensions").items()
        },
        "subscriptions": [[plans.value(address, name) for name in ("protocol", "endpoint")] for address in subscriptions],
        "domain": [
            [plans.value(domain, "domain_name")]
            + [plans.value(domain, "domain_name_configuration", 0, n) for n in ("certificate_arn", "endpoint_type", "security_policy")]
        ]
        if plans.has(domain)
        else [],
        "record": [
            [plans.value(record, name) for name in ("zone_id", "name", "type")]
            + [plans.resources[record][0]["alias"][0]["evaluate_target_health"]]
        ]
        if plans.has(record)
        else [],
    }
    return plain(found)


def differences(template, module, path=""):
    """Each difference, and each value that is not known."""
    if module is UNKNOWN:
        return [], [path]
    if isinstance(template, dict) and isinstance(module, dict):
        pairs = [(template.get(k), module.get(k), f"{path}/{k}") for k in sorted({*template, *module})]
    elif isinstance(template, list) and isinstance(module, list) and len(template) == len(module):
        pairs = [(t, m, f"{path}/{i}") for i, (t, m) in enumerate(zip(template, module))]
    else:
        return ([] if template == module else [f"{path}: template.yaml has {template}, Terraform {module}"]), []
    found = [differences(*pair) for pair in pairs]
    return sum((different for different, _ in found), []), sum((unknown for _, unknown in found), [])


def main(arguments):
    split = arguments.index("--")
    stack = Stack(dict(argument.split("=", 1) for argument in arguments[split + 1 :]))
    broken = stack.broken_rules()
    assert not broken, broken
    plans = Plans([json.load(open(path)) for path in arguments[:split]])
    different, unknown = differences(of_template(stack), of_plans(plans))
    print(f"not known, and not compared: {', '.join(unknown) or 'nothing'}")
    sys.exit("\n".join(different) or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
