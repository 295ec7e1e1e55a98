# Only operators write clients and users, and no deployment can bring them back: DynamoDB refuses to delete these two tables,
# and so `terraform destroy` keeps them, until delete_users says otherwise, whatever deletion_protection is.
#
# SSE uses the key that AWS manages for DynamoDB. Unlike with the default key, which is invisible, each use of it is an event
# in CloudTrail; unlike a customer managed key, it cannot be disabled or deleted by mistake, and every user with it.
resource "aws_dynamodb_table" "clients" {
  count = var.clients_table_name == "" ? 1 : 0

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
  count = var.users_table_name == "" ? 1 : 0

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
  count = var.tokens_table_name == "" ? 1 : 0

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

locals {
  # The tables in use: those of the module, and those that are there already.
  tables = {
    clients = one(concat(aws_dynamodb_table.clients[*], data.aws_dynamodb_table.clients[*]))
    users   = one(concat(aws_dynamodb_table.users[*], data.aws_dynamodb_table.users[*]))
    tokens  = one(concat(aws_dynamodb_table.tokens[*], data.aws_dynamodb_table.tokens[*]))
  }
}

data "aws_dynamodb_table" "clients" {
  count = var.clients_table_name == "" ? 0 : 1

  name = var.clients_table_name

  lifecycle {
    postcondition {
      condition     = self.hash_key == "client_id" && try(length(self.range_key), 0) == 0
      error_message = "The table of clients_table_name is not one of clients: its key is not client_id alone."
    }
  }
}

data "aws_dynamodb_table" "users" {
  count = var.users_table_name == "" ? 0 : 1

  name = var.users_table_name

  lifecycle {
    postcondition {
      condition     = self.hash_key == "username" && try(length(self.range_key), 0) == 0
      error_message = "The table of users_table_name is not one of users: its key is not username alone."
    }
  }
}

data "aws_dynamodb_table" "tokens" {
  count = var.tokens_table_name == "" ? 0 : 1

  name = var.tokens_table_name

  lifecycle {
    postcondition {
      condition     = self.hash_key == "id" && try(length(self.range_key), 0) == 0
      error_message = "The table of tokens_table_name is not one of tokens: its key is not id alone."
    }

    postcondition {
      condition     = anytrue([for ttl in self.ttl : ttl.enabled && ttl.attribute_name == "expires_at"])
      error_message = "What expires is not deleted from the table of tokens_table_name: its TTL is not on for expires_at."
    }
  }
}

moved {
  from = aws_dynamodb_table.clients
  to   = aws_dynamodb_table.clients[0]
}

moved {
  from = aws_dynamodb_table.users
  to   = aws_dynamodb_table.users[0]
}

moved {
  from = aws_dynamodb_table.tokens
  to   = aws_dynamodb_table.tokens[0]
}
