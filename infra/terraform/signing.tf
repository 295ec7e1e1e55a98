# One key for each label, so that a new key can be published before it signs and an old one after it did. RSA, because
# JWT authorizers of API Gateway verify nothing else.
resource "aws_kms_key" "signing" {
  for_each = toset(var.signing_keys)

  description              = "Signs the tokens of ${var.name} (${each.key})"
  customer_master_key_spec = "RSA_2048"
  key_usage                = "SIGN_VERIFY"
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

  statement {
    sid       = "PublishKeys"
    actions   = ["kms:GetPublicKey"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.function.arn]
    }
  }

  statement {
    sid       = "SignDigests"
    actions   = ["kms:Sign"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.function.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:MessageType"
      values   = ["DIGEST"]
    }

    # All that the key can do: which of them signs is the client's registration.
    condition {
      test     = "StringEquals"
      variable = "kms:SigningAlgorithm"
      values = [
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
      ]
    }
  }

  statement {
    sid       = "NobodyElseSigns"
    effect    = "Deny"
    actions   = ["kms:CreateGrant", "kms:Sign"]
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

# For people: the function goes by ARN.
resource "aws_kms_alias" "signing" {
  name          = "alias/${var.name}-signing"
  target_key_id = aws_kms_key.signing[var.signing_keys[0]].key_id
}
