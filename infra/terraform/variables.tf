variable "package_path" {
  type        = string
  description = "The zip file that contains the Lambda binary `bootstrap`."
}

variable "name" {
  type        = string
  default     = "passgrant"
  description = "The name of the function and the API, and the beginning of every other name."

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{2,39}$", var.name))
    error_message = "name is 3 to 40 letters, digits, hyphens and underscores."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "The instruction set of the function. The binary in package_path must have been built for it."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "memory_size" {
  type        = number
  default     = 1769
  description = "The memory of the function in MB. CPU is proportional to memory, and 1769 MB gives one full vCPU. Verifying a password is pure CPU work in one thread, so less memory is slower and more gains nothing."

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "memory_size is 128 to 10240."
  }
}

variable "domain_name" {
  type        = string
  default     = ""
  description = "The host name to serve on, such as login.example.com. Empty for the host name that API Gateway assigns."

  validation {
    condition     = can(regex("^$|^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$", var.domain_name))
    error_message = "domain_name is a fully qualified host name in lower case."
  }
}

variable "certificate_arn" {
  type        = string
  default     = ""
  description = "The ACM certificate for domain_name, in the region of the deployment."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate."
  }
}

variable "hosted_zone_id" {
  type        = string
  default     = ""
  description = "The Route 53 hosted zone in which the module points domain_name, and mutual_tls_domain_name, at the API. Empty if you do that yourself."

  validation {
    condition     = can(regex("^$|^Z[A-Z0-9]{1,31}$", var.hosted_zone_id))
    error_message = "hosted_zone_id is the id of a hosted zone, such as Z0123456789ABC."
  }
}

variable "execute_api_endpoint" {
  type        = bool
  default     = true
  description = "Whether the API also answers at the host name that API Gateway assigned. Turn it off when nobody calls that any more."
}

# Another name than domain_name: a name asks everybody for a certificate or nobody, and verifiers have none.
variable "mutual_tls_domain_name" {
  type        = string
  default     = ""
  description = "Another host name, such as mtls.example.com, at which the API answers only to clients with a certificate (RFC 8705). Empty for none."

  validation {
    condition     = can(regex("^$|^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$", var.mutual_tls_domain_name))
    error_message = "mutual_tls_domain_name is a fully qualified host name in lower case."
  }
}

variable "mutual_tls_certificate_arn" {
  type        = string
  default     = ""
  description = "The ACM certificate for mutual_tls_domain_name, issued by ACM itself, in the region of the deployment."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.mutual_tls_certificate_arn))
    error_message = "mutual_tls_certificate_arn is the ARN of an ACM certificate."
  }
}

variable "mutual_tls_truststore_uri" {
  type        = string
  default     = ""
  description = "The certificates, in PEM, by which those of clients must be issued, in a bucket in the region of the deployment."

  validation {
    condition     = can(regex("^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[!-~]{1,1000}$", var.mutual_tls_truststore_uri))
    error_message = "mutual_tls_truststore_uri is the URI of an object in S3, such as s3://bucket/truststore.pem."
  }
}

variable "mutual_tls_truststore_version" {
  type        = string
  default     = ""
  description = "The version of that object, in a bucket with versions. Without it, a changed object is not noticed."

  validation {
    condition     = can(regex("^$|^[!-~]{1,1000}$", var.mutual_tls_truststore_version))
    error_message = "mutual_tls_truststore_version is the version of an object in S3."
  }
}

variable "issuer" {
  type        = string
  default     = ""
  description = "The issuer identifier (RFC 8414, section 2). Empty for https://domain_name, or for the API's own URL if there is no domain_name. Set it if something in front of the API, such as CloudFront, has the public name, and to the present one when a domain_name is added later."

  validation {
    condition     = can(regex("^$|^https://([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)*[a-z]([a-z0-9-]*[a-z0-9])?(:([1-9][0-9]?|[1-35-9][0-9]{2}|4[0-35-9][0-9]|44[0-24-9]|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/(([A-Za-z0-9_~!$&'()*+,;=:@-]|%([013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*|\\.([A-Za-z0-9_~!$&'()*+,;=:@-]|%([013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*|\\.\\.([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+))*/?$", var.issuer))
    error_message = "issuer is an https URL with its host name in lower case, without a port that is 443, a query, a fragment or a user."
  }
}

