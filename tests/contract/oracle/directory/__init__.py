"""The Django app: the directory's resources, as plainly as the framework allows."""
