# Only operators write clients and users, and no deployment can bring them back: DynamoDB refuses to delete these two tables,
# and so `terraform destroy` keeps them, until delete_users says otherwise, whatever deletion_protection is.
#
# SSE uses the key that AWS manages for DynamoDB. Unlike with the default key, which is invisible, each use of it is an event
# in CloudTrail; unlike a customer managed key, it cannot be disabled or deleted by mistake, and every user with it.
resource "aws_dynamodb_table" "clients" {
  name                        = "${var.name}-clients"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "client_id"
  deletion_protection_enabled = var.deletion_protection || !var.delete_users
  tags                        = var.tags

  attribute {
    name = "client_id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_dynamodb_table" "users" {
  name                        = "${var.name}-users"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "username"
  deletion_protection_enabled = var.deletion_protection || !var.delete_users
  tags                        = var.tags

  attribute {
    name = "username"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

# If this table is lost, users only have to log in again. Its backups are evidence: if they were put back into service, they
# would revive revoked sessions.
resource "aws_dynamodb_table" "tokens" {
  name                        = "${var.name}-tokens"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
