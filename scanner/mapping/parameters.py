"""Which parameters of a call are kept: those that can name a resource, or choose the action."""

# Parameters of a call that can name a resource, as do all that end in `_arn` or `_name`. What else the SDKs
# capture (keys, counts, message ids) is left out: it names no resource, and there is no end of it.
RESOURCE_PARAMETERS = frozenset(
    {"bucket", "name", "qualifier", "queue_owner_aws_account_id", "queue_url", "secret_id"}
)
NOT_RESOURCES = frozenset({"execution_arn", "exclusive_start_table_name"})
# Only whether the call had them matters: the action differs.
PRESENCE_PARAMETERS = frozenset({"version_id"})
