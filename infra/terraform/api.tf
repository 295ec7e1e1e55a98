resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  protocol_type = "HTTP"
  # One issuer has one public name.
  disable_execute_api_endpoint = var.domain_name != ""
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000
}

# One route for everything: an unknown path or a wrong method then gets the service's own 404 or 405, and the gateway and
# the function cannot disagree about which endpoints exist.
resource "aws_apigatewayv2_route" "default" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"
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

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # No query string, headers or body: careless clients put credentials in all of them.
    format = jsonencode({
      requestId            = "$context.requestId"
      time                 = "$context.requestTimeEpoch"
      sourceIp             = "$context.identity.sourceIp"
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
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/$default"
}

# API Gateway writes through a log delivery. Under /aws/vendedlogs/, that does not need its own statement in the account's
# CloudWatch Logs resource policy, whose size is limited.
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/vendedlogs/http-api/${var.name}"
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

resource "aws_apigatewayv2_api_mapping" "this" {
  count = var.domain_name == "" ? 0 : 1

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.default.id
}
