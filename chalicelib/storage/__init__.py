"""Access to DynamoDB, S3 and other AWS services: the only code that uses their clients."""
