locals {
  # The keys in KMS, in the order of PASSGRANT_SIGNING_KEYS.
  signing_key_arns = concat(
    var.signing_key_arns,
    [for label in local.listed_labels : aws_kms_key.signing[label].arn],
    var.published_key_arns,
  )
  # All keys, with the algorithm of each that is bound to one.
  listed_signing_keys = concat(
    var.envelope_keys,
    var.signing_key_arns,
    [for label in local.listed_labels : join("=", compact([aws_kms_key.signing[label].arn, local.bound_algorithms[label]]))],
    var.published_key_arns,
    var.published_envelope_keys,
  )
  # A precondition of the function refuses labels without a key; until it is asked, they are passed over.
  listed_labels     = [for label in var.signing_keys : label if contains(keys(var.signing_key_specs), label)]
  signing_key_specs = { for label in local.listed_labels : label => var.signing_key_specs[label] }

  # If no algorithm is given, an RSA key is bound to signing_algorithm if that is an RSA algorithm. A key of another spec has
  # one algorithm, and is published with it.
  default_algorithm = contains(local.rsa_algorithms, var.signing_algorithm) ? var.signing_algorithm : "any"
  bound_algorithms = {
    for label, spec in local.signing_key_specs :
    label => !startswith(spec, "RSA_") ? "" : trimprefix(lookup(var.signing_key_algorithms, label, local.default_algorithm), "any")
  }

  rsa_algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
  algorithms = {
    RSA_2048      = local.rsa_algorithms
    RSA_3072      = local.rsa_algorithms
    RSA_4096      = local.rsa_algorithms
    ECC_NIST_P256 = ["ES256"]
    ECC_NIST_P384 = ["ES384"]
    ECC_NIST_P521 = ["ES512"]
    HMAC_256      = ["HS256"]
    HMAC_384      = ["HS384"]
    HMAC_512      = ["HS512"]
  }

  has_wrapping_key = var.wrapping_key || var.wrapping_key_arn != ""
  wrapping_key_arn = var.wrapping_key ? aws_kms_key.wrapping[0].arn : var.wrapping_key_arn

  # Not the root user: whoever in this account has a policy of its own that allows the same.
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"

  # What is wrapped as a signing key of this issuer, and nothing else.
  own_keys = {
    "kms:EncryptionContext:purpose" = ["passgrant-signing-key"]
    "kms:EncryptionContext:issuer"  = [local.issuer]
  }

  # What the function asks of keys. KMS refuses whatever a key's spec does not support, so the same statements fit keys of
  # every spec: RSA and ECDSA keys sign digests, Ed25519 keys sign messages, HMAC keys generate and verify MACs, and
  # DescribeKey does for HMAC keys what GetPublicKey does for key pairs.
  signing_requests = {
    SignDigests = {
      actions = ["kms:Sign"]
      conditions = {
        "kms:MessageType" = ["DIGEST"]
        # Everything that a key can do: the client's registration decides which of them is used.
        "kms:SigningAlgorithm" = [
          "RSASSA_PKCS1_V1_5_SHA_256",
          "RSASSA_PKCS1_V1_5_SHA_384",
          "RSASSA_PKCS1_V1_5_SHA_512",
          "RSASSA_PSS_SHA_256",
          "RSASSA_PSS_SHA_384",
          "RSASSA_PSS_SHA_512",
          "ECDSA_SHA_256",
          "ECDSA_SHA_384",
          "ECDSA_SHA_512",
        ]
      }
    }
    SignMessages = {
      actions = ["kms:Sign"]
      conditions = {
        "kms:MessageType"      = ["RAW"]
        "kms:SigningAlgorithm" = ["ED25519_SHA_512"]
      }
    }
    MakeAndVerifyMacs = {
      actions    = ["kms:GenerateMac", "kms:VerifyMac"]
      conditions = { "kms:MacAlgorithm" = ["HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"] }
    }
  }
}

