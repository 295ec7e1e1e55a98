#!/usr/bin/env python3
"""What is deployed, as JSON: the function's environment and role, the tables and the keys, for a test that runs it.

    deployment.py PARAMETER=VALUE...   from template.yaml
    deployment.py --plan PLAN.json...  from the Terraform module; the plans are those of `terraform show -json`

What only AWS knows is a symbol in both, as in "<ClientsTable.Arn>".
"""

import json
import sys

from cloudformation import Stack
from same_values import Plans, of_plans, of_template


def symbol(description):
    """The symbol of the key with this description, which ends in its slot if it signs."""
    slot = description.rpartition("(")[2].rstrip(")")
    return f"<SigningKey{slot}.Arn>" if description.startswith("Signs ") else "<EnvelopeKey.Arn>"


def environment(variables):
    """The variables as the function has them. The comparison reads the verifiers, and has their switches as text."""
    if verifiers := variables.get("PASSGRANT_DELEGATED_VERIFIERS"):
        verifiers = [{name: value == "true" if name == "import" else value for name, value in v.items()} for v in verifiers]
        variables = {**variables, "PASSGRANT_DELEGATED_VERIFIERS": json.dumps(verifiers)}
    return variables


def main(arguments):
    if arguments[:1] == ["--plan"]:
        found = of_plans(Plans([json.load(open(path)) for path in arguments[1:]]))
    else:
        stack = Stack(dict(argument.split("=", 1) for argument in arguments))
        broken = stack.broken_rules()
        assert not broken, broken
        found = of_template(stack)
    deployment = {
        "timeout": int(found["function"]["timeout"]),
        "environment": environment(found["environment"]),
        "role": found["role"]["policy"],
        "tables": found["tables"],
        "keys": {symbol(description): key for description, key in found["keys"].items()},
    }
    # A value that no plan knows cannot be deployed: it is not serialised.
    json.dump(deployment, sys.stdout, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
