"""Terraform and OpenTofu: the roles of modules, which are folders of files in HCL. Pure."""
