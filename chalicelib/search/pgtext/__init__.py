"""Text search of PostgreSQL 15: its parser, lexemes and queries."""
