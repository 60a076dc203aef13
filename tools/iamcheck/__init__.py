"""Check the functions' IAM policies: every call is allowed, and every permission is used.

``plugin`` checks the calls of the tests in this process, ``proxy`` those of other processes.
"""
