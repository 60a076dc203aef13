"""The packaged artefact from its first deployment to its removal, on the embedded engine."""