# One key for each label, so that a new key can be published before it signs, and an old one after it has stopped signing.
# There is a key for each label of signing_key_specs, listed or not: tokens that an unlisted one signed may be in use, and the
# list may have been shortened by mistake.
resource "aws_kms_key" "signing" {
  for_each = var.signing_key_specs

  description              = "Signs the tokens of ${var.name} (${each.key})"
  customer_master_key_spec = each.value
  key_usage                = startswith(each.value, "HMAC_") ? "GENERATE_VERIFY_MAC" : "SIGN_VERIFY"
  multi_region             = contains(var.multi_region_keys, each.key)
  policy                   = data.aws_iam_policy_document.signing_key.json
  # The longest time that KMS allows. A deleted key cannot be created again.
  deletion_window_in_days = 30
  tags                    = var.tags

  lifecycle {
    # A retired key is deleted only after it was removed from the function's environment.
    create_before_destroy = true
  }
}

data "aws_iam_policy_document" "administer_key" {
  statement {
    sid = "AdministerThroughIam"
    # Whoever replicates a key gives the replica its policy. KMS replicates no key that is for one region.
    actions = concat(length(var.multi_region_keys) == 0 ? [] : ["kms:ReplicateKey"], [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:GetPublicKey",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ])
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account]
    }
  }
}

# IAM policies apply to a KMS key only as far as its own policy allows. This policy lets them administer the key and read its
# public key. It lets nobody but the function's role sign, directly or through a grant. It also denies this explicitly, which
# still holds if a later edit allows more. Anybody who may call kms:PutKeyPolicy can undo that: watch for that event.
#
# The role is named in conditions, never as a principal. KMS refuses a policy with a principal that it does not know, and may
# not know a role that was created seconds before; a condition is only compared with who calls. With the account as the
# principal, the role's own policy has to allow the call as well, which it does.
data "aws_iam_policy_document" "signing_key" {
  source_policy_documents = [data.aws_iam_policy_document.administer_key.json]

  # There is no public key for verifying a MAC: an API that accepts such tokens has to ask KMS.
  statement {
    sid       = "VerifyMacsThroughIam"
    actions   = ["kms:VerifyMac"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account]
    }
  }

  statement {
    sid       = "KnowKeys"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.function.arn]
    }
  }

  dynamic "statement" {
    for_each = local.signing_requests

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = [local.account]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [aws_iam_role.function.arn]
      }

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

  statement {
    sid       = "NobodyElseSigns"
    effect    = "Deny"
    actions   = ["kms:CreateGrant", "kms:GenerateMac", "kms:Sign"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.function.arn]
    }
  }
}

# The alias is for people: the function uses the ARN. KMS does not move an alias between a key pair and a MAC key, hence the
# two names.
resource "aws_kms_alias" "signing" {
  count = length(local.listed_labels) == 0 ? 0 : 1

  name          = "alias/${var.name}-${aws_kms_key.signing[local.listed_labels[0]].key_usage == "SIGN_VERIFY" ? "signing" : "mac"}"
  target_key_id = aws_kms_key.signing[local.listed_labels[0]].key_id
}

# It wraps the private keys of envelope_keys, which the clients table holds. It is not rotated: it wraps a handful of keys, which
# are.
resource "aws_kms_key" "wrapping" {
  count = var.wrapping_key ? 1 : 0

  description             = "Wraps the signing keys of ${var.name}"
  policy                  = data.aws_iam_policy_document.wrapping_key.json
  deletion_window_in_days = 30
  tags                    = var.tags
}

# Whoever IAM allows to may have new keys wrapped, for this issuer only. Nobody but the function's role may have one unwrapped,
# directly, through a grant or by having it wrapped anew.
data "aws_iam_policy_document" "wrapping_key" {
  source_policy_documents = [data.aws_iam_policy_document.administer_key.json]

  statement {
    sid       = "WrapThroughIam"
    actions   = ["kms:Encrypt", "kms:GenerateDataKeyPairWithoutPlaintext"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account]
    }

    dynamic "condition" {
      for_each = local.own_keys

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = condition.value
      }
    }
  }

  statement {
    sid       = "UnwrapKeys"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.function.arn]
    }

    dynamic "condition" {
      for_each = local.own_keys

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = condition.value
      }
    }
  }

  statement {
    sid       = "NobodyElseUnwraps"
    effect    = "Deny"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [aws_iam_role.function.arn]
    }
  }
}
