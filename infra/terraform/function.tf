locals {
  own_issuer = var.domain_name == "" ? aws_apigatewayv2_api.this.api_endpoint : "https://${var.domain_name}"
  issuer     = var.issuer == "" ? local.own_issuer : var.issuer

  # More lanes than vCPUs slow down the service but not an attacker.
  argon2_parallelism = 1

  # The key of every log group; null for CloudWatch's own.
  log_key_arn = var.log_key_arn == "" ? null : var.log_key_arn

  delegated_verifiers = [
    for index, verifier in var.delegated_verifiers :
    merge(verifier, { secret_env = "PASSGRANT_DELEGATED_SECRET_${index + 1}" })
  ]
  delegated_secrets = {
    for verifier in local.delegated_verifiers : verifier.secret_env => (
      contains(keys(var.delegated_secret_arns), verifier.name)
      ? data.aws_secretsmanager_secret_version.delegated[verifier.name].secret_string
      : lookup(var.delegated_secrets, verifier.name, "")
    )
  }
}

# Read when something is deployed. The function itself reads none: that would take a client of another service, a call at each
# cold start, and another permission.
data "aws_secretsmanager_secret_version" "delegated" {
  for_each = var.delegated_secret_arns

  secret_id = each.value
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = "OAuth 2.0 token service"
  filename         = var.package_path
  source_code_hash = filebase64sha256(var.package_path)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_size
  # Below the integration's 29 seconds, so that the caller sees, and the log shows, the function's own timeout.
  timeout                        = 28
  role                           = aws_iam_role.function.arn
  kms_key_arn                    = var.environment_key_arn == "" ? null : var.environment_key_arn
  code_signing_config_arn        = var.code_signing_config_arn == "" ? null : var.code_signing_config_arn
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  # A version for each change of code or of any setting.
  publish = true
  tags    = var.tags

  logging_config {
    log_group  = aws_cloudwatch_log_group.function.name
    log_format = "JSON"
    # The function drops what is below its own level. Lambda must not: metrics have no level, and would be taken for INFO.
    application_log_level = "TRACE"
    # At this level Lambda reports the duration, memory and cold start of every invocation.
    system_log_level = "INFO"
  }

  environment {
    variables = merge(local.delegated_secrets, {
      PASSGRANT_ISSUER         = local.issuer
      PASSGRANT_MTLS_URL       = var.mutual_tls_domain_name == "" ? "" : "https://${var.mutual_tls_domain_name}"
      PASSGRANT_ORIGIN_SECRETS = join(",", var.origin_secrets)
      PASSGRANT_CLIENTS_TABLE  = local.tables.clients.name
      PASSGRANT_USERS_TABLE    = local.tables.users.name
      PASSGRANT_TOKENS_TABLE   = local.tables.tokens.name
      # By ARN, not by alias: once an alias is moved, a new instance would sign with another key, and a key's policy applies to
      # the key.
      PASSGRANT_SIGNING_KEYS             = join(",", local.listed_signing_keys)
      PASSGRANT_WRAPPING_KEY             = local.wrapping_key_arn
      PASSGRANT_SIGNING_ALGORITHM        = var.signing_algorithm
      PASSGRANT_DEFAULT_SCOPE            = var.default_scope
      PASSGRANT_EMPTY_SCOPE              = var.empty_scope
      PASSGRANT_CORS_ORIGINS             = join(",", var.cors_origins)
      PASSGRANT_USERNAME_PROFILE         = var.username_profile
      PASSGRANT_PASSWORD_GRANT           = var.password_grant ? "on" : "off"
      PASSGRANT_ATTEMPTS_LIMIT           = var.attempts_limit
      PASSGRANT_ATTEMPTS_WINDOW          = var.attempts_window
      PASSGRANT_ATTEMPTS_SOURCE_NAMES    = var.attempts_source_names
      PASSGRANT_ATTEMPTS_SPARED_NETWORKS = join(",", var.attempts_spared_networks)
      PASSGRANT_TRUSTED_HOPS             = var.trusted_hops
      PASSGRANT_AUTH_CHAIN               = var.auth_chain
      PASSGRANT_AUTH_CHAINS              = join(";", [for name, verifiers in var.auth_chains : "${name}=${join(",", verifiers)}"])
      PASSGRANT_DELEGATED_VERIFIERS      = length(local.delegated_verifiers) == 0 ? "" : jsonencode(local.delegated_verifiers)
      PASSGRANT_DETAILED_ERRORS          = var.detailed_errors ? "on" : "off"
      PASSGRANT_CLIENT_CACHE             = var.client_cache
      PASSGRANT_ARGON2_MEMORY_KIB        = var.argon2_memory_kib
      PASSGRANT_ARGON2_ITERATIONS        = var.argon2_iterations
      PASSGRANT_ARGON2_PARALLELISM       = local.argon2_parallelism
      PASSGRANT_LOG                      = var.log_level
      PASSGRANT_OTLP_ENDPOINT            = var.otlp_endpoint
      PASSGRANT_OTLP_RATIO               = var.otlp_ratio
      # Asked after logins, once in 30 days for a user.
      PASSGRANT_PASSWORD_RANGE_URL      = var.password_range_url
      PASSGRANT_PASSWORD_RANGE_AT_LOGIN = var.password_range_at_login
    })
  }

  lifecycle {
    precondition {
      condition     = length(var.signing_keys) + length(var.signing_key_arns) + length(var.envelope_keys) > 0
      error_message = "Without signing_keys there must be signing_key_arns or envelope_keys."
    }

    precondition {
      condition     = length(local.listed_labels) == length(var.signing_keys)
      error_message = "Each of signing_keys needs its spec in signing_key_specs."
    }

    precondition {
      condition     = var.trusted_hops == 0 || length(var.origin_secrets) > 0
      error_message = "trusted_hops needs origin_secrets."
    }

    precondition {
      condition     = var.password_range_at_login == "off" || var.password_range_url != ""
      error_message = "password_range_at_login needs password_range_url."
    }

    precondition {
      condition     = local.has_wrapping_key || length(var.envelope_keys) + length(var.published_envelope_keys) == 0
      error_message = "envelope_keys and published_envelope_keys need wrapping_key or wrapping_key_arn."
    }

    precondition {
      condition     = !var.wrapping_key || var.wrapping_key_arn == ""
      error_message = "With wrapping_key_arn there is no wrapping_key."
    }

    precondition {
      condition = (
        length(distinct([for key in concat(var.envelope_keys, var.published_envelope_keys) : split("=", key)[0]])) ==
        length(distinct(concat(var.envelope_keys, var.published_envelope_keys)))
      )
      error_message = "A key of envelope_keys or published_envelope_keys is listed with one algorithm, or with none."
    }

    # What the operator's own keys and wrapped ones can be used for is not known here: if none of them fits, the function's log says so.
    precondition {
      condition = (
        length(var.signing_key_arns) + length(var.published_key_arns) > 0 ||
        length(var.envelope_keys) + length(var.published_envelope_keys) > 0 ||
        anytrue([
          for label, spec in local.signing_key_specs :
          contains(local.algorithms[spec], var.signing_algorithm) && contains(["", var.signing_algorithm], local.bound_algorithms[label])
        ])
      )
      error_message = "No key of signing_keys fits signing_algorithm."
    }

    precondition {
      condition = alltrue([
        for label in keys(var.signing_key_algorithms) : startswith(lookup(var.signing_key_specs, label, "RSA_2048"), "RSA_")
      ])
      error_message = "signing_key_algorithms is for RSA keys."
    }

    precondition {
      condition = alltrue([
        for verifier in var.delegated_verifiers :
        contains(concat(keys(var.delegated_secrets), keys(var.delegated_secret_arns)), verifier.name)
      ])
      error_message = "Each of delegated_verifiers needs its secret in delegated_secrets or delegated_secret_arns."
    }

    precondition {
      condition     = contains(concat(["directory"], keys(var.auth_chains)), var.auth_chain)
      error_message = "auth_chain is directory or one of auth_chains."
    }

    precondition {
      condition = alltrue([
        for name in flatten(values(var.auth_chains)) : contains(concat(["directory"], var.delegated_verifiers[*].name), name)
      ])
      error_message = "A verifier of auth_chains is directory or one of delegated_verifiers."
    }
  }

  # An instance that started before its permissions exist would answer 500 until they do.
  depends_on = [aws_iam_role_policy.function]
}