variable "origin_secrets" {
  type        = list(string)
  default     = []
  sensitive   = true
  description = "The secret that the component in front of the API, such as CloudFront, adds to each request as X-Passgrant-Origin; or two, of which either is accepted. Whoever calls the API's own URL without it is refused. It is in the state and in the function's environment."

  validation {
    condition     = can(regex("^$|^[!-+\\--~]{32,512}(,[!-+\\--~]{32,512})?$", join(",", var.origin_secrets)))
    error_message = "origin_secrets is one secret or two, each of 32 to 512 visible ASCII characters without commas."
  }
}

variable "signing_algorithm" {
  type        = string
  default     = "RS256"
  description = "The algorithm of tokens for clients that are set to no other; a key must fit it. Of these, JWT authorizers of API Gateway accept RS256."

  validation {
    condition     = contains(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"], var.signing_algorithm)
    error_message = "signing_algorithm is RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384 or HS512."
  }
}

# There is no default: after a rotation to B, whoever left it out would withdraw the key that every token in use was signed with.
variable "signing_keys" {
  type        = list(string)
  description = "The labels of the keys of signing_key_specs that are in use, [\"A\"] for a new deployment. The first that fits an algorithm signs, and all are published. docs/deploy.md describes the rotation."

  validation {
    condition     = length(distinct(var.signing_keys)) == length(var.signing_keys)
    error_message = "The labels of signing_keys are different."
  }
}

variable "signing_key_specs" {
  type        = map(string)
  default     = { A = "RSA_2048" }
  description = "The keys that the module creates: the KMS key spec of each label. A key that is taken off signing_keys is kept until it is removed here. Never change the spec of an existing key: Terraform would replace the key."

  # ECC_NIST_EDWARDS25519 is missing, since version 5 of the provider does not support it: such a key goes into signing_key_arns.
  validation {
    condition = alltrue([for spec in values(var.signing_key_specs) : contains([
      "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "HMAC_256", "HMAC_384", "HMAC_512",
    ], spec)])
    error_message = "A key spec is RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, HMAC_256, HMAC_384 or HMAC_512."
  }
}

variable "multi_region_keys" {
  type        = list(string)
  default     = []
  description = "The labels of those of signing_key_specs that can be replicated into other regions (docs/operations.md#regions). That is decided when a key is created: Terraform would replace one that exists."

  validation {
    condition     = length(distinct(var.multi_region_keys)) == length(var.multi_region_keys)
    error_message = "The labels of multi_region_keys are different."
  }
}

variable "signing_key_algorithms" {
  type        = map(string)
  default     = {}
  description = "For each label, the one algorithm that an RSA key signs with and is published with; `any` binds the key to none. If none is given, it is signing_algorithm if that is an RSA algorithm. Do not change it while tokens that the key signed are in use."

  validation {
    condition = alltrue([for algorithm in values(var.signing_key_algorithms) : contains([
      "any", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    ], algorithm)])
    error_message = "An algorithm of signing_key_algorithms is RS256, RS384, RS512, PS256, PS384, PS512 or any."
  }
}

variable "signing_key_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of KMS keys of your own that come before those of signing_keys."

  validation {
    condition     = alltrue([for arn in var.signing_key_arns : can(regex("^arn:[^\\s,=]+:key/[^\\s,=]+$", arn))])
    error_message = "signing_key_arns is ARNs of KMS keys, not of aliases."
  }
}

variable "wrapping_key" {
  type        = bool
  default     = false
  description = "Whether the module creates the KMS key that wraps the keys of envelope_keys. docs/envelope-keys.md describes when such keys are worth having."
}

