"""The template as CloudFormation would see it: transformed, and resolved for given parameters.

What only AWS knows stays a symbol: "<ClientsTable>" for a reference, "<ClientsTable.Arn>" for an attribute.
"""

import copy
import functools
import json
import logging
import os
import re
from pathlib import Path

# The translator warns of its own statistics, each time.
logging.disable(logging.WARNING)
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.public.translator import ManagedPolicyLoader  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "passgrant-check",
}
NO_VALUE = object()


def source():
    """The template as it is written."""
    return copy.deepcopy(_parsed())


@functools.cache
def _parsed():
    return yaml_parse(TEMPLATE.read_text())


class Stack:
    """A stack of the template with these parameters, and the template's defaults for all others."""

    def __init__(self, parameters):
        template = source()
        declared = template["Parameters"]
        unknown = set(parameters) - set(declared)
        assert not unknown, f"no such parameters: {unknown}"
        self.parameters = {name: str(parameters.get(name, spec.get("Default"))) for name, spec in declared.items()}
        unset = [name for name, spec in declared.items() if name not in parameters and "Default" not in spec]
        assert not unset, f"no value and no default: {unset}"

        # What `sam deploy` puts in place of the folder.
        for resource in template["Resources"].values():
            if "CodeUri" in resource.get("Properties", {}):
                resource["Properties"]["CodeUri"] = "s3://packages/bootstrap.zip"
        self.template = transform(template, dict(self.parameters), ManagedPolicyLoader(None))
        all_resources = self.template["Resources"]
        self.resources = {n: dict(r) for n, r in all_resources.items() if self._condition(r.get("Condition"))}
        for resource in self.resources.values():
            resource["Properties"] = self.resolve(resource.get("Properties", {}))

    def of_type(self, kind):
        """The resources of a type, such as AWS::KMS::Key, by logical id."""
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def properties(self, name):
        """The properties of a resource that the stack has."""
        return self.resources[name]["Properties"]

    def broken_rules(self):
        """What the rules say to these parameters."""
        broken = []
        for rule in self.template["Rules"].values():
            if "RuleCondition" in rule and not self._truth(rule["RuleCondition"]):
                continue
            broken += [a["AssertDescription"] for a in rule["Assertions"] if not self._truth(a["Assert"])]
        return broken

    def resolve(self, value):
        if isinstance(value, list):
            return [r for r in map(self.resolve, value) if r is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function == "Ref":
                return self._reference(argument)
            if function.startswith("Fn::"):
                return getattr(self, "_" + function[4:].lower())(argument)
        resolved = {name: self.resolve(member) for name, member in value.items()}
        return {name: member for name, member in resolved.items() if member is not NO_VALUE}

    def _reference(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self.parameters:
            return self.parameters[name]
        assert name in self.resources, f"{name} is referred to, and is not in the stack"
        properties = self.template["Resources"][name].get("Properties", {})
        if self.resources[name]["Type"] in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = self.resolve(properties["FunctionName"])
            qualifier = properties.get("Name", f"<{name}>")
            return f"arn:aws:lambda:us-east-1:123456789012:function:{function}:{qualifier}"
        # The reference to a log group is its name, which the template sets.
        return self.resolve(properties["LogGroupName"]) if "LogGroupName" in properties else f"<{name}>"

    def _getatt(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        assert name in self.resources, f"{name} is referred to, and is not in the stack"
        if self.resources[name]["Type"] == "AWS::Logs::LogGroup" and attribute == "Arn":
            return self.resolve({"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:${%s}:*" % name})
        return f"<{name}.{attribute}>"

    def _sub(self, argument):
        text, given = argument if isinstance(argument, list) else (argument, {})
        given = self.resolve(given)
        one = lambda name: given[name] if name in given else self._getatt(name) if "." in name else self._reference(name)
        return re.sub(r"\$\{([^!}]+)\}", lambda match: one(match[1]), text)

    def _join(self, argument):
        separator, parts = argument
        return separator.join(map(str, self.resolve(parts)))

    def _split(self, argument):
        separator, text = argument
        return self.resolve(text).split(separator)

    def _select(self, argument):
        index, parts = argument
        return self.resolve(parts)[int(index)]

    def _findinmap(self, argument):
        name, first, second = map(self.resolve, argument)
        return self.template["Mappings"][name][first][second]

    def _if(self, argument):
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _condition(self, name):
        return name is None or self._truth(self.template["Conditions"][name])

    def _truth(self, expression):
        [(function, argument)] = expression.items()
        if function == "Condition":
            return self._condition(argument)
        if function == "Fn::Equals":
            left, right = map(self.resolve, argument)
            return str(left) == str(right)
        if function == "Fn::Contains":
            return self.resolve(argument[1]) in argument[0]
        truths = [self._truth(part) for part in argument]
        return {"Fn::And": all, "Fn::Or": any, "Fn::Not": lambda one: not one[0]}[function](truths)


def statements(policy):
    """The statements of a policy by their Sid, each with lists for what may also be a string, in a fixed order."""
    policy = json.loads(policy) if isinstance(policy, str) else policy
    many = lambda value: sorted(map(str, value)) if isinstance(value, list) else [str(value)]
    found = {}
    for statement in policy["Statement"]:
        principal = statement.get("Principal", {})
        principal = principal if isinstance(principal, dict) else {"AWS": principal}
        plain = {
            "Effect": statement["Effect"],
            "Action": many(statement["Action"]),
            "Resource": many(statement.get("Resource", [])),
            "Principal": {kind: many(names) for kind, names in principal.items()},
            "Condition": {
                test: {key: many(values) for key, values in keys.items()}
                for test, keys in statement.get("Condition", {}).items()
            },
        }
        sid = statement.get("Sid", "")
        assert sid not in found, f"two statements {sid}"
        found[sid] = plain
    return found
