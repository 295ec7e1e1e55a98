locals {
  # In the order of PASSGRANT_SIGNING_KEYS.
  signing_key_arns = concat(
    var.signing_key_arns,
    [for label in var.signing_keys : aws_kms_key.signing[label].arn],
    var.published_key_arns,
  )
  # The same, and the algorithm of each key that is bound to one.
  listed_signing_keys = concat(
    var.signing_key_arns,
    [for label in var.signing_keys : join("=", compact([aws_kms_key.signing[label].arn, local.bound_algorithms[label]]))],
    var.published_key_arns,
  )
  signing_key_specs = { for label in var.signing_keys : label => lookup(var.signing_key_specs, label, "RSA_2048") }

  # Where none is said, an RSA key is for signing_algorithm if that is one of RSA. A key of another spec has one algorithm,
  # and is published with it.
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

  # What the function asks of keys. What a key is asked beyond its spec KMS refuses, so the same statements fit keys of every
  # spec: RSA and ECDSA sign digests, Ed25519 signs messages, HMAC keys make and verify MACs and are described where key pairs
  # are published.
  signing_requests = {
    SignDigests = {
      actions = ["kms:Sign"]
      conditions = {
        "kms:MessageType" = ["DIGEST"]
        # All that a key can do: which of them signs is the client's registration.
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

# One key for each label, so that a new key can be published before it signs and an old one after it did.
resource "aws_kms_key" "signing" {
  for_each = local.signing_key_specs

  description              = "Signs the tokens of ${var.name} (${each.key})"
  customer_master_key_spec = each.value
  key_usage                = startswith(each.value, "HMAC_") ? "GENERATE_VERIFY_MAC" : "SIGN_VERIFY"
  policy                   = data.aws_iam_policy_document.signing_key.json
  # As long as KMS allows. A key that is gone cannot be made again.
  deletion_window_in_days = 30
  tags                    = var.tags

  lifecycle {
    # A key that is retired is deleted after the function's environment has let go of it, not before.
    create_before_destroy = true
  }
}

# IAM policies count for a KMS key only as far as its own policy lets them. This one lets them administer the key and read
# its public half. It lets nobody sign but the function's role, neither directly nor through a grant, and says so as a
# denial too, which still holds when a later edit allows more. Whoever may call kms:PutKeyPolicy can undo that: watch for
# that event.
data "aws_iam_policy_document" "signing_key" {
  statement {
    sid = "AdministerThroughIam"
    actions = [
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
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  # A MAC has nothing public to verify it with: who is to accept such tokens asks KMS.
  statement {
    sid       = "VerifyMacsThroughIam"
    actions   = ["kms:VerifyMac"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "KnowKeys"
    actions   = ["kms:DescribeKey", "kms:GetPublicKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.function.arn]
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
        identifiers = [aws_iam_role.function.arn]
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

# For people: the function goes by ARN. KMS moves no alias between a key pair and a MAC key, hence two names.
resource "aws_kms_alias" "signing" {
  count = length(var.signing_keys) == 0 ? 0 : 1

  name          = "alias/${var.name}-${aws_kms_key.signing[var.signing_keys[0]].key_usage == "SIGN_VERIFY" ? "signing" : "mac"}"
  target_key_id = aws_kms_key.signing[var.signing_keys[0]].key_id
}
