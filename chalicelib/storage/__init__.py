"""What lies in DynamoDB, and the only code that talks to it."""
