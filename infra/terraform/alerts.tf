locals {
  alert_actions = concat(aws_sns_topic.alerts[*].arn, var.alert_topic_arn == "" ? [] : [var.alert_topic_arn])
  alarms = var.alert_email == "" && var.alert_topic_arn == "" ? {} : {
    source_exhausted = "A source has sent wrong passwords for too many usernames (docs/operations.md#alerts). `passgrant attempts list` lists the sources."
    username_slowed  = "So many passwords were wrong for a username that strangers may try only one in each interval (docs/operations.md#alerts). `passgrant attempts list` lists the usernames."
  }
}

# One metric for each kind of alert that is logged; docs/operations.md lists them.
resource "aws_cloudwatch_log_metric_filter" "alerts" {
  name           = "${var.name}-alerts"
  log_group_name = aws_cloudwatch_log_group.function.name
  pattern        = "{ $.alert = * }"

  metric_transformation {
    namespace  = "Passgrant/${var.name}"
    name       = "Alerts"
    value      = "1"
    unit       = "Count"
    dimensions = { Alert = "$.alert" }
  }
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

# One is enough: a source that is exhausted has guessed at many usernames, and a username that is slowed down has been guessed
# at for long.
resource "aws_cloudwatch_metric_alarm" "alerts" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description   = each.value
  namespace           = "Passgrant/${var.name}"
  metric_name         = "Alerts"
  dimensions          = { Alert = each.key }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alert_actions
  tags                = var.tags
}
