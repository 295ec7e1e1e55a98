resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  protocol_type = "HTTP"
  # Not simply because there is a domain name: callers of the name that API Gateway assigned would fail from one second to the
  # next, while the new name may not be in anybody's DNS yet.
  disable_execute_api_endpoint = !var.execute_api_endpoint
  tags                         = var.tags

  lifecycle {
    precondition {
      condition     = var.execute_api_endpoint || var.domain_name != ""
      error_message = "Without domain_name, execute_api_endpoint = false would leave the API no host name."
    }

    # Here, because there is no aws_apigatewayv2_domain_name without domain_name.
    precondition {
      condition     = var.domain_name != "" || var.certificate_arn == ""
      error_message = "certificate_arn needs domain_name."
    }

    precondition {
      condition     = var.domain_name != "" || var.hosted_zone_id == ""
      error_message = "hosted_zone_id needs domain_name."
    }

    precondition {
      condition = contains([0, 3], length(compact([
        var.mutual_tls_domain_name, var.mutual_tls_certificate_arn, var.mutual_tls_truststore_uri,
      ]))) && (var.mutual_tls_domain_name != "" || var.mutual_tls_truststore_version == "")
      error_message = "mutual_tls_domain_name, mutual_tls_certificate_arn and mutual_tls_truststore_uri are given together or not at all."
    }

    precondition {
      condition     = var.mutual_tls_domain_name == "" || var.mutual_tls_domain_name != var.domain_name
      error_message = "mutual_tls_domain_name is another name than domain_name, where verifiers fetch the keys."
    }

    precondition {
      condition     = var.mutual_tls_domain_name == "" || length(var.origin_secrets) == 0
      error_message = "With origin_secrets, nobody would be let in at mutual_tls_domain_name, which has nothing in front of it."
    }
  }
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000

  # A deployment that called the function itself until now must not call the alias before it may.
  depends_on = [aws_lambda_permission.api]
}

# One route for everything: an unknown path or a wrong method then gets the service's own 404 or 405, and the gateway and
# the function cannot disagree about which endpoints exist.
resource "aws_apigatewayv2_route" "default" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"
}

# What APIs need for verifying tokens has routes of its own, for the sake of their own limits: a flood of token requests must
# not keep verifiers from the keys. Every method, so that the service still answers a wrong one itself. The metadata of an
# issuer with a path is below the usual path (RFC 8414, section 3.1).
resource "aws_apigatewayv2_route" "verifiers" {
  for_each = toset([
    "ANY /oauth2/jwks",
    "ANY /.well-known/oauth-authorization-server",
    "ANY /.well-known/oauth-authorization-server/{proxy+}",
    "ANY /.well-known/openid-configuration",
    "ANY /.well-known/openid-configuration/{proxy+}",
    "ANY /oauth2/introspect",
    "ANY /oauth2/userinfo",
  ])

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"

  # A route that exists before it may invoke the function answers 500.
  depends_on = [aws_lambda_permission.api]
}

resource "aws_apigatewayv2_stage" "default" {
  api_id = aws_apigatewayv2_api.this.id
  # Any other stage name would be part of every path, and of the issuer.
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  default_route_settings {
    throttling_rate_limit  = var.throttle_rate
    throttling_burst_limit = var.throttle_burst
  }

  # API Gateway refuses settings of a route that does not exist yet: these are of the routes themselves, not of their keys.
  dynamic "route_settings" {
    for_each = aws_apigatewayv2_route.verifiers

    content {
      route_key              = route_settings.value.route_key
      throttling_rate_limit  = var.verifier_throttle_rate
      throttling_burst_limit = var.verifier_throttle_rate
    }
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # No query string, headers or body: careless clients put credentials in all of them.
    format = jsonencode({
      requestId            = "$context.requestId"
      time                 = "$context.requestTimeEpoch"
      sourceIp             = "$context.identity.sourceIp"
      domain               = "$context.domainName"
      method               = "$context.httpMethod"
      path                 = "$context.path"
      protocol             = "$context.protocol"
      status               = "$context.status"
      responseLength       = "$context.responseLength"
      responseLatency      = "$context.responseLatency"
      integrationRequestId = "$context.integration.requestId"
      integrationStatus    = "$context.integration.integrationStatus"
      integrationLatency   = "$context.integration.latency"
      integrationError     = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "api" {
  action = "lambda:InvokeFunction"
  # Only through the alias: nobody reaches a version that is not in service, nor the unpublished one.
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  # Every route of this API, and of no other.
  source_arn = "${aws_apigatewayv2_api.this.execution_arn}/*"

  lifecycle {
    # A permission cannot be changed. Without any, the API would answer 500.
    create_before_destroy = true
  }
}

# API Gateway writes through a log delivery. Under /aws/vendedlogs/, that does not need its own statement in the account's
# CloudWatch Logs resource policy, whose size is limited.
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/vendedlogs/http-api/${var.name}"
  kms_key_id        = local.log_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_apigatewayv2_domain_name" "this" {
  count = var.domain_name == "" ? 0 : 1

  domain_name = var.domain_name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  lifecycle {
    precondition {
      condition     = var.certificate_arn != ""
      error_message = "domain_name needs certificate_arn."
    }
  }
}

# Nobody is sent to the domain name before it leads to the API.
resource "aws_route53_record" "this" {
  count = var.domain_name == "" || var.hosted_zone_id == "" ? 0 : 1

  zone_id = var.hosted_zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[0].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  depends_on = [aws_apigatewayv2_api_mapping.this]
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count = var.domain_name == "" ? 0 : 1

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.default.id
}

# The same API once more, for whoever shows a certificate that the truststore knows.
resource "aws_apigatewayv2_domain_name" "mutual_tls" {
  count = var.mutual_tls_domain_name == "" ? 0 : 1

  domain_name = var.mutual_tls_domain_name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.mutual_tls_certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  mutual_tls_authentication {
    truststore_uri     = var.mutual_tls_truststore_uri
    truststore_version = var.mutual_tls_truststore_version == "" ? null : var.mutual_tls_truststore_version
  }
}

resource "aws_apigatewayv2_api_mapping" "mutual_tls" {
  count = var.mutual_tls_domain_name == "" ? 0 : 1

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.mutual_tls[0].id
  stage       = aws_apigatewayv2_stage.default.id
}

resource "aws_route53_record" "mutual_tls" {
  count = var.mutual_tls_domain_name == "" || var.hosted_zone_id == "" ? 0 : 1

  zone_id = var.hosted_zone_id
  name    = var.mutual_tls_domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.mutual_tls[0].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.mutual_tls[0].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }

  depends_on = [aws_apigatewayv2_api_mapping.mutual_tls]
}
