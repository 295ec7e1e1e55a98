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
  description = "PASSGRANT_CLIENTS_TABLE of the command line."
  value       = local.tables.clients.name
}

output "users_table" {
  description = "PASSGRANT_USERS_TABLE of the command line."
  value       = local.tables.users.name
}

output "tokens_table" {
  description = "PASSGRANT_TOKENS_TABLE of the command line."
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
  description = "PASSGRANT_WRAPPING_KEY of the command line; null without wrapping_key and wrapping_key_arn."
  value       = local.has_wrapping_key ? local.wrapping_key_arn : null
}

output "function_name" {
  description = "The name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_log_group" {
  description = "The log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}

output "access_log_group" {
  description = "The log group of the API's access log."
  value       = aws_cloudwatch_log_group.access.name
}

output "domain_name_target" {
  description = "What the DNS record of domain_name points at; null without a domain_name."
  value       = one(aws_apigatewayv2_domain_name.this[*].domain_name_configuration[0].target_domain_name)
}

output "domain_name_hosted_zone_id" {
  description = "The hosted zone of domain_name_target, for an alias record in Route 53; null without a domain_name."
  value       = one(aws_apigatewayv2_domain_name.this[*].domain_name_configuration[0].hosted_zone_id)
}
