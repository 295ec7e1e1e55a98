# A login every five minutes, as an application makes it: through whatever is in front of the API, with a user and a client of
# its own. Its session is ended at once.
locals {
  # One or none.
  synthetic_logins = var.synthetic_login_secret_arn == "" ? [] : [var.synthetic_login_secret_arn]
}

# Terraform can make no archive without another provider, and CloudFormation makes one of what is written here.
resource "aws_cloudformation_stack" "synthetic_login" {
  count = length(local.synthetic_logins)

  # The name of a stack begins with a letter and has no underscore.
  name       = "login-${replace(var.name, "_", "-")}"
  on_failure = "DELETE"
  tags       = var.tags

  parameters = { Role = aws_iam_role.synthetic_login[0].arn }
  template_body = jsonencode({
    Parameters = { Role = { Type = "String" } }
    Resources = {
      Function = {
        Type = "AWS::Lambda::Function"
        Properties = {
          Description   = "Logs in to ${var.name} to see whether that works"
          Runtime       = "python3.13"
          Handler       = "index.handler"
          MemorySize    = 128
          Timeout       = 30
          Role          = { Ref = "Role" }
          LoggingConfig = { LogGroup = aws_cloudwatch_log_group.synthetic_login[0].name }
          Environment = {
            Variables = {
              SECRET_ARN     = var.synthetic_login_secret_arn
              TOKEN_ENDPOINT = "${trimsuffix(local.issuer, "/")}/oauth2/token"
            }
          }
          Code = { ZipFile = file("${path.module}/synthetic_login.py") }
        }
      }
    }
    Outputs = {
      Function = { Value = { Ref = "Function" } }
      Arn      = { Value = { "Fn::GetAtt" = ["Function", "Arn"] } }
    }
  })

  # An instance without its permissions would fail.
  depends_on = [aws_iam_role_policy.synthetic_login]
}

resource "aws_cloudwatch_log_group" "synthetic_login" {
  count = length(local.synthetic_logins)

  name              = "/aws/lambda/${var.name}-synthetic-login"
  kms_key_id        = local.log_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "synthetic_login" {
  count = length(local.synthetic_logins)

  name_prefix        = "${substr(var.name, 0, 31)}-login-"
  description        = "What the synthetic login of ${var.name} may do"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "synthetic_login" {
  count = length(local.synthetic_logins)

  name   = "synthetic-login"
  role   = aws_iam_role.synthetic_login[0].name
  policy = data.aws_iam_policy_document.synthetic_login[0].json
}

data "aws_iam_policy_document" "synthetic_login" {
  count = length(local.synthetic_logins)

  statement {
    sid       = "ReadCredentials"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.synthetic_login_secret_arn]
  }

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.synthetic_login[0].arn}:*"]
  }
}

resource "aws_cloudwatch_event_rule" "synthetic_login" {
  count = length(local.synthetic_logins)

  name                = "${var.name}-synthetic-login"
  description         = "When the synthetic login of ${var.name} is made"
  schedule_expression = "rate(5 minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "synthetic_login" {
  count = length(local.synthetic_logins)

  rule      = aws_cloudwatch_event_rule.synthetic_login[0].name
  target_id = "function"
  arn       = aws_cloudformation_stack.synthetic_login[0].outputs["Arn"]

  # The next one follows soon enough.
  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 86400
  }
}

resource "aws_lambda_permission" "synthetic_login" {
  count = length(local.synthetic_logins)

  action        = "lambda:InvokeFunction"
  function_name = aws_cloudformation_stack.synthetic_login[0].outputs["Function"]
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.synthetic_login[0].arn
}

resource "aws_lambda_function_event_invoke_config" "synthetic_login" {
  count = length(local.synthetic_logins)

  function_name          = aws_cloudformation_stack.synthetic_login[0].outputs["Function"]
  maximum_retry_attempts = 0
}