variable "wrapping_key_arn" {
  type        = string
  default     = ""
  description = "The ARN of a KMS key of your own that wraps the keys of envelope_keys, instead of one that the module creates."

  validation {
    condition     = can(regex("^$|^arn:[!-+\\--<>-~]+:key/[!-+\\--<>-~]+$", var.wrapping_key_arn))
    error_message = "wrapping_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "envelope_keys" {
  type        = list(string)
  default     = []
  description = "Wrapped keys that come before all others, as `passgrant key create` says how to list them."

  validation {
    condition     = alltrue([for key in var.envelope_keys : can(regex("^envelope:[a-z0-9-]{1,64}(=(RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA|HS256|HS384|HS512))?$", key))])
    error_message = "envelope_keys is wrapped keys, such as envelope:main-2026=RS256."
  }
}

variable "published_envelope_keys" {
  type        = list(string)
  default     = []
  description = "Wrapped keys that come after all others."

  validation {
    condition     = alltrue([for key in var.published_envelope_keys : can(regex("^envelope:[a-z0-9-]{1,64}(=(RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA|HS256|HS384|HS512))?$", key))])
    error_message = "published_envelope_keys is wrapped keys, such as envelope:main-2026=RS256."
  }
}

variable "published_key_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of KMS keys of your own that come after those of signing_keys."

  validation {
    condition     = alltrue([for arn in var.published_key_arns : can(regex("^arn:[^\\s,=]+:key/[^\\s,=]+$", arn))])
    error_message = "published_key_arns is ARNs of KMS keys, not of aliases."
  }
}

variable "empty_scope" {
  type        = string
  default     = ""
  description = "The scope that is granted when nothing else is."

  validation {
    condition     = can(regex("^$|^[!#-\\[\\]-~]+( [!#-\\[\\]-~]+){0,63}$", var.empty_scope))
    error_message = "empty_scope is up to 64 scope tokens (RFC 6749, section 3.3) with one space between them."
  }
}

variable "cors_origins" {
  type        = list(string)
  default     = []
  description = "The origins of browser applications that may call the service."

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^(https://(([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)*[a-z]([a-z0-9-]*[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\\[::1\\])(:([1-9][0-9]?|[1-35-9][0-9]{2}|4[0-35-9][0-9]|44[0-24-9]|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?|http://(([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)*[a-z]([a-z0-9-]*[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\\[::1\\])(:([1-9]|[1-79][0-9]|8[1-9]|[1-9][0-9]{2}|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)$", origin))])
    error_message = "An origin is a scheme, a host in lower case and, unless it is the default one, a port: https://app.example.com."
  }
}

variable "default_scope" {
  type        = string
  default     = ""
  description = "The scope of a request without one, from a client without a default of its own. Scope tokens separated by spaces."

  validation {
    condition     = can(regex("^$|^[!#-\\[\\]-~]+( [!#-\\[\\]-~]+){0,63}$", var.default_scope))
    error_message = "default_scope is up to 64 scope tokens (RFC 6749, section 3.3) with one space between them."
  }
}

variable "username_profile" {
  type        = string
  default     = "case_mapped"
  description = "The PRECIS profile of usernames (RFC 8265, section 3): case_mapped or case_preserved. It cannot be changed once there are users."

  validation {
    condition     = contains(["case_mapped", "case_preserved"], var.username_profile)
    error_message = "username_profile is case_mapped or case_preserved."
  }
}

variable "password_range_url" {
  type        = string
  default     = ""
  description = "The range service of leaked passwords that password_range_at_login asks, such as https://api.pwnedpasswords.com/range/. It gets five digits of a password's SHA-1 digest."

  validation {
    condition     = can(regex("^$|^https://(([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\\[::1\\])(:([1-9][0-9]{0,2}|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/(([A-Za-z0-9_~!$&'()*+,;=:@-]|%([013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*|\\.([A-Za-z0-9_~!$&'()*+,;=:@-]|%([013-9A-Fa-f][0-9A-Fa-f]|2[0-9A-DFa-df]))([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*|\\.\\.([.A-Za-z0-9_~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+))*/$", var.password_range_url))
    error_message = "password_range_url is an https URL that ends in a slash, without a query, a fragment or a user."
  }
}

variable "password_range_at_login" {
  type        = string
  default     = "off"
  description = "What happens to a password that is found to have leaked, after a login with it: log logs it, refuse also refuses it from the next login on."

  validation {
    condition     = contains(["off", "log", "refuse"], var.password_range_at_login)
    error_message = "password_range_at_login is off, log or refuse."
  }
}

