locals {
  told          = var.alert_email != "" || var.alert_topic_arn != ""
  alert_actions = concat(aws_sns_topic.alerts[*].arn, var.alert_topic_arn == "" ? [] : [var.alert_topic_arn])
  # Their names are known before the topic is.
  alert_recipients = concat(var.alert_email == "" ? [] : ["email"], var.alert_topic_arn == "" ? [] : ["topic"])
}

resource "aws_sns_topic" "alerts" {
  count = var.alert_email == "" ? 0 : 1

  name_prefix = "${var.name}-alerts-"
  tags        = var.tags
}

resource "aws_sns_topic_subscription" "alerts" {
  count = length(aws_sns_topic.alerts)

  topic_arn = aws_sns_topic.alerts[0].arn
  protocol  = "email"
  endpoint  = var.alert_email
}

resource "aws_sns_topic_policy" "alerts" {
  count = length(aws_sns_topic.alerts)

  arn    = aws_sns_topic.alerts[0].arn
  policy = data.aws_iam_policy_document.alerts[0].json
}

data "aws_iam_policy_document" "alerts" {
  count = length(aws_sns_topic.alerts)

  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts[0].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:cloudwatch:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:alarm:*"]
    }
  }

  statement {
    sid       = "Changes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts[0].arn]

    # Without a condition: EventBridge does not support one in the policy of a topic, and would drop the message.
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

# What CloudTrail records, in an account with a trail. Whoever can do one of these can sign what they like, or keep everybody
# from logging in.
locals {
  changes = {
    key = {
      about = "A key of ${var.name} was changed"
      thing = "a key"
      pattern = {
        source      = ["aws.kms"]
        detail-type = ["AWS API Call via CloudTrail"]
        detail = {
          eventSource = ["kms.amazonaws.com"]
          eventName   = ["PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion", "ReplicateKey"]
          resources   = { ARN = concat(local.signing_key_arns, local.has_wrapping_key ? [local.wrapping_key_arn] : []) }
        }
      }
    }
    code = {
      about = "The function of ${var.name} was changed"
      thing = "the function"
      pattern = {
        source      = ["aws.lambda"]
        detail-type = ["AWS API Call via CloudTrail"]
        detail = {
          eventSource = ["lambda.amazonaws.com"]
          # CloudTrail appends the version of Lambda's API, as in UpdateFunctionCode20150331v2.
          eventName = [for call in ["UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateAlias", "AddPermission"] : { prefix = call }]
          requestParameters = {
            # Whoever calls may give its name, its ARN, or part of that.
            functionName = [aws_lambda_function.this.function_name, { suffix = ":function:${aws_lambda_function.this.function_name}" }]
          }
        }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "changed" {
  for_each = { for thing, change in local.changes : thing => change if local.told }

  name          = "${var.name}-${each.key}-changed"
  description   = "${each.value.about} (docs/operations.md#alarm-${each.key}-changed)."
  event_pattern = jsonencode(each.value.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "changed" {
  for_each = { for pair in setproduct(keys(local.changes), local.alert_recipients) : join("-", pair) => pair }

  rule      = aws_cloudwatch_event_rule.changed[each.value[0]].name
  target_id = each.value[1]
  arn       = each.value[1] == "email" ? aws_sns_topic.alerts[0].arn : var.alert_topic_arn

  input_transformer {
    input_paths = {
      event   = "$.detail.eventName"
      who     = "$.detail.userIdentity.arn"
      address = "$.detail.sourceIPAddress"
      when    = "$.detail.eventTime"
      region  = "$.region"
    }
    input_template = "\"<event> on ${local.changes[each.value[0]].thing} of ${var.name} in <region> at <when>, by <who> from <address>. What to do: docs/operations.md#alarm-${each.value[0]}-changed\""
  }
}

# Of the whole account: what belongs to a deployment can be told apart only by a tag that somebody has activated in the billing
# console.
resource "aws_budgets_budget" "this" {
  count = var.monthly_budget == 0 ? 0 : 1

  name_prefix  = "${var.name}-"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = var.monthly_budget
  limit_unit   = "USD"
  tags         = var.tags

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold_type             = "PERCENTAGE"
      threshold                  = notification.value
      subscriber_email_addresses = var.alert_email == "" ? [] : [var.alert_email]
      subscriber_sns_topic_arns  = var.alert_topic_arn == "" ? [] : [var.alert_topic_arn]
    }
  }

  lifecycle {
    precondition {
      condition     = local.told
      error_message = "monthly_budget needs alert_email or alert_topic_arn."
    }
  }
}
