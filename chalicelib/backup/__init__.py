"""Backups of the tables in the bucket, in the format of DynamoDB's own exports.

Packgrid's export reads the tables one after another during writes, so it is not consistent; the
check after a restore reports what does not fit. AWS makes consistent exports:
ExportTableToPointInTime of every table with the same ExportTime. Both are restored alike.
"""
