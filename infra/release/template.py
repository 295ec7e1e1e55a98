#!/usr/bin/env python3
"""The template of a release: template.yaml, with the function's code in a bucket instead of built beside it.

usage: template.py template.yaml ARCHIVE ARCHITECTURE

It is JSON. CloudFormation refuses the aliases of YAML, with which template.yaml says a thing once: SAM writes them out when it
deploys.
"""

import json
import sys

import yaml

BUCKET = {
    "Type": "String",
    "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "ConstraintDescription": "the name of a bucket",
    "Description": "The bucket, in the region of the stack, that has the function's archive.",
}


class Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def function(loader, name, node):
    name = name if name in ("Ref", "Condition") else f"Fn::{name}"
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
        return {name: argument.split(".", 1) if name == "Fn::GetAtt" else argument}
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: construct(node, deep=True)}


Loader.add_multi_constructor("!", function)
# A version of CloudFormation's or IAM's looks like a date.
Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_str)


def of_release(text, archive, architecture):
    template = yaml.load(text, Loader)
    parameters = template["Parameters"]
    parameters["Architecture"].update(Default=architecture, AllowedValues=[architecture])
    template["Parameters"] = {"CodeBucket": BUCKET, **parameters}
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups[0]["Parameters"].insert(0, "CodeBucket")
    resource = template["Resources"]["PassgrantFunction"]
    # How `sam build` makes the function, which is built already.
    del resource["Metadata"]["BuildMethod"]
    # Not a parameter: CloudFormation would keep the value of the release before.
    resource["Properties"]["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": archive}
    return template


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        json.dump(of_release(file.read(), *sys.argv[2:]), sys.stdout, indent=1, ensure_ascii=False)
    print()
