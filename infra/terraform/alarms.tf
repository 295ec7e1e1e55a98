# docs/operations.md#alarms has a row for each of these alarms, and each of them names its row.
locals {
  of_function = { FunctionName = aws_lambda_function.this.function_name }

  # What an alarm has that does not say otherwise.
  usual_alarm = {
    namespace  = "Passgrant"
    dimensions = local.of_function
    stat       = "Sum"
    period     = 300
    of         = 1
    to         = null
    threshold  = 1
    missing    = "notBreaching"
    tells      = true
    # Of the other metrics, what `expression` says about them.
    expression = null
    others     = {}
  }

  alarms = { for name, alarm in merge(
    {
      # Three intervals within an hour, so that one request that failed wakes nobody, and a deployment with few requests that
      # always fail wakes somebody.
      server-errors = {
        row  = "server-errors", metric = "ServerErrors", of = 12, to = 3
        says = "The function answered with 5xx in three of twelve intervals of five minutes"
      }
      gateway-errors = {
        row        = "gateway-errors", metric = "5xx", of = 12, to = 3
        says       = "Callers got 5xx in three of twelve intervals of five minutes, from the gateway itself if ServerErrors has fewer"
        namespace  = "AWS/ApiGateway"
        dimensions = { ApiId = aws_apigatewayv2_api.this.id }
      }
      lambda-throttles = {
        row       = "lambda-throttles", metric = "Throttles"
        says      = "Lambda had no instance for a request: the concurrency of the account or of the function is used up"
        namespace = "AWS/Lambda"
      }
      dynamo-db-throttles = {
        row  = "dynamodb-throttles", metric = "DynamoDbThrottled", of = 3, to = 2
        says = "DynamoDB throttled the function in two of three intervals of five minutes"
      }
      kms-throttles = {
        row  = "kms-throttles", metric = "KmsThrottled", of = 3, to = 2
        says = "KMS throttled the function in two of three intervals of five minutes"
      }
      # One is enough of each of these three: a session that two parties had, a source that has guessed at many usernames, and a
      # username that has been guessed at for long.
      refresh-token-reused = {
        row  = "refresh-token-reused", metric = "RefreshTokenReused"
        says = "A refresh token was used by two parties, and its session has been ended"
      }
      source-exhausted = {
        row  = "source-exhausted", metric = "SourceExhausted"
        says = "A source has sent wrong passwords for too many usernames; `passgrant attempts list` lists the sources"
      }
      username-slowed = {
        row  = "username-slowed", metric = "UsernameSlowed"
        says = "So many passwords were wrong for a username that strangers may try only one in each interval; `passgrant attempts list` lists the usernames"
      }
      usernames-locked = {
        row  = "usernames-locked", metric = "UsernameLocked", threshold = var.locks_alarm
        says = "More usernames than usual were locked within five minutes"
      }
      login-failures = {
        row        = "login-failures", metric = "LoginFailures", of = 3, threshold = 0.5
        says       = "Half of the logins failed, of at least 20 in each of three intervals of five minutes"
        expression = "IF(logins >= 20, failures, 0)"
        others     = { failures = "Average", logins = "SampleCount" }
      }
      cold-starts = {
        row        = "cold-starts", metric = "ColdStarts", of = 3, threshold = 0.2
        says       = "A fifth of the requests waited for a new instance, of at least 100 in each of three intervals of five minutes"
        expression = "IF(requests >= 100, share, 0)"
        others     = { share = "Average", requests = "SampleCount" }
      }
    },
    # The slowest hundredth of the requests to each endpoint. What nobody waits for has none: the health check, the page of the
    # authorization endpoint, and paths that do not exist.
    { for endpoint in ["token", "introspect", "revoke", "userinfo", "jwks", "metadata", "openid_configuration"] :
      "${replace(endpoint, "_", "-")}-latency" => {
        row        = "latency", metric = "Latency", of = 3, stat = "p99", threshold = var.latency_objective
        says       = "One in a hundred requests to the endpoint ${endpoint} took longer than LatencyObjective, for fifteen minutes"
        dimensions = merge(local.of_function, { Endpoint = endpoint })
      }
    },
    local.burning_failures,
    local.burning_slowness,
    { for secret in local.synthetic_logins :
      "synthetic-login" => {
        row        = "synthetic-login", metric = "Errors", of = 3, missing = "breaching"
        says       = "The synthetic login failed or was not made, in three intervals of five minutes"
        namespace  = "AWS/Lambda"
        dimensions = { FunctionName = one(aws_cloudformation_stack.synthetic_login[*].outputs["Function"]) }
      }
    },
  ) : name => merge(local.usual_alarm, alarm) if local.told }

  # The objectives: of the requests to each of these three endpoints, availability_objective per cent are answered without a 5xx,
  # and 99 per cent within latency_objective. Somebody is told if two windows both burn the budget of failures too fast: the long
  # one says that it is much, and the short one that it goes on. Fewer than five requests in the long window are not enough. 14.4
  # times uses up 2 per cent of the budget of 30 days in an hour; 6 times, 5 per cent in six hours.
  objectives = ["token", "introspect", "jwks"]
  windows = {
    "5m"  = { period = 300, burn = 14.4, speed = "fast", is_long = false, named = "five minutes" }
    "1h"  = { period = 3600, burn = 14.4, speed = "fast", is_long = true, named = "an hour" }
    "30m" = { period = 1800, burn = 6, speed = "slow", is_long = false, named = "thirty minutes" }
    "6h"  = { period = 21600, burn = 6, speed = "slow", is_long = true, named = "six hours" }
  }
  burn       = "100 * share / (100 - ${var.availability_objective})"
  slow_burn  = "share / (100 - 99)"
  slow_share = "PR(${var.latency_objective}:)"

  pairs = [for pair in setproduct(local.objectives, keys(local.windows)) : merge(local.windows[pair[1]], { endpoint = pair[0], window = pair[1] })]

  burning_failures = { for pair in local.pairs :
    "${pair.endpoint}-errors-${pair.window}" => {
      row        = "availability-${pair.speed}", metric = "ServerErrors", period = pair.period, threshold = pair.burn, tells = false
      says       = "Failures at the endpoint ${pair.endpoint} burned their budget ${pair.burn} times too fast for ${pair.named}"
      dimensions = merge(local.of_function, { Endpoint = pair.endpoint })
      expression = pair.is_long ? "IF(failed >= 5, ${local.burn}, 0)" : local.burn
      others     = merge({ share = "Average" }, pair.is_long ? { failed = "Sum" } : {})
    }
  }

  burning_slowness = { for pair in local.pairs :
    "${pair.endpoint}-slowness-${pair.window}" => {
      row        = "latency-${pair.speed}", metric = "Latency", period = pair.period, threshold = pair.burn, tells = false
      says       = "Slow answers of the endpoint ${pair.endpoint} burned their budget ${pair.burn} times too fast for ${pair.named}"
      dimensions = merge(local.of_function, { Endpoint = pair.endpoint })
      expression = pair.is_long ? "IF(share * requests >= 500, ${local.slow_burn}, 0)" : local.slow_burn
      others     = merge({ share = local.slow_share }, pair.is_long ? { requests = "SampleCount" } : {})
    }
  }

  burn_alarms = {
    availability-fast = { name = "availability-fast-burn", of = "errors", short = "5m", long = "1h", says = "So many requests fail that a month's budget of failures lasts two days" }
    availability-slow = { name = "availability-slow-burn", of = "errors", short = "30m", long = "6h", says = "So many requests fail that a month's budget of failures lasts five days" }
    latency-fast      = { name = "latency-fast-burn", of = "slowness", short = "5m", long = "1h", says = "So many answers are slow that a month's budget of slow answers lasts two days" }
    latency-slow      = { name = "latency-slow-burn", of = "slowness", short = "30m", long = "6h", says = "So many answers are slow that a month's budget of slow answers lasts five days" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} (docs/operations.md#alarm-${each.value.row})."
  evaluation_periods  = each.value.of
  datapoints_to_alarm = coalesce(each.value.to, each.value.of)
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = each.value.missing
  alarm_actions       = each.value.tells ? local.alert_actions : []
  tags                = var.tags

  namespace          = each.value.expression == null ? each.value.namespace : null
  metric_name        = each.value.expression == null ? each.value.metric : null
  dimensions         = each.value.expression == null ? each.value.dimensions : null
  period             = each.value.expression == null ? each.value.period : null
  statistic          = each.value.expression == null && each.value.stat == "Sum" ? each.value.stat : null
  extended_statistic = each.value.expression == null && each.value.stat != "Sum" ? each.value.stat : null

  evaluate_low_sample_count_percentiles = each.value.expression == null && each.value.stat != "Sum" ? "evaluate" : null

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value.expression]

    content {
      id          = "value"
      expression  = metric_query.value
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.others

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = each.value.namespace
        metric_name = each.value.metric
        dimensions  = each.value.dimensions
        stat        = metric_query.value
        period      = each.value.period
      }
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = { for row, alarm in local.burn_alarms : row => alarm if local.told }

  alarm_name        = "${var.name}-${each.value.name}"
  alarm_description = "${each.value.says} (docs/operations.md#alarm-${each.key})."
  alarm_actions     = local.alert_actions
  tags              = var.tags

  alarm_rule = join(" OR ", [
    for endpoint in local.objectives :
    "(ALARM(\"${aws_cloudwatch_metric_alarm.this["${endpoint}-${each.value.of}-${each.value.short}"].alarm_name}\") AND ALARM(\"${aws_cloudwatch_metric_alarm.this["${endpoint}-${each.value.of}-${each.value.long}"].alarm_name}\"))"
  ])
}

# Each widget is a question. docs/operations.md#the-dashboard says what the answers mean.
resource "aws_cloudwatch_dashboard" "questions" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = templatefile("${path.module}/dashboard.json", {
    Region      = data.aws_region.current.id
    Function    = aws_lambda_function.this.function_name
    Api         = aws_apigatewayv2_api.this.id
    FunctionLog = aws_cloudwatch_log_group.function.name
    AccessLog   = aws_cloudwatch_log_group.access.name
    Clients     = local.tables.clients.name
    Users       = local.tables.users.name
    Tokens      = local.tables.tokens.name
    Memory      = var.memory_size
    Slow        = var.latency_objective
  })
}
