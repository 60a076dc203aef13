"""Backups of the tables in the bucket, in the format of DynamoDB's own exports.

Our export reads the tables one after another while they are written to, so it is no picture of
one instant; the check after a restore tells what does not fit. A consistent one is AWS's own:
ExportTableToPointInTime of every table with the same ExportTime. Both are restored alike.
"""
