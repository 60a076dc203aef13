"""Local stand-ins for AWS: the embedded engine and an HTTP server. Never deployed."""
