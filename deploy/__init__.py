"""Deployment: the package of a stage and its stack in CloudFormation."""