variable "password_grant" {
  type        = bool
  default     = true
  description = "Whether the password grant is on. If it is off, existing sessions continue."
}

variable "attempts_limit" {
  type        = number
  default     = 10
  description = "How many different wrong passwords lock a username in attempts_window."

  validation {
    condition     = var.attempts_limit >= 1 && var.attempts_limit <= 100 && floor(var.attempts_limit) == var.attempts_limit
    error_message = "attempts_limit is a whole number from 1 to 100."
  }
}

variable "attempts_window" {
  type        = string
  default     = "15m"
  description = "The time in which attempts count towards attempts_limit, and the length of the first lock. At most 24h."

  validation {
    condition     = can(regex("^(([1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)s|([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m|([1-9]|1[0-9]|2[0-4])h|1d)$", var.attempts_window))
    error_message = "attempts_window is a whole number of s, m or h, such as 15m, from 1s to 24h."
  }
}

variable "attempts_source_names" {
  type        = number
  default     = 100
  description = "For how many usernames one source address may send wrong passwords within an hour; 0 is no limit."

  validation {
    condition     = var.attempts_source_names >= 0 && var.attempts_source_names <= 10000 && floor(var.attempts_source_names) == var.attempts_source_names
    error_message = "attempts_source_names is a whole number from 0 to 10000."
  }
}

variable "attempts_spared_networks" {
  type        = list(string)
  default     = []
  description = "Networks that attempts_source_names spares, such as 192.0.2.0/24."

  validation {
    condition     = alltrue([for network in var.attempts_spared_networks : can(regex("^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}/([12]?[0-9]|3[0-2])|(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,7}:|([0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,5}(:[0-9A-Fa-f]{1,4}){1,2}|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}|([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){1,4}|([0-9A-Fa-f]{1,4}:){1,2}(:[0-9A-Fa-f]{1,4}){1,5}|[0-9A-Fa-f]{1,4}:(:[0-9A-Fa-f]{1,4}){1,6}|:(:[0-9A-Fa-f]{1,4}){1,7}|::)/([1-9]?[0-9]|1[01][0-9]|12[0-8]))$", network))])
    error_message = "A network of attempts_spared_networks is written as 192.0.2.0/24."
  }
}

variable "trusted_hops" {
  type        = number
  default     = 0
  description = "How many proxies stand before API Gateway and append to X-Forwarded-For; 1 for CloudFront. Give origin_secrets too, since whoever gets past the proxies could write that header."

  validation {
    condition     = contains([0, 1, 2, 3, 4, 5], var.trusted_hops)
    error_message = "trusted_hops is a whole number from 0 to 5."
  }
}

variable "auth_chain" {
  type        = string
  default     = "directory"
  description = "The credential-verifier chain of clients that have none of their own."

  validation {
    condition     = can(regex("^[a-z0-9_-]{1,64}$", var.auth_chain))
    error_message = "auth_chain is 1 to 64 small letters, digits, hyphens and underscores."
  }
}

variable "auth_chains" {
  type        = map(list(string))
  default     = {}
  description = "More chains: the verifiers of each, in the order in which they are asked. A verifier is directory or one of delegated_verifiers."

  validation {
    condition     = alltrue([for verifiers in values(var.auth_chains) : length(distinct(verifiers)) == length(verifiers)])
    error_message = "A chain asks a verifier only once."
  }

  validation {
    condition     = alltrue([for verifiers in values(var.auth_chains) : length(verifiers) >= 1 && length(verifiers) <= 3])
    error_message = "A chain has 1 to 3 verifiers."
  }

  validation {
    condition     = alltrue([for name in concat(keys(var.auth_chains), flatten(values(var.auth_chains))) : can(regex("^[a-z0-9_-]{1,64}$", name))])
    error_message = "The name of a chain or of a verifier is 1 to 64 small letters, digits, hyphens and underscores."
  }

  validation {
    condition     = !contains(keys(var.auth_chains), "directory")
    error_message = "The chain directory is always there, and cannot be defined again."
  }
}

