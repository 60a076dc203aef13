"""The simulated hosts: what each answers, and which limits it keeps."""
