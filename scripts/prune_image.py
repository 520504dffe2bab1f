"""Take out of the image's environment what the action does not use: AWS service models, pip.

The image's build runs it with the environment's own Python. The build fails where a service that the program
uses is missing: a client of each one is made at the end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# what the program asks: scanner/aws/clients.py, and what others name to `Aws.client`
USED = (
    *("apprunner", "batch", "cloudformation", "cloudtrail", "cloudwatch", "ec2", "ecs", "eks", "iam"),
    *("lambda", "logs", "s3", "stepfunctions", "xray"),
)
# what credentials come from: roles, web identity, IAM Identity Center, `aws login`
CREDENTIALS = ("signin", "sso", "sso-oidc", "sts")
KEPT = frozenset(USED + CREDENTIALS)


def prune(data: Path, kept: frozenset[str] = KEPT) -> None:
    """Delete every service model under `data` but the newest of these, and the examples of these.

    botocore takes the newest version where none is named. The files at the top (endpoints, partitions,
    retries) belong to all services.
    """
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder)
        elif folder.is_dir():
            for older in sorted(folder.iterdir())[:-1]:
                shutil.rmtree(older)
    for example in data.glob("*/*/examples-1.json*"):
        example.unlink()


def size(folder: Path) -> float:
    """The size of a folder's files, in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    """Prune this Python's environment."""
    import boto3
    import botocore

    environment = Path(sys.prefix)
    before = size(environment)
    models = Path(botocore.__file__).parent / "data"
    models_before = size(models)
    prune(models)
    prune(Path(boto3.__file__).parent / "data", frozenset())  # the resource interface: not used
    subprocess.run(
        [sys.executable, "-m", "pip", "uninstall", "-q", "-y", "--root-user-action", "ignore", "pip"],
        check=True,
    )
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
    for service in sorted(KEPT):
        session.client(service)  # type: ignore[call-overload]  # raises where the model is missing
    print(f"botocore's models: {models_before:.0f} -> {size(models):.0f} MB")
    print(f"environment: {before:.0f} -> {size(environment):.0f} MB, without bytecode")


if __name__ == "__main__":
    main()