# Requests reach the version in service, and no other: the newest, unless live_version holds them back.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.live_version == "" ? aws_lambda_function.this.version : var.live_version

  dynamic "routing_config" {
    for_each = var.live_version != "" && var.canary_weight > 0 ? [true] : []

    content {
      additional_version_weights = { (aws_lambda_function.this.version) = var.canary_weight }
    }
  }

  lifecycle {
    precondition {
      condition     = var.live_version != "" || var.canary_weight == 0
      error_message = "canary_weight needs live_version, which has the other requests."
    }
  }

  # If it is asked to, a version shows that it can sign before it has a request.
  depends_on = [aws_lambda_invocation.check]
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == null ? 0 : 1

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

# Asks a new version to read its keys and to sign once, as `template.yaml` has CodeDeploy ask it. No gateway sends the event:
# the route key is of no route.
resource "aws_lambda_invocation" "check" {
  count = var.deployment_check ? 1 : 0

  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_function.this.version
  triggers      = { version = aws_lambda_function.this.version }
  input = jsonencode({
    version        = "2.0"
    routeKey       = "deployment-check"
    rawPath        = "/healthz"
    rawQueryString = ""
    headers        = {}
    requestContext = {
      routeKey  = "deployment-check"
      stage     = "$default"
      requestId = "deployment-check"
      timeEpoch = 0
      http = {
        method    = "GET"
        path      = "/healthz"
        protocol  = "HTTP/1.1"
        sourceIp  = "127.0.0.1"
        userAgent = "deployment-check"
      }
    }
    isBase64Encoded = false
  })

  lifecycle {
    postcondition {
      condition     = try(jsondecode(self.result).statusCode, 0) == 200
      error_message = "The new version cannot sign: the function's log says why. Requests still go to the version before. Once the cause is gone: terraform apply -replace='aws_lambda_invocation.check[0]' (with the module's address before it)."
    }
  }
}