variable "delegated_verifiers" {
  type = list(object({
    name   = string
    url    = string
    import = optional(bool, false)
  }))
  default     = []
  description = "The delegated verifiers. If one of them imports, the function may create users."

  validation {
    condition     = alltrue([for verifier in var.delegated_verifiers : can(regex("^[a-z0-9_-]{1,64}$", verifier.name)) && verifier.name != "directory"])
    error_message = "The name of a delegated verifier is 1 to 64 small letters, digits, hyphens and underscores, and not directory."
  }

  validation {
    condition     = length(distinct(var.delegated_verifiers[*].name)) == length(var.delegated_verifiers)
    error_message = "The names of delegated_verifiers are different."
  }

  validation {
    condition     = alltrue([for verifier in var.delegated_verifiers : can(regex("^https://([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?(:([1-9][0-9]{0,2}|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[./%A-Za-z0-9_~!$&'()*+,;=:@-]*)?(\\?[./?%A-Za-z0-9_~!$&'()*+,;=:@-]*)?$", verifier.url))])
    error_message = "The url of a delegated verifier is an https URL with a host name, without a fragment or a user."
  }
}

variable "delegated_secrets" {
  type        = map(string)
  default     = {}
  sensitive   = true
  description = "The secret that signs the calls of each delegated verifier, by the verifier's name. It is in the state and in the function's environment."

  validation {
    condition     = alltrue([for secret in values(var.delegated_secrets) : can(regex("^[!-~]{32,512}$", secret))])
    error_message = "A secret of delegated_secrets is 32 to 512 visible ASCII characters."
  }
}

variable "delegated_secret_arns" {
  type        = map(string)
  default     = {}
  description = "Secrets in Secrets Manager instead of those of delegated_secrets, by the verifier's name: the ARN of each. They are read at each plan, and are in the state and in the function's environment."

  validation {
    condition     = alltrue([for arn in values(var.delegated_secret_arns) : can(regex("^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$", arn))])
    error_message = "delegated_secret_arns is ARNs of secrets in Secrets Manager."
  }
}

variable "detailed_errors" {
  type        = bool
  default     = true
  description = "Whether OAuth error responses carry error_description."
}

variable "client_cache" {
  type        = string
  default     = "60s"
  description = "How long an instance may go on using a client that it has read, and so how late it may notice that one was disabled. 0s reads each time."

  validation {
    condition     = can(regex("^((0|[1-9][0-9]{0,5}|[12][0-9]{6}|3[0-5][0-9]{5}|3600000)ms|(0|[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)s|([0-9]|[1-5][0-9]|60)m|[01]h)$", var.client_cache))
    error_message = "client_cache is a whole number of ms, s, m or h, such as 60s, at most 1h."
  }
}

variable "argon2_memory_kib" {
  type        = number
  default     = 19456
  description = "The Argon2id memory in KiB. Keep it well below memory_size."

  validation {
    condition     = var.argon2_memory_kib >= 8 && var.argon2_memory_kib <= 1048576 && floor(var.argon2_memory_kib) == var.argon2_memory_kib
    error_message = "argon2_memory_kib is a whole number from 8 to 1048576."
  }
}

variable "argon2_iterations" {
  type        = number
  default     = 2
  description = "The Argon2id passes for passwords that are set from then on."

  validation {
    condition     = var.argon2_iterations >= 1 && var.argon2_iterations <= 64 && floor(var.argon2_iterations) == var.argon2_iterations
    error_message = "argon2_iterations is a whole number from 1 to 64."
  }
}

variable "throttle_rate" {
  type        = number
  default     = 50
  description = "The requests per second that the API lets through, from all callers together, except what verifier_throttle_rate counts."

  validation {
    condition     = var.throttle_rate >= 1
    error_message = "throttle_rate is at least 1."
  }
}

variable "throttle_burst" {
  type        = number
  default     = 100
  description = "The requests that the API lets through at once above throttle_rate."

  validation {
    condition     = var.throttle_burst >= 1 && floor(var.throttle_burst) == var.throttle_burst
    error_message = "throttle_burst is a whole number, at least 1."
  }
}

