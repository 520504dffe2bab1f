# The role that the scanner assumes in a workflow of GitHub, by OpenID Connect, with the rights of policy.json
# (those of docs/aws-permissions.md) and no others.
#
# An account has one provider for GitHub at most: where there is one already, name it in oidc_provider_arn.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.81"
    }
  }
}

variable "subjects" {
  description = "Which workflows may assume the role: the subjects of their tokens, such as repo:OWNER/REPO:pull_request"
  type        = list(string)
}

variable "oidc_provider_arn" {
  description = "The account's provider for token.actions.githubusercontent.com; null to make it"
  type        = string
  default     = null
}

variable "role_name" {
  description = "Name of the role"
  type        = string
  default     = "privilege-scan"
}

variable "ledger" {
  description = "BUCKET/KEY of a ledger in S3, which the role may then read and write; null without one"
  type        = string
  default     = null
}

locals {
  issuer   = "token.actions.githubusercontent.com"
  provider = var.oidc_provider_arn != null ? var.oidc_provider_arn : aws_iam_openid_connect_provider.github[0].arn
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = var.subjects
    }
  }
}

resource "aws_iam_role" "scanner" {
  name                 = var.role_name
  description          = "xray-privilege-scan reads traces, functions and roles"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "scanner" {
  name   = "privilege-scan"
  role   = aws_iam_role.scanner.id
  policy = file("${path.module}/policy.json")
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "ledger" {
  count = var.ledger == null ? 0 : 1

  statement {
    sid       = "KeepLedger"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.ledger}"]
  }

  statement {
    sid       = "TellWhetherThereIsOne"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${split("/", var.ledger)[0]}"]
  }
}

resource "aws_iam_role_policy" "ledger" {
  count = var.ledger == null ? 0 : 1

  name   = "privilege-scan-ledger"
  role   = aws_iam_role.scanner.id
  policy = data.aws_iam_policy_document.ledger[0].json
}

output "role_arn" {
  description = "The input role-to-assume of aws-actions/configure-aws-credentials"
  value       = aws_iam_role.scanner.arn
}
