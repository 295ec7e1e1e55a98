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
NAME = "passgrant-check"


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
                    self.resources.setdefault(resource["address"], []).append(resource.get("values", {}))
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
        self._name('aws_cloudwatch_event_rule.changed["key"]', "KeyChangedRule", "arn", ".Arn")
        self._name('aws_cloudwatch_event_rule.changed["code"]', "CodeChangedRule", "arn", ".Arn")
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

    def exact(self, address, attribute):
        """A list that may be empty, which is known only if the plan has it."""
        value = self.resources[address][0].get(attribute, UNKNOWN)
        return self.with_symbols([] if value is None else value)

    def value(self, address, *path):
        """A value, with symbols. A step of the path is an attribute, or an index of a block."""
        found = self.get(address, path[0])
        for step in path[1:]:
            if found is UNKNOWN:
                return UNKNOWN
            found = first_known([found[step] if isinstance(step, int) else found.get(step)])
        return self.with_symbols(found)

    def with_symbols(self, value):
        """A value with the symbols of the template for what only AWS knows."""
        if isinstance(value, str):
            # Longer ones first: an ARN contains the name.
            for real in sorted(self.symbols, key=len, reverse=True):
                value = value.replace(real, self.symbols[real])
            return value
        if isinstance(value, dict):
            return {key: self.with_symbols(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.with_symbols(member) for member in value]
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


def camel(name):
    """A name of the module as the template writes it."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("-"))


def in_order(values):
    return values if values is UNKNOWN else sorted(values)


def metric(of, dimensions, names):
    """A metric of an alarm, whichever of two ways of writing it the alarm has."""
    namespace, name, statistic, period = ("" if of.get(key) is None else of[key] for key in names)
    return [namespace, name, dimensions, statistic, period]


def alarm_of_template(alarm):
    names = lambda of: {d["Name"]: d["Value"] for d in of["Dimensions"]}
    expressions = [q["Expression"] for q in alarm.get("Metrics", []) if "Expression" in q]
    metrics = {
        q["Id"]: metric(q["MetricStat"]["Metric"] | q["MetricStat"], names(q["MetricStat"]["Metric"]), ("Namespace", "MetricName", "Stat", "Period"))
        for q in alarm.get("Metrics", [])
        if "MetricStat" in q
    }
    if "MetricName" in alarm:
        statistic = "Statistic" if "Statistic" in alarm else "ExtendedStatistic"
        metrics = {"": metric(alarm, names(alarm), ("Namespace", "MetricName", statistic, "Period"))}
    return {
        "about": alarm["AlarmDescription"],
        "expressions": expressions,
        "metrics": metrics,
        "intervals": [alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]],
        "threshold": alarm["Threshold"],
        "comparison": alarm["ComparisonOperator"],
        "missing": alarm["TreatMissingData"],
        "few": alarm.get("EvaluateLowSampleCountPercentile", ""),
        "actions": sorted(alarm.get("AlarmActions", [])),
    }


def symbol_of_alarm(plans, address):
    return camel(plans.get(address, "alarm_name").removeprefix(f"{NAME}-")) + "Alarm"


def alarm_of_plan(plans, address):
    queries = plans.exact(address, "metric_query")
    of_query = lambda q: metric(q["metric"][0], q["metric"][0]["dimensions"], ("namespace", "metric_name", "stat", "period"))
    metrics = {q["id"]: plans.with_symbols(of_query(q)) for q in queries if q["metric"]}
    if not queries:
        alarm = {name: plans.get(address, name) for name in ("namespace", "metric_name", "period")}
        statistic = plans.get(address, "statistic")
        alarm["statistic"] = plans.get(address, "extended_statistic") if statistic is UNKNOWN else statistic
        metrics = {"": metric(alarm, plans.value(address, "dimensions"), ("namespace", "metric_name", "statistic", "period"))}
    few = plans.get(address, "evaluate_low_sample_count_percentiles")
    return {
        "about": plans.value(address, "alarm_description"),
        "expressions": [q["expression"] for q in queries if q["expression"]],
        "metrics": metrics,
        "intervals": [plans.get(address, "evaluation_periods"), plans.get(address, "datapoints_to_alarm")],
        "threshold": plans.get(address, "threshold"),
        "comparison": plans.get(address, "comparison_operator"),
        "missing": plans.get(address, "treat_missing_data"),
        "few": "" if few is UNKNOWN else few,
        "actions": in_order(plans.exact(address, "alarm_actions")),
    }


def rule_of_plan(plans, address):
    targets = {}
    for target, values in ((a, v) for a, v in plans.resources.items() if a.startswith("aws_cloudwatch_event_target.")):
        if values[0]["rule"] == plans.get(address, "name"):
            paths = plans.value(target, "input_transformer", 0, "input_paths")
            template = plans.value(target, "input_transformer", 0, "input_template")
            retries = plans.resources[target][0]["retry_policy"]
            targets[plans.get(target, "target_id")] = [
                plans.value(target, "arn"),
                {} if template is UNKNOWN else {"InputPathsMap": paths, "InputTemplate": template},
                retries[0]["maximum_retry_attempts"] if retries else "",
            ]
    pattern, schedule = plans.value(address, "event_pattern"), plans.get(address, "schedule_expression")
    if pattern is not UNKNOWN:
        pattern = json.loads(pattern)
    elif schedule is not UNKNOWN:
        pattern = {}
    return {"pattern": pattern, "schedule": "" if schedule is UNKNOWN else schedule, "targets": targets}


def budget_of_plan(plans, address):
    told = lambda n: dict(
        [("EMAIL", e) for e in n["subscriber_email_addresses"] or []] + [("SNS", a) for a in n["subscriber_sns_topic_arns"] or []]
    )
    return {
        "limit": [plans.get(address, name) for name in ("budget_type", "time_unit", "limit_amount", "limit_unit")]
    } | {
        n["notification_type"]: [n["comparison_operator"], n["threshold_type"], n["threshold"], told(n)]
        for n in plans.get(address, "notification")
    }


# What the function that logs in is made of, but for its role and its log group, which have other names.
OF_FUNCTION = ("Description", "Runtime", "Handler", "MemorySize", "Timeout", "Environment", "Code")


def synthetic_login_of_template(stack):
    if "SyntheticLoginFunction" not in stack.resources:
        return {}
    function, role = stack.properties("SyntheticLoginFunction"), stack.properties("SyntheticLoginRole")
    return {
        **{name: function[name] for name in OF_FUNCTION},
        "trust": policy(role["AssumeRolePolicyDocument"]),
        "policy": [policy(p["PolicyDocument"]) for p in role["Policies"]],
        "permission": [stack.properties("SyntheticLoginPermission")[name] for name in ("Action", "Principal")],
        "retries": stack.properties("SyntheticLoginRetries")["MaximumRetryAttempts"],
    }


def synthetic_login_of_plan(plans):
    stack = "aws_cloudformation_stack.synthetic_login[0]"
    if not plans.has(stack):
        return {}
    body = plans.value(stack, "template_body")
    function = {} if body is UNKNOWN else json.loads(body)["Resources"]["Function"]["Properties"]
    retries = plans.resources["aws_lambda_function_event_invoke_config.synthetic_login[0]"][0]
    return {
        **{name: function.get(name, UNKNOWN) for name in OF_FUNCTION},
        "trust": policy(plans.value("aws_iam_role.synthetic_login[0]", "assume_role_policy")),
        "policy": [policy(plans.value("aws_iam_role_policy.synthetic_login[0]", "policy"))],
        "permission": [plans.value("aws_lambda_permission.synthetic_login[0]", name) for name in ("action", "principal")],
        "retries": retries["maximum_retry_attempts"],
    }


def of_template(stack):
    function = stack.properties("PassgrantFunction")
    stage = stack.properties("HttpApiStage")
    logging = function["LoggingConfig"]
    found = {
        "function": {
            "name": NAME,
            "handler": function["Handler"],
            "runtime": function["Runtime"],
            "architectures": function["Architectures"],
            "memory": function["MemorySize"],
            "timeout": function["Timeout"],
            "role": function["Role"],
            "environment key": function.get("KmsKeyArn", ""),
            "code signing": function.get("CodeSigningConfigArn", ""),
            "reserved": function.get("ReservedConcurrentExecutions", -1),
            "provisioned": [
                a["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
                for a in of_kind(stack, "AWS::Lambda::Alias")
                if "ProvisionedConcurrencyConfig" in a
            ],
            # By an alias, and what it is called.
            "alias": [a["Name"] for a in of_kind(stack, "AWS::Lambda::Alias")],
            "published": [len(stack.of_type("AWS::Lambda::Version")) == 1],
            "log": [logging["LogGroup"], logging["LogFormat"], logging["ApplicationLogLevel"], logging["SystemLogLevel"]],
        },
        "environment": environment(function["Environment"]["Variables"]),
        "role": {
            "trust": policy(stack.properties("FunctionRole")["AssumeRolePolicyDocument"]),
            "policy": policy(stack.properties("FunctionPolicy")["PolicyDocument"]),
        },
        "log groups": {
            p.get("LogGroupName", f"{NAME}-AuditLogGroup-"): [p["RetentionInDays"], p.get("KmsKeyId", "")]
            for p in of_kind(stack, "AWS::Logs::LogGroup")
        },
        "tables": {
            symbol: table_of_template(table["Properties"]) for symbol, table in stack.of_type("AWS::DynamoDB::Table").items()
        },
        "keys": {
            key["Description"]: {
                "spec": key["KeySpec"],
                "usage": key["KeyUsage"],
                "window": key["PendingWindowInDays"],
                "multi-region": key.get("MultiRegion", False),
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
        "alarms": {name: alarm_of_template(a["Properties"]) for name, a in stack.of_type("AWS::CloudWatch::Alarm").items()},
        "composite alarms": {
            name: {"about": a["Properties"]["AlarmDescription"], "rule": a["Properties"]["AlarmRule"]}
            | {"actions": sorted(a["Properties"]["AlarmActions"])}
            for name, a in stack.of_type("AWS::CloudWatch::CompositeAlarm").items()
        },
        "rules": {
            r["Description"]: {
                "pattern": r.get("EventPattern", {}),
                "schedule": r.get("ScheduleExpression", ""),
                "targets": {
                    t["Id"]: [t["Arn"], t.get("InputTransformer", {}), t.get("RetryPolicy", {}).get("MaximumRetryAttempts", "")]
                    for t in r["Targets"]
                },
            }
            for r in of_kind(stack, "AWS::Events::Rule")
        },
        "topic": [policy(p["PolicyDocument"]) for p in of_kind(stack, "AWS::SNS::TopicPolicy")],
        "budget": [
            {"limit": [b["Budget"][name] for name in ("BudgetType", "TimeUnit")] + list(b["Budget"]["BudgetLimit"].values())}
            | {
                n["Notification"]["NotificationType"]: [
                    n["Notification"][name] for name in ("ComparisonOperator", "ThresholdType", "Threshold")
                ]
                + [{s["SubscriptionType"]: s["Address"] for s in n["Subscribers"]}]
                for n in b["NotificationsWithSubscribers"]
            }
            for b in of_kind(stack, "AWS::Budgets::Budget")
        ],
        "dashboard": [json.loads(d["DashboardBody"]) for d in of_kind(stack, "AWS::CloudWatch::Dashboard")],
        "synthetic login": synthetic_login_of_template(stack),
        "subscriptions": [
            [s["Protocol"], s["Endpoint"]] for t in of_kind(stack, "AWS::SNS::Topic") for s in t["Subscription"]
        ],
        "domain": [
            [d["DomainName"]]
            + [c[n] for c in d["DomainNameConfigurations"] for n in ("CertificateArn", "EndpointType", "SecurityPolicy")]
            + [d.get("MutualTlsAuthentication", {}).get(n, "") for n in ("TruststoreUri", "TruststoreVersion")]
            for d in of_kind(stack, "AWS::ApiGatewayV2::DomainName")
        ],
        "record": [
            [r["HostedZoneId"], r["Name"], r["Type"], r["AliasTarget"]["EvaluateTargetHealth"]]
            for r in of_kind(stack, "AWS::Route53::RecordSet")
        ],
    }
    # What the module's function is called is known before it is there.
    return plain(json.loads(json.dumps(found).replace("<PassgrantFunction>", NAME)))


def of_kind(stack, kind):
    return [resource["Properties"] for resource in stack.of_type(kind).values()]


def of_plans(plans):
    function, stage, api = "aws_lambda_function.this", "aws_apigatewayv2_stage.default", "aws_apigatewayv2_api.this"
    domains = [a for a in plans.resources if a.startswith("aws_apigatewayv2_domain_name.")]
    records = [a for a in plans.resources if a.startswith("aws_route53_record.")]
    keys = [address for address in plans.resources if address.startswith("aws_kms_key.")]
    groups = [address for address in plans.resources if address.startswith("aws_cloudwatch_log_group.")]
    filters = [address for address in plans.resources if address.startswith("aws_cloudwatch_log_metric_filter.")]
    alarms = [address for address in plans.resources if address.startswith("aws_cloudwatch_metric_alarm.")]
    rules = [address for address in plans.resources if address.startswith("aws_cloudwatch_event_rule.")]
    subscriptions = [address for address in plans.resources if address.startswith("aws_sns_topic_subscription.")]
    routes = [address for address in plans.resources if address.startswith("aws_apigatewayv2_route.")]
    limits = plans.get(stage, "route_settings")
    found = {
        "function": {
            "name": plans.value(function, "function_name"),
            **{name: plans.value(function, name) for name in ("handler", "runtime", "architectures", "timeout", "role")},
            "memory": plans.value(function, "memory_size"),
            "environment key": plans.resources[function][0]["kms_key_arn"] or "",
            "code signing": plans.resources[function][0]["code_signing_config_arn"] or "",
            "reserved": plans.value(function, "reserved_concurrent_executions"),
            "provisioned": [
                plans.value(a, "provisioned_concurrent_executions")
                for a in plans.resources
                if a.startswith("aws_lambda_provisioned_concurrency_config.")
            ],
            "alias": [plans.value("aws_lambda_alias.live", "name")],
            "published": [plans.value(function, "publish")],
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
        "log groups": {
            plans.resources[a][0].get("name_prefix") or plans.value(a, "name"): [
                plans.value(a, "retention_in_days"), plans.resources[a][0]["kms_key_id"] or ""
            ]
            for a in groups
        },
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
                "multi-region": plans.resources[address][0].get("multi_region", False),
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
        "alarms": {symbol_of_alarm(plans, address): alarm_of_plan(plans, address) for address in alarms},
        "composite alarms": {
            symbol_of_alarm(plans, address): {
                "about": plans.value(address, "alarm_description"),
                "rule": re.sub(f'"{NAME}-([^"]*)"', lambda match: f'"<{camel(match[1])}Alarm>"', plans.get(address, "alarm_rule")),
                "actions": in_order(plans.exact(address, "alarm_actions")),
            }
            for address in plans.resources
            if address.startswith("aws_cloudwatch_composite_alarm.")
        },
        "rules": {plans.value(address, "description"): rule_of_plan(plans, address) for address in rules},
        "topic": [policy(plans.value(a, "policy")) for a in plans.resources if a.startswith("aws_sns_topic_policy.")],
        "budget": [budget_of_plan(plans, a) for a in plans.resources if a.startswith("aws_budgets_budget.")],
        "dashboard": [
            body if (body := plans.value(address, "dashboard_body")) is UNKNOWN else json.loads(body)
            for address in plans.resources
            if address.startswith("aws_cloudwatch_dashboard.")
        ],
        "synthetic login": synthetic_login_of_plan(plans),
        "subscriptions": [[plans.value(address, name) for name in ("protocol", "endpoint")] for address in subscriptions],
        "domain": [
            [plans.value(domain, "domain_name")]
            + [plans.value(domain, "domain_name_configuration", 0, n) for n in ("certificate_arn", "endpoint_type", "security_policy")]
            + [truststore(plans.resources[domain][0], n) for n in ("truststore_uri", "truststore_version")]
            for domain in sorted(domains, key=by_name)
        ],
        "record": [
            [plans.value(record, name) for name in ("zone_id", "name", "type")]
            + [plans.resources[record][0]["alias"][0]["evaluate_target_health"]]
            for record in sorted(records, key=by_name)
        ],
    }
    return plain(found)


def by_name(address):
    """In the order of the template: the usual host name, and the one of mutual TLS."""
    return "mutual_tls" in address


def truststore(values, name):
    """What a domain name asks of its callers; "" if nothing."""
    return (values["mutual_tls_authentication"] or [{}])[0].get(name) or ""


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