variable "verifier_throttle_rate" {
  type        = number
  default     = 200
  description = "The requests per second, and as many at once, for each route that APIs need for verifying tokens: the keys, each metadata document, introspection and userinfo. Each route is counted separately."

  validation {
    condition     = var.verifier_throttle_rate >= 1 && floor(var.verifier_throttle_rate) == var.verifier_throttle_rate
    error_message = "verifier_throttle_rate is a whole number, at least 1."
  }
}

variable "clients_table_name" {
  type        = string
  default     = ""
  description = "The table of clients that the module uses instead of creating one."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9_.-]{3,255}$", var.clients_table_name))
    error_message = "clients_table_name is the name of a table, not its ARN."
  }
}

variable "users_table_name" {
  type        = string
  default     = ""
  description = "The table of users that the module uses instead of creating one."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9_.-]{3,255}$", var.users_table_name))
    error_message = "users_table_name is the name of a table, not its ARN."
  }
}

variable "tokens_table_name" {
  type        = string
  default     = ""
  description = "The table of sessions that the module uses instead of creating one. Never a restored one."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9_.-]{3,255}$", var.tokens_table_name))
    error_message = "tokens_table_name is the name of a table, not its ARN."
  }
}

variable "reserved_concurrency" {
  type        = number
  default     = null
  description = "How many instances of the function there can be at most, which are kept from all other functions of the account. Null for as many as the account leaves."

  validation {
    condition     = var.reserved_concurrency == null ? true : var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency is a whole number, at least 1."
  }
}

variable "provisioned_concurrency" {
  type        = number
  default     = null
  description = "How many instances are started ahead of requests, and paid for while they wait. Null for none."

  validation {
    condition     = var.provisioned_concurrency == null ? true : var.provisioned_concurrency >= 1 && floor(var.provisioned_concurrency) == var.provisioned_concurrency
    error_message = "provisioned_concurrency is a whole number, at least 1."
  }
}

variable "log_key_arn" {
  type        = string
  default     = ""
  description = "The ARN of a KMS key of your own that encrypts the logs. Its policy has to let CloudWatch Logs use it."

  validation {
    condition     = can(regex("^$|^arn:[!-+\\--<>-~]+:key/[!-+\\--<>-~]+$", var.log_key_arn))
    error_message = "log_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "environment_key_arn" {
  type        = string
  default     = ""
  description = "The ARN of a KMS key of your own that encrypts the function's environment, instead of the one that AWS manages."

  validation {
    condition     = can(regex("^$|^arn:[!-+\\--<>-~]+:key/[!-+\\--<>-~]+$", var.environment_key_arn))
    error_message = "environment_key_arn is the ARN of a KMS key, not of an alias."
  }
}

variable "code_signing_config_arn" {
  type        = string
  default     = ""
  description = "The code signing configuration by which the function's code has to be signed. Empty if it need not be."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn is the ARN of a code signing configuration."
  }
}

variable "otlp_endpoint" {
  type        = string
  default     = ""
  description = "The collector that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318 for one that runs as an extension of the function. Empty for no traces."

  validation {
    condition     = can(regex("^$|^http://(127\\.0\\.0\\.1|localhost)(:([1-9][0-9]{0,2}|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/?$|^https://(([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\\[::1\\])(:([1-9][0-9]{0,2}|[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9_~-]+)*/?$", var.otlp_endpoint))
    error_message = "otlp_endpoint is an https URL, or http://127.0.0.1 with a port, without a query, a fragment or a user."
  }
}

variable "otlp_ratio" {
  type        = string
  default     = "1"
  description = "The share of requests that are traced, from 0 to 1, if there is an otlp_endpoint."

  validation {
    condition     = can(regex("^(0|1|0\\.[0-9]{1,6})$", var.otlp_ratio))
    error_message = "otlp_ratio is a number from 0 to 1, such as 0.05."
  }
}

