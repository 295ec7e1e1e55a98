terraform {
  required_version = ">= 1.5"

  # There is no provider block: region and credentials come from the environment, or from the module that calls this one.
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
