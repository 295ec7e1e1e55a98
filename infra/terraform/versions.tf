terraform {
  required_version = ">= 1.5"

  # There is no provider block: region and credentials come from the environment, or from the module that calls this one.
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Of what version 6 changed or removed, this module uses nothing. .terraform.lock.hcl has the version that it is tested with.
      version = ">= 5.100, < 7.0"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}