variable "log_level" {
  type        = string
  default     = "info"
  description = "What is logged: error, warn, info or debug."

  validation {
    condition     = contains(["error", "warn", "info", "debug"], var.log_level)
    error_message = "log_level is error, warn, info or debug."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 30
  description = "The number of days for which the function's log and the access log, which contains client addresses, are kept."

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days is one of the numbers that CloudWatch Logs has: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "audit_retention_days" {
  type        = number
  default     = 365
  description = "The number of days for which the audit log of operators, who changed what and when, is kept."

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.audit_retention_days)
    error_message = "audit_retention_days is one of the numbers that CloudWatch Logs has: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "alert_email" {
  type        = string
  default     = ""
  description = "The e-mail address that is told when something is wrong: requests that fail or are slow, guessing, a stolen refresh token, changes of the keys or of the code. SNS asks it for a confirmation first. Without it and alert_topic_arn there are no alarms."

  validation {
    condition     = can(regex("^$|^[^\\s@]+@[^\\s@]+$", var.alert_email))
    error_message = "alert_email is an e-mail address."
  }
}

variable "alert_topic_arn" {
  type        = string
  default     = ""
  description = "An SNS topic of your own, in the region of the deployment, that is told the same. CloudWatch and EventBridge, and AWS Budgets for monthly_budget, have to be allowed to publish to it. Empty for none."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.alert_topic_arn))
    error_message = "alert_topic_arn is the ARN of an SNS topic."
  }
}

variable "availability_objective" {
  type        = string
  default     = "99.9"
  description = "How many in a hundred requests are to be answered without a 5xx. Alarms tell when failures are too frequent for it."

  validation {
    condition     = can(regex("^9[0-9](\\.[0-9]{1,3})?$", var.availability_objective))
    error_message = "availability_objective is a percentage from 90 to 99.999."
  }
}

variable "latency_objective" {
  type        = number
  default     = 1000
  description = "Within how many milliseconds 99 in a hundred requests are to be answered. Alarms tell when they are not."

  validation {
    condition     = floor(var.latency_objective) == var.latency_objective && var.latency_objective >= 50 && var.latency_objective <= 28000
    error_message = "latency_objective is a whole number of milliseconds from 50 to 28000."
  }
}

variable "locks_alarm" {
  type        = number
  default     = 20
  description = "How many usernames locked within five minutes set off an alarm."

  validation {
    condition     = var.locks_alarm >= 1
    error_message = "locks_alarm is at least 1."
  }
}

variable "monthly_budget" {
  type        = number
  default     = 0
  description = "What the whole account may cost in a month, in US dollars: alert_email and alert_topic_arn are told at 80 per cent of it, and when the forecast exceeds it. 0 for no budget."

  validation {
    condition     = var.monthly_budget >= 0
    error_message = "monthly_budget is not negative."
  }
}

variable "synthetic_login_secret_arn" {
  type        = string
  default     = ""
  description = "The whole ARN of the secret in Secrets Manager with the client_id, client_secret, username and password with which a login is tried every five minutes, encrypted with the key aws/secretsmanager. Empty for no such login. docs/operations.md describes it."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+$", var.synthetic_login_secret_arn))
    error_message = "synthetic_login_secret_arn is the ARN of a secret in Secrets Manager."
  }
}

variable "dashboard" {
  type        = bool
  default     = false
  description = "Whether there is a dashboard in CloudWatch. An account has three of them for nothing; each other one costs $3 a month."
}

variable "deployment_check" {
  type        = bool
  default     = false
  description = "Whether a new version has to read the keys and to sign before it gets a request. Whoever deploys may then call lambda:InvokeFunction."
}

variable "live_version" {
  type        = string
  default     = ""
  description = "The version that keeps the requests, or goes on with most of them, after an update. Empty for the newest. docs/deploy.md describes the order."

  validation {
    condition     = can(regex("^$|^[1-9][0-9]*$", var.live_version))
    error_message = "live_version is the number of a version."
  }
}

variable "canary_weight" {
  type        = number
  default     = 0
  description = "The part of the requests, from 0 to 1, that the newest version gets while live_version has the others."

  validation {
    condition     = var.canary_weight >= 0 && var.canary_weight <= 1
    error_message = "canary_weight is a number from 0 to 1."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Whether DynamoDB refuses to delete the tables."
}

variable "delete_users" {
  type        = bool
  default     = false
  description = "Whether `terraform destroy` may delete the tables of clients and users, once deletion_protection is off as well."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "The tags of everything that can be tagged."
}
