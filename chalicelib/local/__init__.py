"""What stands in for AWS on a developer's machine; nothing here is used when deployed."""
