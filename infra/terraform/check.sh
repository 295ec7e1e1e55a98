#!/usr/bin/env bash
# Checks the Terraform module against moto, an emulation of the AWS APIs, on a loopback port: no account, no cost.
#
# Needs terraform, python3 and moto_server on PATH, and for python3 the translator of SAM (PyPI: moto[server],
# aws-sam-translator). The provider comes from the mirror that TF_CLI_CONFIG_FILE names; if it names no file, from a mirror
# under /opt, or else from the Terraform registry.
#
# moto stores what it is given and enforces little: this shows that the module is accepted, stable and removable, and that it
# has the same settings and permissions as template.yaml. It does not show that the policies allow what the function does.
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

# step NAME COMMAND...: silent if the command succeeds; prints all of its output if not.
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

# Both deployments must name the same settings and permissions. Terraform numbers the secrets of delegated verifiers; the
# template has three. Only the template has CodeDeploy, which may move the alias.
named() {
    grep -ohE '\b(PASSGRANT_[A-Z0-9_]+|(dynamodb|kms|logs|sts|lambda):[A-Z][A-Za-z]+|(RSASSA|ECDSA|ED25519|HMAC)_[A-Z0-9_]*SHA_[0-9]+|\$context\.[A-Za-z.]+)' "$@" |
        sed -E 's/^(PASSGRANT_DELEGATED_SECRET_).*/\1/' |
        grep -vxE 'lambda:(GetAlias|GetProvisionedConcurrencyConfig|UpdateAlias)' | sort -u
}
same_as_template() { diff <(named "$template") <(named "$module"/*.tf); }

# same_values VARS... -- PARAMETER=VALUE...: the module deploys with VARS, on top of what is there, what the template deploys
# with these parameters. What was planned before anything was there says what moto has forgotten. The template has no switch for
# tables that survive although they are not protected, since its tables always do: hence delete_users.
same_values() {
    local vars=() created=${created:-$scratch/created.json}
    while [[ $1 != -- ]]; do
        vars+=("$1")
        shift
    done
    terraform plan -refresh=false -out="$scratch/plan" "${vars[@]}" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    [[ -s $created ]] || cp "$scratch/plan.json" "$created"
    shift
    python3 "$module/../check/same_values.py" "$scratch/plan.json" "$created" -- DeletionProtection=false "$@" |
        tee "$scratch/compared" || return
    if [[ ${all_known:-} ]]; then
        grep -x 'not known, and not compared: nothing' "$scratch/compared"
    fi
}
# In another deployment, of which there is nothing yet.
same_values_anew() {
    local created=$scratch/anew.json
    same_values -state="$scratch/nothing.tfstate" "$@"
}
all_same_values() { all_known=yes same_values "$@"; }
# Lest the comparison compare nothing.
notices_another_value() {
    ! same_values -- SigningKeys=A MemorySize=1024 && grep -qF '/function/memory: template.yaml has 1024, Terraform 1769' "$scratch/log"
}

# without_keys: nothing is planned for whoever leaves out which keys sign.
without_keys() {
    mv keys.auto.tfvars "$scratch/keys"
    local status=0
    refused 'No value for required variable' || status=$?
    mv "$scratch/keys" keys.auto.tfvars
    return "$status"
}

# destroy_keeps ADDRESS...: destroying fails, and leaves only what DynamoDB refused to delete.
destroy_keeps() {
    if terraform destroy -auto-approve; then
        return 1
    fi
    diff <(printf '%s\n' "$@") <(terraform state list | grep -v '^data\.' | sort)
}

# still_there TABLE...: no more and no fewer.
still_there() {
    python3 - "$@" <<'PYTHON'
import boto3, os, sys

client = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])
found = client.list_tables()["TableNames"]
sys.exit(0 if sorted(found) == sorted(sys.argv[1:]) else f"found {found}")
PYTHON
}

# moto has no composite alarms: they are planned, and compared, but not made.
apply() {
    local status=0
    printf 'resource "aws_cloudwatch_composite_alarm" "this" {\n  for_each = {}\n}\n' >composite_override.tf
    terraform apply -auto-approve "$@" || status=$?
    rm composite_override.tf
    return "$status"
}
is_stable() { terraform plan -detailed-exitcode "$@"; }

# refused REASON VARS...: Terraform refuses to plan, for this reason.
refused() {
    local reason=$1
    shift
    if terraform plan -refresh=false "$@" >"$scratch/refusal" 2>&1; then
        cat "$scratch/refusal"
        return 1
    fi
    # Joined to one line, since Terraform may break the lines of a reason anywhere.
    sed 's/│//g' "$scratch/refusal" | tr -s ' \n' ' ' | grep -F "$reason"
}

# replaces_nothing VARS...: the plan creates and updates, but deletes nothing.
replaces_nothing() {
    terraform plan -refresh=false -out="$scratch/plan" "$@" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" <<'PYTHON'
import json, sys
changes = json.load(open(sys.argv[1]))["resource_changes"]
deleted = [change["address"] for change in changes if "delete" in change["change"]["actions"]]
sys.exit(f"would delete {deleted}" if deleted else 0)
PYTHON
}

# deployed KEYS USERS: KEYS are the keys in the function's environment, in order, as label=spec, as label=spec=algorithm if the
# key is bound to one, or as the ARN of a key that the module did not create. USERS is what the function's role may do with the
# users table.
deployed() {
    python3 - "$@" <<'PYTHON'
import json, sys

state = {r["type"] + "." + r["name"]: r["instances"] for r in json.load(open("terraform.tfstate"))["resources"]}
made = {key["attributes"]["arn"]: key["index_key"] + "=" + key["attributes"]["customer_master_key_spec"]
        for key in state.get("aws_kms_key.signing", [])}
[function], [users] = state["aws_lambda_function.this"], state["aws_dynamodb_table.users"]
[policy] = state["aws_iam_role_policy.function"]
keys = function["attributes"]["environment"][0]["variables"]["PASSGRANT_SIGNING_KEYS"].split(",")

allowed = {}
for statement in json.loads(policy["attributes"]["policy"])["Statement"]:
    resources, actions = ([v] if isinstance(v, str) else v for v in (statement["Resource"], statement["Action"]))
    for resource in resources:
        allowed.setdefault(resource, set()).update(actions)
asked = {"kms:DescribeKey", "kms:GenerateMac", "kms:GetPublicKey", "kms:Sign", "kms:VerifyMac"}
listed = []
for arn, _, algorithm in (key.partition("=") for key in keys):
    if arn.startswith("envelope:"):
        listed.append("=".join(filter(None, [arn, algorithm])))
        continue
    assert allowed[arn] == asked, (arn, allowed[arn])
    listed.append("=".join(filter(None, [made.get(arn, arn), algorithm])))
on_users = sorted(action.removeprefix("dynamodb:") for action in allowed[users["attributes"]["arn"]])

found = [" ".join(listed), " ".join(on_users)]
sys.exit(0 if found == sys.argv[1:] else f"found {found}, expected {sys.argv[1:]}")
PYTHON
}

retire_key_a() {
    apply "${b_alone[@]}" | tee "$scratch/apply.log"
    grep -oE '^aws_lambda_function.this: Modifications complete|^aws_kms_key.signing\["A"\]: Destroying' \
        "$scratch/apply.log" >"$scratch/order"
    [[ $(wc -l <"$scratch/order") == 2 && $(head -n 1 "$scratch/order") == aws_lambda_function* ]]
}

# delegates: the verifier and its secret are in the function's environment, and the plan did not show the secret.
delegates() {
    python3 - "$secret" <<'PYTHON' || return
import json, sys

resources = json.load(open("terraform.tfstate"))["resources"]
[function] = next(r["instances"] for r in resources if r["type"] == "aws_lambda_function")
variables = function["attributes"]["environment"][0]["variables"]
[verifier] = json.loads(variables["PASSGRANT_DELEGATED_VERIFIERS"])
assert variables["PASSGRANT_AUTH_CHAINS"] == "migrating=directory,legacy", variables["PASSGRANT_AUTH_CHAINS"]
assert verifier["import"] is True and set(verifier) == {"name", "url", "secret_env", "import"}, verifier
assert variables[verifier["secret_env"]] == sys.argv[1], verifier
PYTHON
    [[ -s $scratch/delegation.log ]] && ! grep -q "$secret" "$scratch/delegation.log"
}

# in_service VERSION WEIGHT VARS...: the alias has this version, and the newest one this part of the requests.
in_service() {
    local version=$1 weight=$2
    shift 2
    terraform plan -refresh=false -out="$scratch/plan" "$@" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" "$version" "$weight" <<'PYTHON'
import json, sys

plan = json.load(open(sys.argv[1]))
after = {r["address"]: r["values"] for r in plan["planned_values"]["root_module"]["resources"]}
alias, newest = after["aws_lambda_alias.live"], after["aws_lambda_function.this"]["version"]
weights = alias["routing_config"][0]["additional_version_weights"] if alias["routing_config"] else {}
expected = {newest: float(sys.argv[3])} if sys.argv[3] != "0" else {}
assert newest != "$LATEST" and alias["function_version"] == (sys.argv[2] or newest), (alias, newest)
assert weights == expected, weights
PYTHON
}

# asks_first: the newest version is asked what template.yaml has CodeDeploy ask, and the alias waits for its answer.
asks_first() {
    terraform plan -refresh=false -out="$scratch/plan" -var deployment_check=true || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" "$(cd "$module/../check" && pwd)" <<'PYTHON'
import json, sys

sys.path.insert(0, sys.argv[2])
from cloudformation import Stack

plan = json.load(open(sys.argv[1]))
after = {r["address"]: r["values"] for r in plan["planned_values"]["root_module"]["resources"]}
asked, newest = after["aws_lambda_invocation.check[0]"], after["aws_lambda_function.this"]["version"]
stack = Stack({"SigningKeys": "A", "DeploymentPreference": "CheckedAllAtOnce"})
event = json.loads(stack.properties("DeploymentCheck")["Environment"]["Variables"]["EVENT"])
assert json.loads(asked["input"]) == event, asked
assert (asked["qualifier"], asked["triggers"]) == (newest, {"version": newest}), asked
alias = next(r for r in plan["configuration"]["root_module"]["resources"] if r["address"] == "aws_lambda_alias.live")
assert "aws_lambda_invocation.check" in alias["depends_on"], alias
PYTHON
}

# publishes VARS...: what changes the environment publishes a version, and the alias follows.
publishes() {
    terraform plan -refresh=false -out="$scratch/plan" "$@" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" <<'PYTHON'
import json, sys

changes = {r["address"]: r["change"] for r in json.load(open(sys.argv[1]))["resource_changes"]}
assert changes["aws_lambda_function.this"]["after_unknown"].get("version"), changes["aws_lambda_function.this"]
assert changes["aws_lambda_alias.live"]["after_unknown"].get("function_version"), changes["aws_lambda_alias.live"]
PYTHON
}

# takes_secret: the verifier's secret is the one in Secrets Manager, and the plan does not show it.
takes_secret() {
    local arn
    arn=$(python3 - "$secret" <<'PYTHON'
import boto3, os, sys

client = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])
print(client.create_secret(Name="legacy-verifier", SecretString=sys.argv[1])["ARN"])
PYTHON
    ) || return
    terraform plan -refresh=false -out="$scratch/plan" "${mac_and_delegation[@]}" \
        -var "delegated_secret_arns={\"legacy\"=\"$arn\"}" >"$scratch/secret.log" || return
    ! grep -q "$secret" "$scratch/secret.log" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" "$secret" <<'PYTHON'
import json, sys

plan = json.load(open(sys.argv[1]))
after = {r["address"]: r["values"] for r in plan["planned_values"]["root_module"]["resources"]}
assert after["aws_lambda_function.this"]["environment"][0]["variables"]["PASSGRANT_DELEGATED_SECRET_1"] == sys.argv[2]
PYTHON
}

# unwraps: the function's role, and nobody else, may have keys unwrapped, those of its issuer only, by the key that it is told.
unwraps() {
    python3 - <<'PYTHON'
import json

state = {r["type"] + "." + r["name"]: r["instances"] for r in json.load(open("terraform.tfstate"))["resources"]}
[function], [wrapping] = state["aws_lambda_function.this"], state["aws_kms_key.wrapping"]
[policy], [role] = state["aws_iam_role_policy.function"], state["aws_iam_role.function"]
arn, variables = wrapping["attributes"]["arn"], function["attributes"]["environment"][0]["variables"]
assert variables["PASSGRANT_WRAPPING_KEY"] == arn, variables
own = {"StringEquals": {"kms:EncryptionContext:purpose": "passgrant-signing-key",
                        "kms:EncryptionContext:issuer": variables["PASSGRANT_ISSUER"]}}
of_role = [s for s in json.loads(policy["attributes"]["policy"])["Statement"] if s["Resource"] == arn]
assert [(s["Action"], s["Condition"]) for s in of_role] == [("kms:Decrypt", own)], of_role
of_key = {s["Sid"]: s for s in json.loads(wrapping["attributes"]["policy"])["Statement"]}
unwrap, nobody = of_key["UnwrapKeys"], of_key["NobodyElseUnwraps"]
function_alone = {"ArnEquals": {"aws:PrincipalArn": role["attributes"]["arn"]}}
assert (unwrap["Action"], unwrap["Condition"]) == ("kms:Decrypt", {**own, **function_alone}), unwrap
assert unwrap["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}, unwrap
assert nobody["Effect"] == "Deny" and "kms:Decrypt" in nobody["Action"], nobody
assert of_key["WrapThroughIam"]["Condition"] == own, of_key["WrapThroughIam"]
allowed = [s["Sid"] for s in of_key.values() if s["Effect"] == "Allow" and "kms:Decrypt" in s["Action"]]
assert allowed == ["UnwrapKeys"], allowed
PYTHON
}

# tables NAME=KEY...: tables that are there already, with TTL on expires_at where the key is `id`.
tables() {
    python3 - "$@" <<'PYTHON'
import os, sys

import boto3

dynamodb = boto3.client("dynamodb", region_name=os.environ["AWS_REGION"], endpoint_url=os.environ["AWS_ENDPOINT_URL"])
for name, key in (table.split("=") for table in sys.argv[1:]):
    dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                          KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}])
    if key == "id":
        ttl = {"Enabled": True, "AttributeName": "expires_at"}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
PYTHON
}

# adopts VARS...: the function, its role and the outputs have the tables and the key of VARS, and none is created.
adopts() {
    terraform plan -refresh=false -out="$scratch/plan" "$@" || return
    terraform show -json "$scratch/plan" >"$scratch/plan.json" || return
    python3 - "$scratch/plan.json" "$foreign_key" <<'PYTHON'
import json, sys

plan = json.load(open(sys.argv[1]))
after = {r["address"]: r["change"]["after"] for r in plan["resource_changes"]}
variables = after["aws_lambda_function.this"]["environment"][0]["variables"]
statements = json.loads(after["aws_iam_role_policy.function"]["policy"])["Statement"]
resources = {r for s in statements for r in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])}
for kind in ("clients", "users", "tokens"):
    assert after[f"aws_dynamodb_table.{kind}[0]"] is None, f"{kind} stay"
    assert variables[f"PASSGRANT_{kind.upper()}_TABLE"] == f"restored-{kind}", variables
    assert plan["planned_values"]["outputs"][f"{kind}_table"]["value"] == f"restored-{kind}", kind
    assert f"arn:aws:dynamodb:us-east-1:123456789012:table/restored-{kind}" in resources, resources
assert after.get("aws_kms_key.wrapping[0]") is None, "the wrapping key stays"
assert variables["PASSGRANT_WRAPPING_KEY"] == sys.argv[2], variables
assert plan["planned_values"]["outputs"]["wrapping_key_arn"]["value"] == sys.argv[2]
assert [s["Sid"] for s in statements if s["Resource"] == sys.argv[2]] == ["UnwrapKeys"], statements
PYTHON
}

# stopping_values: what the service refuses, the module refuses, all of it in one plan. tests/it/deployment_values.rs has the
# limits of each variable.
stopping_values() {
    local values=(attempts_window=48h client_cache=2h 'cors_origins=["https://App.example.com"]' issuer=https://ID.example.com
        attempts_limit=1.5 attempts_source_names=0.5 'attempts_spared_networks=["192.0.2.0/33"]' trusted_hops=6
        argon2_memory_kib=8.5 argon2_iterations=65 'envelope_keys=["envelope:a=RS999"]'
        'published_envelope_keys=["envelope:A"]' default_scope='a  b' empty_scope='"' domain_name=login.example.1
        'auth_chains={"a"=["directory","directory"]}' auth_chain=Directory log_level=trace users_table_name=ab
        password_range_url=https://ranges.example wrapping_key_arn=alias/a 'origin_secrets=["short"]'
        'delegated_verifiers=[{"name"="a","url"="http://a.example"}]')
    local vars=() value
    for value in "${values[@]}"; do
        vars+=(-var "$value")
    done
    refused "Invalid value for variable" "${vars[@]}" >/dev/null
    for value in "${values[@]}"; do
        if ! grep -qE "variable \"${value%%=*}\"" "$scratch/refusal"; then
            echo "$value was not refused"
            cat "$scratch/refusal"
            return 1
        fi
    done
}

nothing_left() { [[ -z $(terraform state list) ]]; }

export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_INPUT=0
export TF_CLI_ARGS_init=-no-color TF_CLI_ARGS_validate=-no-color TF_CLI_ARGS_plan=-no-color
export TF_CLI_ARGS_apply=-no-color TF_CLI_ARGS_destroy=-no-color

if [[ ! -f ${TF_CLI_CONFIG_FILE:-} ]]; then
    provider=$(find /opt -path '*/registry.terraform.io/hashicorp/aws/*' -name 'terraform-provider-aws_*' -print -quit 2>/dev/null || true)
    if [[ -n $provider ]]; then
        printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' \
            "${provider%/registry.terraform.io/*}" >"$scratch/terraformrc"
        export TF_CLI_CONFIG_FILE=$scratch/terraformrc
    fi
fi

# A copy, so that the state of this check stays out of the repository.
mkdir "$scratch/module"
cp "$module"/*.{tf,json,py} "$module/.terraform.lock.hcl" "$scratch/module"
cd "$scratch/module"
python3 -c 'import zipfile; zipfile.ZipFile("bootstrap.zip", "w").writestr("bootstrap", "#!/bin/sh\n")'
cat >terraform.tfvars <<'TFVARS'
name                = "passgrant-check"
package_path        = "bootstrap.zip"
deletion_protection = false
tags                = { service = "passgrant" }
TFVARS
echo 'signing_keys = ["A"]' >keys.auto.tfvars
echo 'delete_users = true' >users.auto.tfvars
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

foreign_key=arn:aws:kms:us-east-1:210987654321:key/0c5b3a0e-6f6e-4a43-9a0c-3b1a0d8f5e77
code_signing=arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0
topic=arn:aws:sns:us-east-1:123456789012:security
login_secret=arn:aws:secretsmanager:us-east-1:123456789012:secret:synthetic-login-AbCdEf
secret=the-shared-secret-of-this-check-alone
restored=(restored-clients restored-users restored-tokens)
adopted=(-var clients_table_name=restored-clients -var users_table_name=restored-users
    -var tokens_table_name=restored-tokens -var "wrapping_key_arn=$foreign_key")

b_is_ec=(-var 'signing_key_specs={"A"="RSA_2048","B"="ECC_NIST_P256"}')
b_signs=(-var 'signing_keys=["B"]' -var signing_algorithm=ES256)
b_alone=(-var 'signing_key_specs={"B"="ECC_NIST_P256"}' "${b_signs[@]}")
mac_and_delegation=(-var 'signing_keys=["C"]' -var 'signing_key_specs={"C"="HMAC_256"}' -var signing_algorithm=HS256
    -var "published_key_arns=[\"$foreign_key\"]"
    -var auth_chain=migrating -var 'auth_chains={"migrating"=["directory","legacy"]}'
    -var 'delegated_verifiers=[{"name"="legacy","url"="https://login.example.com/verify","import"=true}]')
# Every setting that the comparisons above and below leave at its default.
everything=(-var architecture=arm64 -var memory_size=1024 -var domain_name=login.example.com
    -var "certificate_arn=$certificate" -var hosted_zone_id=Z0123456789ABC -var execute_api_endpoint=false
    -var issuer=https://example.com/auth -var default_scope='profile orders.read' -var empty_scope=none
    -var 'cors_origins=["https://app.example.com","https://other.example.com:8443"]' -var username_profile=case_preserved
    -var password_range_url=https://api.pwnedpasswords.com/range/ -var password_range_at_login=refuse
    -var password_grant=false -var attempts_limit=5 -var attempts_window=30m -var attempts_source_names=250
    -var 'attempts_spared_networks=["192.0.2.0/24","2001:db8::/32"]' -var trusted_hops=1
    -var "origin_secrets=[\"$secret\",\"another-$secret\"]" -var detailed_errors=false
    -var reserved_concurrency=50 -var provisioned_concurrency=2 -var "log_key_arn=$foreign_key"
    -var "environment_key_arn=$foreign_key" -var "code_signing_config_arn=$code_signing"
    -var client_cache=0s -var argon2_memory_kib=65536 -var argon2_iterations=3 -var throttle_rate=500
    -var throttle_burst=600 -var verifier_throttle_rate=1000 -var log_level=debug -var log_retention_days=365 -var audit_retention_days=731
    -var otlp_endpoint=http://127.0.0.1:4318 -var otlp_ratio=0.05
    -var alert_email=security@example.com -var "alert_topic_arn=$topic" -var availability_objective=99.95
    -var latency_objective=500 -var locks_alarm=50 -var monthly_budget=250 -var dashboard=true
    -var "synthetic_login_secret_arn=$login_secret" -var 'multi_region_keys=["B"]')
everything_in_template=(Architecture=arm64 MemorySize=1024 DomainName=login.example.com
    "CertificateArn=$certificate" HostedZoneId=Z0123456789ABC ExecuteApiEndpoint=off
    Issuer=https://example.com/auth DefaultScope='profile orders.read' EmptyScope=none
    CorsOrigins=https://app.example.com,https://other.example.com:8443 UsernameProfile=case_preserved
    PasswordRangeUrl=https://api.pwnedpasswords.com/range/ PasswordRangeAtLogin=refuse
    PasswordGrant=off AttemptsLimit=5 AttemptsWindow=30m AttemptsSourceNames=250
    AttemptsSparedNetworks=192.0.2.0/24,2001:db8::/32 TrustedHops=1
    "OriginSecrets=$secret,another-$secret" DetailedErrors=off
    ReservedConcurrency=50 ProvisionedConcurrency=2 "LogKeyArn=$foreign_key"
    "EnvironmentKeyArn=$foreign_key" "CodeSigningConfigArn=$code_signing"
    ClientCache=0s Argon2MemoryKiB=65536 Argon2Iterations=3 ThrottleRate=500
    ThrottleBurst=600 VerifierThrottleRate=1000 LogLevel=debug LogRetentionDays=365 AuditRetentionDays=731
    OtlpEndpoint=http://127.0.0.1:4318 OtlpRatio=0.05
    AlertEmail=security@example.com "AlertTopicArn=$topic" AvailabilityObjective=99.95
    LatencyObjective=500 LocksAlarm=50 MonthlyBudget=250 Dashboard=on
    "SyntheticLoginSecretArn=$login_secret" MultiRegionKeys=B)
told=(-var alert_email=security@example.com -var "alert_topic_arn=$topic" -var dashboard=true)
told_in_template=(AlertEmail=security@example.com "AlertTopicArn=$topic" Dashboard=on)
import_users() {
    apply "${mac_and_delegation[@]}" -var "delegated_secrets={\"legacy\"=\"$secret\"}" | tee "$scratch/delegation.log"
}

step "format" terraform fmt -check -diff "$module"
step "same settings and permissions as template.yaml" same_as_template
step "init, with the providers of the lock file" terraform init -lockfile=readonly
step "validate" terraform validate
step "moto listens" listens
step "nothing is planned without saying which keys sign" without_keys
step "the plan has the values of template.yaml" same_values -- SigningKeys=A
step "apply" apply
step "all values are those of template.yaml" all_same_values -- SigningKeys=A
step "another value is noticed" notices_another_value
step "second plan is empty" is_stable
step "key A signs with RS256 only, the function creates no user" deployed A=RSA_2048=RS256 "GetItem UpdateItem"
step "requests go to the newest version" in_service "" 0
step "a change of a setting publishes a version" publishes -var log_level=debug
step "requests stay with another version" in_service 7 0 -var live_version=7
step "the newest version has a tenth of the requests" in_service 7 0.1 -var live_version=7 -var canary_weight=0.1
step "a part of the requests without a version for the others is refused" \
    refused "canary_weight needs live_version" -var canary_weight=0.1
step "a part that is more than all is refused" refused "canary_weight is a number from 0 to 1." -var canary_weight=2
step "a version that is none is refused" refused "live_version is the number of a version." -var live_version=live
step "a new version has to sign before it gets a request, if so asked" asks_first
step "a second key replaces nothing" replaces_nothing "${b_is_ec[@]}" -var 'signing_keys=["A","B"]'
step "publish key B, for ECDSA" apply "${b_is_ec[@]}" -var 'signing_keys=["A","B"]'
step "key A still comes first" deployed "A=RSA_2048=RS256 B=ECC_NIST_P256" "GetItem UpdateItem"
step "an algorithm that no key fits is refused" \
    refused "No key of signing_keys fits signing_algorithm." -var signing_algorithm=ES256
step "an algorithm that no key is bound to is refused" \
    refused "No key of signing_keys fits signing_algorithm." -var signing_algorithm=PS256 \
    -var 'signing_key_algorithms={"A"="RS256"}'
step "a key of another kind is bound to no algorithm of RSA" \
    refused "signing_key_algorithms is for RSA keys." "${b_is_ec[@]}" -var 'signing_keys=["A","B"]' \
    -var 'signing_key_algorithms={"B"="RS256"}'
step "sign with key B" apply "${b_is_ec[@]}" -var 'signing_keys=["B","A"]' -var signing_algorithm=ES256 \
    -var 'signing_key_algorithms={"A"="RS256"}'
step "key B comes first, key A is published as before" \
    deployed "B=ECC_NIST_P256 A=RSA_2048=RS256" "GetItem UpdateItem"
step "all values are those of template.yaml, with two keys" all_same_values "${b_is_ec[@]}" -var 'signing_keys=["B","A"]' \
    -var signing_algorithm=ES256 -var 'signing_key_algorithms={"A"="RS256"}' \
    -- SigningKeys=B,A SigningKeySpecB=ECC_NIST_P256 SigningAlgorithm=ES256 SigningKeyAlgorithmA=RS256
step "tell somebody, by e-mail and through a topic" apply "${b_is_ec[@]}" -var 'signing_keys=["B","A"]' \
    -var signing_algorithm=ES256 "${told[@]}"
step "all values are those of template.yaml, when somebody is told" all_same_values "${b_is_ec[@]}" \
    -var 'signing_keys=["B","A"]' -var signing_algorithm=ES256 "${told[@]}" -- SigningKeys=B,A \
    SigningKeySpecB=ECC_NIST_P256 SigningAlgorithm=ES256 SigningKeyAlgorithmA=default "${told_in_template[@]}"
step "a topic that is none is refused" refused "alert_topic_arn is the ARN of an SNS topic." -var alert_topic_arn=security
step "an address that is none is refused" refused "alert_email is an e-mail address." -var alert_email=security
step "a budget that nobody hears of is refused" refused "monthly_budget needs alert_email or alert_topic_arn." \
    "${b_is_ec[@]}" -var 'signing_keys=["B","A"]' -var signing_algorithm=ES256 -var monthly_budget=20
step "an objective that nobody can miss is refused" \
    refused "availability_objective is a percentage from 90 to 99.999." -var availability_objective=100
step "a secret that is none is refused" refused "synthetic_login_secret_arn is the ARN of a secret" \
    -var synthetic_login_secret_arn=login
step "leave key A free" apply "${b_is_ec[@]}" -var 'signing_keys=["B","A"]' -var signing_algorithm=ES256 \
    -var 'signing_key_algorithms={"A"="any"}'
step "key A is bound to nothing" deployed "B=ECC_NIST_P256 A=RSA_2048" "GetItem UpdateItem"
step "a key that is taken off the list is kept" replaces_nothing "${b_is_ec[@]}" "${b_signs[@]}"
step "a key that nobody created cannot be listed" \
    refused "Each of signing_keys needs its spec in signing_key_specs." -var 'signing_keys=["B"]'
step "delete key A, after the function let go of it" retire_key_a
step "plan after the rotation is empty" is_stable "${b_alone[@]}"
step "a domain name without a certificate is refused" \
    refused "domain_name needs certificate_arn." "${b_alone[@]}" -var domain_name=login.example.com
step "a certificate without a domain name is refused" \
    refused "certificate_arn needs domain_name." "${b_alone[@]}" -var "certificate_arn=$certificate"
step "a certificate that is none is refused" \
    refused "certificate_arn is the ARN of an ACM certificate." -var domain_name=login.example.com -var certificate_arn=mine
step "a hosted zone without a domain name is refused" \
    refused "hosted_zone_id needs domain_name." "${b_alone[@]}" -var hosted_zone_id=Z0123456789ABC
step "closing the only host name is refused" \
    refused "would leave the API no host name." "${b_alone[@]}" -var execute_api_endpoint=false
step "a rate below one is refused" refused "throttle_rate is at least 1." -var throttle_rate=0
step "a burst that is not whole is refused" refused "throttle_burst is a whole number" -var throttle_burst=1.5
step "limits of verifiers below one are refused" refused "verifier_throttle_rate is a whole number" -var verifier_throttle_rate=0
step "a retention that CloudWatch Logs lacks is refused" refused "log_retention_days is one of" -var log_retention_days=31
step "and for the audit log" refused "audit_retention_days is one of" -var audit_retention_days=0
step "a malformed chain name is refused" refused "auth_chain is 1 to 64 small letters" -var auth_chain=Legacy
step "a malformed name in a chain is refused" refused "The name of a chain or of a verifier" \
    -var 'auth_chains={"migrating"=["directory","Legacy"]}'
step "another chain of the name directory is refused" refused "The chain directory is always there" \
    -var 'auth_chains={"directory"=["directory"]}'
step "a chain that does not exist is refused" \
    refused "auth_chain is directory or one of auth_chains." "${b_alone[@]}" -var auth_chain=migrating
step "a chain of a verifier that does not exist is refused" \
    refused "A verifier of auth_chains is directory or one of" "${b_alone[@]}" -var 'auth_chains={"m"=["legacy"]}'
# No apply: moto never makes a domain name available.
step "a domain name replaces nothing" replaces_nothing "${b_alone[@]}" \
    -var domain_name=login.example.com -var "certificate_arn=$certificate" -var hosted_zone_id=Z0123456789ABC
mutual_tls=(-var mutual_tls_domain_name=mtls.example.com -var "mutual_tls_certificate_arn=$certificate"
    -var mutual_tls_truststore_uri=s3://truststores/clients.pem)
step "a host name for mutual TLS without what checks certificates is refused" \
    refused "are given together or not at all." "${b_alone[@]}" -var mutual_tls_domain_name=mtls.example.com
step "mutual TLS at the host name of the keys is refused" refused "is another name than domain_name" "${b_alone[@]}" \
    "${mutual_tls[@]}" -var domain_name=mtls.example.com -var "certificate_arn=$certificate"
step "mutual TLS beside a component in front is refused" refused "nobody would be let in at" "${b_alone[@]}" \
    "${mutual_tls[@]}" -var "origin_secrets=[\"$secret\"]"
step "a truststore that is not in S3 is refused" refused "is the URI of an object in S3" \
    -var mutual_tls_truststore_uri=https://truststores/clients.pem
step "all values are those of template.yaml, with mutual TLS" same_values_anew "${b_alone[@]}" "${mutual_tls[@]}" \
    -var mutual_tls_truststore_version=v1 -var domain_name=login.example.com -var "certificate_arn=$certificate" \
    -var hosted_zone_id=Z0123456789ABC \
    -- SigningKeys=B SigningKeySpecB=ECC_NIST_P256 SigningAlgorithm=ES256 DomainName=login.example.com \
    "CertificateArn=$certificate" HostedZoneId=Z0123456789ABC MutualTlsDomainName=mtls.example.com \
    "MutualTlsCertificateArn=$certificate" MutualTlsTruststoreUri=s3://truststores/clients.pem MutualTlsTruststoreVersion=v1
step "every other value that is set is that of template.yaml" same_values_anew "${b_alone[@]}" "${everything[@]}" \
    -- SigningKeys=B SigningKeySpecB=ECC_NIST_P256 SigningAlgorithm=ES256 "${everything_in_template[@]}"
step "a delegated verifier without a secret is refused" \
    refused "Each of delegated_verifiers needs its secret" "${mac_and_delegation[@]}"
step "a secret that is not in Secrets Manager is refused" refused "delegated_secret_arns is ARNs of secrets" \
    -var "delegated_secret_arns={\"legacy\"=\"$topic\"}"
step "no instance at all is refused" refused "reserved_concurrency is a whole number" -var reserved_concurrency=0
step "half an instance is refused" refused "provisioned_concurrency is a whole number" -var provisioned_concurrency=0.5
step "an alias of a key is refused for the logs" refused "log_key_arn is the ARN of a KMS key" -var log_key_arn=alias/logs
step "an alias of a key is refused for the environment" \
    refused "environment_key_arn is the ARN of a KMS key" -var environment_key_arn=alias/environment
step "a code signing configuration that is none is refused" \
    refused "code_signing_config_arn is the ARN of" -var code_signing_config_arn=signed
step "sign with a MAC key, import users" import_users
step "a key of one's own follows, the function creates users" \
    deployed "C=HMAC_256 $foreign_key" "GetItem PutItem UpdateItem"
step "the verifier is told, its secret is not shown" delegates
step "all values are those of template.yaml, with a MAC key and delegation" all_same_values "${mac_and_delegation[@]}" \
    -var "delegated_secrets={\"legacy\"=\"$secret\"}" \
    -- SigningKeys=B SigningKeySpecB=HMAC_256 SigningAlgorithm=HS256 "PublishedKeyArns=$foreign_key" \
    AuthChain=migrating AuthChains=migrating=directory,legacy DelegatedImport=on "DelegatedSecrets=$secret" \
    'DelegatedVerifiers=[{"name":"legacy","url":"https://login.example.com/verify","import":true,"secret_env":"PASSGRANT_DELEGATED_SECRET_1"}]'
step "a secret from Secrets Manager reaches the function" takes_secret
step "wrapped keys without a key that wraps them are refused" \
    refused "envelope_keys and published_envelope_keys need wrapping_key or wrapping_key_arn." \
    -var 'envelope_keys=["envelope:main"]'
step "create a wrapping key, publish a wrapped key" apply -var wrapping_key=true \
    -var 'published_envelope_keys=["envelope:main-2026=RS256"]'
step "the wrapped key comes last" deployed "A=RSA_2048=RS256 envelope:main-2026=RS256" "GetItem UpdateItem"
step "the function may have its own keys unwrapped, and nobody else may" unwraps
step "all values are those of template.yaml, with a wrapping key" all_same_values -var wrapping_key=true \
    -var 'published_envelope_keys=["envelope:main-2026=RS256"]' \
    -- SigningKeys=A WrappingKey=on PublishedEnvelopeKeys=envelope:main-2026=RS256
step "sign with wrapped keys only" apply -var wrapping_key=true -var 'signing_keys=[]' \
    -var 'envelope_keys=["envelope:main-2026=RS256","envelope:old"]'
step "no key in KMS is listed" deployed "envelope:main-2026=RS256 envelope:old" "GetItem UpdateItem"
step "values that would stop an instance are refused, each by its own validation" stopping_values
step "an issuer may end in a slash" replaces_nothing -var wrapping_key=true -var issuer=https://id.example.com/auth/
step "a wrapped key with two algorithms is refused" \
    refused "is listed with one algorithm, or with none." -var wrapping_key=true \
    -var 'envelope_keys=["envelope:a=RS256","envelope:a=PS256"]'
step "tables that are there already" tables restored-clients=client_id restored-users=username restored-tokens=id
step "they are adopted, and a key is" adopts "${adopted[@]}"
step "all values are those of template.yaml, with tables and a key that are there already" all_same_values "${adopted[@]}" \
    -- SigningKeys=A ClientsTableName=restored-clients UsersTableName=restored-users TokensTableName=restored-tokens \
    "WrappingKeyArn=$foreign_key"
step "a table of another kind is refused" \
    refused "The table of users_table_name is not one of users" -var users_table_name=restored-clients
step "two wrapping keys are refused" \
    refused "With wrapping_key_arn there is no wrapping_key." -var wrapping_key=true -var "wrapping_key_arn=$foreign_key"
rm users.auto.tfvars
step "protect clients and users, as nothing says otherwise" apply
step "destroying keeps clients and users" destroy_keeps 'aws_dynamodb_table.clients[0]' 'aws_dynamodb_table.users[0]'
step "their tables are still there" still_there passgrant-check-clients passgrant-check-users "${restored[@]}"
step "terraform forgets them" terraform state rm 'aws_dynamodb_table.clients[0]' 'aws_dynamodb_table.users[0]'
step "nothing else is left" nothing_left
step "adopt the table of clients" terraform import 'aws_dynamodb_table.clients[0]' passgrant-check-clients
step "adopt the table of users" terraform import 'aws_dynamodb_table.users[0]' passgrant-check-users
step "a new deployment has the old clients and users" replaces_nothing
step "give up the users too" apply -var delete_users=true
step "destroy" terraform destroy -auto-approve
step "nothing is left" nothing_left
step "no table is there, except those that it never made" still_there "${restored[@]}"
echo "terraform: $passed passed, 0 failed"
