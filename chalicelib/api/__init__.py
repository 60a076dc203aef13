"""HTTP: from an API Gateway event to the original's answer."""