# Created here, so that it has a retention and the role can be restricted to it.
resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  kms_key_id        = local.log_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# What operators change, as `passgrant` writes it. The function's own audit events are in its log. It outlives the deployment: whoever
# destroys that does not destroy what was done to it. Its name is not fixed, so that it is not in the way of the next.
resource "aws_cloudwatch_log_group" "audit" {
  name_prefix       = "${var.name}-AuditLogGroup-"
  kms_key_id        = var.log_key_arn == "" ? null : var.log_key_arn
  retention_in_days = var.audit_retention_days
  skip_destroy      = true
  tags              = var.tags
}

# Nothing locks a client whose secret is being guessed: set an alarm on this. Only clients that exist are counted.
resource "aws_cloudwatch_log_metric_filter" "wrong_client_secrets" {
  name           = "${var.name}-wrong-client-secrets"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.message = \"a client secret is wrong\" }"

  metric_transformation {
    namespace  = "Passgrant/${var.name}"
    name       = "WrongClientSecrets"
    value      = "1"
    unit       = "Count"
    dimensions = { ClientId = "$.client_id" }
  }
}

resource "aws_iam_role" "function" {
  name_prefix        = "${substr(var.name, 0, 37)}-"
  description        = "What the token service ${var.name} may do"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "token-service"
  role   = aws_iam_role.function.name
  policy = data.aws_iam_policy_document.function.json
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "ReadClients"
    actions   = ["dynamodb:GetItem"]
    resources = [local.tables.clients.arn]
  }

  statement {
    sid       = "ReadUsers"
    actions   = ["dynamodb:GetItem"]
    resources = [local.tables.users.arn]
  }

  # Hashes under the live parameters, and whether a password has leaked.
  # Whole items: a condition on dynamodb:Attributes must name every attribute that a condition expression reads. If one were
  # missing, the password's hash would never be written, and no login would show it. The day of the last login is written too.
  statement {
    sid       = "KeepPasswordHashes"
    actions   = ["dynamodb:UpdateItem"]
    resources = [local.tables.users.arn]
  }

  dynamic "statement" {
    for_each = anytrue([for verifier in var.delegated_verifiers : verifier.import]) ? [true] : []

    content {
      sid       = "ImportUsers"
      actions   = ["dynamodb:PutItem"]
      resources = [local.tables.users.arn]
    }
  }

  statement {
    sid       = "KeepTokens"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    resources = [local.tables.tokens.arn]
  }

  dynamic "statement" {
    for_each = length(local.signing_key_arns) == 0 ? [] : [true]

    content {
      sid       = "KnowKeys"
      actions   = ["kms:DescribeKey", "kms:GetPublicKey"]
      resources = local.signing_key_arns
    }
  }

  dynamic "statement" {
    for_each = { for sid, request in local.signing_requests : sid => request if length(local.signing_key_arns) > 0 }

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = local.signing_key_arns

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = "StringEquals"
          variable = condition.key
          values   = condition.value
        }
      }
    }
  }

  # Only what was wrapped as a signing key of this issuer.
  dynamic "statement" {
    for_each = local.has_wrapping_key ? [true] : []

    content {
      sid       = "UnwrapKeys"
      actions   = ["kms:Decrypt"]
      resources = [local.wrapping_key_arn]

      dynamic "condition" {
        for_each = local.own_keys

        content {
          test     = "StringEquals"
          variable = condition.key
          values   = condition.value
        }
      }
    }
  }

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}
