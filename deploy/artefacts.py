"""The bucket with packages and templates of all stages, outside of every stack."""

import hashlib
import json
from typing import Any

from botocore.exceptions import ClientError

_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Artefacts:
    """Objects under names made of their content, so that a known one changes nothing.

    ``s3`` is a client of the region. Its calls name the account that must own the bucket, for
    the name could be foretold, and taken by somebody else.
    """

    def __init__(self, s3: Any, account: str, region: str) -> None:
        self._s3 = s3
        self._region = region
        self.bucket = f"packgrid-artefacts-{account}-{region}"
        self._owned = {"Bucket": self.bucket, "ExpectedBucketOwner": account}

    def ensure(self) -> None:
        """Have the bucket be there, closed to the public and to what is not over TLS."""
        try:
            self._s3.head_bucket(**self._owned)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise
            self._create()
        self._s3.put_public_access_block(
            **self._owned, PublicAccessBlockConfiguration=dict.fromkeys(_CLOSED, True)
        )
        self._s3.put_bucket_policy(**self._owned, Policy=json.dumps(self._policy()))

    def put(self, stage: str, content: bytes, suffix: str) -> str:
        """Put an object; returns its key."""
        key = f"{stage}/{hashlib.sha256(content).hexdigest()}{suffix}"
        self._s3.put_object(**self._owned, Key=key, Body=content)
        return key

    def url(self, key: str) -> str:
        """The address of an object as CloudFormation reads it."""
        # The region's own: a new bucket is not known at the global one for a while.
        return f"{self._s3.meta.endpoint_url}/{self.bucket}/{key}"

    def _create(self) -> None:
        # S3 refuses to be told the region that it takes by default.
        where = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        options = {"CreateBucketConfiguration": where} if where else {}
        self._s3.create_bucket(Bucket=self.bucket, **options)

    def _policy(self) -> dict[str, Any]:
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
