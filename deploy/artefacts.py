"""The bucket with the packages and templates of all stages; it belongs to no stack."""

import hashlib
import json
from typing import Any

from botocore.exceptions import ClientError

_BLOCK_PUBLIC_ACCESS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


class Artefacts:
    """Stores objects under the digest of their content, so that known content changes nothing.

    ``s3`` is a client of the region. Its calls name the account that must own the bucket, because
    somebody else could guess the bucket's name and create it first.
    """

    def __init__(self, s3: Any, account: str, region: str) -> None:
        self._s3 = s3
        self._region = region
        self.bucket = f"packgrid-artefacts-{account}-{region}"
        self._owned = {"Bucket": self.bucket, "ExpectedBucketOwner": account}

    def ensure_bucket(self) -> None:
        """Create the bucket if missing; block public access and requests without TLS."""
        try:
            self._s3.head_bucket(**self._owned)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
            self._create_bucket()
        self._s3.put_public_access_block(
            **self._owned, PublicAccessBlockConfiguration=dict.fromkeys(_BLOCK_PUBLIC_ACCESS, True)
        )
        self._s3.put_bucket_policy(**self._owned, Policy=json.dumps(self._build_policy()))

    def put(self, stage: str, content: bytes, suffix: str) -> str:
        """Upload an object; return its key."""
        key = f"{stage}/{hashlib.sha256(content).hexdigest()}{suffix}"
        self._s3.put_object(**self._owned, Key=key, Body=content)
        return key

    def get_url(self, key: str) -> str:
        """Return the URL at which CloudFormation reads an object."""
        # The region's endpoint: the global one does not know a new bucket for a while.
        return f"{self._s3.meta.endpoint_url}/{self.bucket}/{key}"

    def _create_bucket(self) -> None:
        # S3 rejects its default region as a constraint.
        location = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        options = {"CreateBucketConfiguration": location} if location else {}
        self._s3.create_bucket(Bucket=self.bucket, **options)

    def _build_policy(self) -> dict[str, Any]:
        partition = self._s3.meta.partition
        arn = f"arn:{partition}:s3:::{self.bucket}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "OnlyOverTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
