"""From this clone to a stack: the package of a stage, and its life in CloudFormation."""
