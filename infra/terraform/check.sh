#!/usr/bin/env bash
# Checks the Terraform module against moto, an emulation of the AWS APIs, on a loopback port: no account, no cost.
#
# Needs terraform, python3 and moto_server (PyPI: moto[server]) on PATH. The provider comes from the Terraform registry,
# or from the mirror that TF_CLI_CONFIG_FILE names.
#
# moto keeps what it is given and enforces none of it: this shows that the module is accepted, stable and removable, and
# that it says the same as template.yaml. It does not show that the policies allow what the function does.
set -euo pipefail

module=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
template=$module/../../template.yaml
scratch=$(mktemp -d)
moto=
passed=0

finish() {
    status=$?
    if [[ -n $moto ]]; then
        kill "$moto" 2>/dev/null || true
        wait "$moto" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    if ((status != 0)); then
        echo "terraform: $passed passed, 1 failed"
    fi
    exit "$status"
}
trap finish EXIT

# step NAME COMMAND...: silent when the command succeeds, all of its output when not.
step() {
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$scratch/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - began)) s)"
    else
        echo "FAILED  $name"
        cat "$scratch/log"
        exit 1
    fi
}

# The same settings and permissions in both deployments, whatever each calls the rest.
named() {
    grep -ohE '\b(PASSGRANT_[A-Z0-9_]+|(dynamodb|kms|logs|sts|lambda):[A-Z][A-Za-z]+|RSASSA_[A-Z0-9_]+|\$context\.[A-Za-z.]+)' "$@" | sort -u
}
same_as_template() { diff <(named "$template") <(named "$module"/*.tf); }

apply() { terraform apply -auto-approve "$@"; }
is_stable() { terraform plan -detailed-exitcode "$@"; }
refused() { ! terraform plan "$@"; }

# replaces_nothing VARS...: the plan creates and updates, but deletes nothing.
replaces_nothing() {
    terraform plan -out="$scratch/plan" "$@"
    terraform show -json "$scratch/plan" >"$scratch/plan.json"
    python3 - "$scratch/plan.json" <<'PYTHON'
import json, sys
changes = json.load(open(sys.argv[1]))["resource_changes"]
deleted = [change["address"] for change in changes if "delete" in change["change"]["actions"]]
sys.exit(f"would delete {deleted}" if deleted else 0)
PYTHON
}

# signers EXPECTED: the keys in the function's environment, as labels, in order.
signers() {
    terraform show -json >"$scratch/state.json"
    python3 - "$scratch/state.json" "$1" <<'PYTHON'
import json, sys
resources = json.load(open(sys.argv[1]))["values"]["root_module"]["resources"]
labels = {r["values"]["arn"]: r["index"] for r in resources if r["type"] == "aws_kms_key"}
function = next(r for r in resources if r["type"] == "aws_lambda_function")
keys = function["values"]["environment"][0]["variables"]["PASSGRANT_SIGNING_KEYS"]
found = ",".join(labels[key] for key in keys.split(","))
sys.exit(0 if found == sys.argv[2] else f"signing keys are {found}, expected {sys.argv[2]}")
PYTHON
}

retire_key_a() {
    apply -var 'signing_keys=["B"]' | tee "$scratch/apply.log"
    grep -oE '^aws_lambda_function.this: Modifications complete|^aws_kms_key.signing\["A"\]: Destroying' \
        "$scratch/apply.log" >"$scratch/order"
    [[ $(wc -l <"$scratch/order") == 2 && $(head -n 1 "$scratch/order") == aws_lambda_function* ]]
}

nothing_left() { [[ -z $(terraform state list) ]]; }

export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0
export TF_CLI_ARGS_init=-no-color TF_CLI_ARGS_validate=-no-color TF_CLI_ARGS_plan=-no-color
export TF_CLI_ARGS_apply=-no-color TF_CLI_ARGS_destroy=-no-color

# A copy: the state and the lock file of this check stay out of the repository.
mkdir "$scratch/module"
cp "$module"/*.tf "$scratch/module"
cd "$scratch/module"
python3 -c 'import zipfile; zipfile.ZipFile("bootstrap.zip", "w").writestr("bootstrap", "#!/bin/sh\n")'
cat >terraform.tfvars <<'TFVARS'
name                = "passgrant-check"
package_path        = "bootstrap.zip"
deletion_protection = false
tags                = { service = "passgrant" }
TFVARS
# moto forgets a function's logging configuration, so each plan would set it again.
cat >moto_override.tf <<'OVERRIDE'
resource "aws_lambda_function" "this" {
  lifecycle {
    ignore_changes = [logging_config]
  }
}
OVERRIDE

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
moto_server --host 127.0.0.1 --port "$port" >"$scratch/moto.log" 2>&1 &
moto=$!
listens() {
    for _ in {1..150}; do
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        kill -0 "$moto" || break
        sleep 0.2
    done
    cat "$scratch/moto.log"
    return 1
}

certificate=arn:aws:acm:us-east-1:123456789012:certificate/6d2d7b1c-7a0f-4c7e-9d53-4a1f2b8e9c10

step "format" terraform fmt -check -diff "$module"
step "same settings and permissions as template.yaml" same_as_template
step "init" terraform init
step "validate" terraform validate
step "moto listens" listens
step "apply" apply
step "second plan is empty" is_stable
step "key A signs" signers A
step "a second key replaces nothing" replaces_nothing -var 'signing_keys=["A","B"]'
step "publish key B" apply -var 'signing_keys=["A","B"]'
step "key A still signs" signers A,B
step "sign with key B" apply -var 'signing_keys=["B","A"]'
step "key B signs, key A is published" signers B,A
step "retire key A, after the function let go of it" retire_key_a
step "plan after the rotation is empty" is_stable -var 'signing_keys=["B"]'
step "a domain name without a certificate is refused" refused -var domain_name=login.example.com
# No apply: moto never makes a domain name available.
step "a domain name replaces nothing" replaces_nothing -var 'signing_keys=["B"]' \
    -var domain_name=login.example.com -var "certificate_arn=$certificate"
step "destroy" terraform destroy -auto-approve
step "nothing is left" nothing_left
echo "terraform: $passed passed, 0 failed"
