output "issuer" {
  description = "The issuer identifier."
  value       = local.issuer
}

output "token_endpoint" {
  description = "The token endpoint."
  value       = "${trimsuffix(local.issuer, "/")}/oauth2/token"
}

output "api_endpoint" {
  description = "The API's own URL, whatever the issuer is."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "jwks_uri" {
  description = "The URL of the public keys."
  value       = "${trimsuffix(local.issuer, "/")}/oauth2/jwks"
}

output "clients_table" {
  description = "The table of clients."
  value       = local.tables.clients.name
}

output "users_table" {
  description = "The table of users."
  value       = local.tables.users.name
}

output "tokens_table" {
  description = "The table of sessions."
  value       = local.tables.tokens.name
}

output "signing_key_alias" {
  description = "The alias of the first of signing_keys; null if there is none."
  value       = one(aws_kms_alias.signing[*].name)
}

output "signing_key_arn" {
  description = "The ARN of the KMS key that comes first; null if there is none."
  value       = try(local.signing_key_arns[0], null)
}

output "wrapping_key_arn" {
  description = "The KMS key that wraps those of envelope_keys; null without wrapping_key and wrapping_key_arn."
  value       = local.has_wrapping_key ? local.wrapping_key_arn : null
}

# What `passgrant --terraform-outputs` has to know in addition, to do as the function does: tests/it/deployment_outputs.rs
# compares each with the function's environment.

output "listed_keys" {
  description = "The signing keys, in order."
  value       = join(",", local.listed_signing_keys)
}

output "signing_algorithm" {
  description = "The algorithm of tokens for clients that are set to no other."
  value       = var.signing_algorithm
}

output "username_profile" {
  description = "The PRECIS profile of usernames."
  value       = var.username_profile
}

output "argon2_memory_kib" {
  description = "The memory of new password hashes in KiB."
  value       = var.argon2_memory_kib
}

output "argon2_iterations" {
  description = "The passes of new password hashes."
  value       = var.argon2_iterations
}

output "argon2_parallelism" {
  description = "The lanes of new password hashes."
  value       = local.argon2_parallelism
}

output "attempts_limit" {
  description = "How many different wrong passwords lock a username."
  value       = var.attempts_limit
}

output "attempts_window" {
  description = "The time in which they count."
  value       = var.attempts_window
}

output "attempts_source_names" {
  description = "For how many usernames one source may send wrong passwords."
  value       = var.attempts_source_names
}

output "password_range_url" {
  description = "The range service of leaked passwords; empty without one."
  value       = var.password_range_url
}

output "function_name" {
  description = "The name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_version" {
  description = "The version of the function that the last deployment published."
  value       = aws_lambda_function.this.version
}

output "function_log_group" {
  description = "The log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}

output "access_log_group" {
  description = "The log group of the API's access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "audit_log_group_name" {
  description = "The log group of operators' audit events, to which `passgrant` writes."
  value       = aws_cloudwatch_log_group.audit.name
}

output "domain_name_target" {
  description = "What the DNS record of domain_name points at; null without a domain_name."
  value       = one(aws_apigatewayv2_domain_name.this[*].domain_name_configuration[0].target_domain_name)
}

output "domain_name_hosted_zone_id" {
  description = "The hosted zone of domain_name_target, for an alias record in Route 53; null without a domain_name."
  value       = one(aws_apigatewayv2_domain_name.this[*].domain_name_configuration[0].hosted_zone_id)
}

output "mutual_tls_domain_name_target" {
  description = "What the DNS record of mutual_tls_domain_name points at; null without a mutual_tls_domain_name."
  value       = one(aws_apigatewayv2_domain_name.mutual_tls[*].domain_name_configuration[0].target_domain_name)
}

output "mutual_tls_domain_name_hosted_zone_id" {
  description = "The hosted zone of mutual_tls_domain_name_target, for an alias record in Route 53; null without a mutual_tls_domain_name."
  value       = one(aws_apigatewayv2_domain_name.mutual_tls[*].domain_name_configuration[0].hosted_zone_id)
}
