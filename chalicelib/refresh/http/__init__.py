"""Requests to upstreams: bounded in time, size, number and destination."""
