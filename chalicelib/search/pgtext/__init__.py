"""Text as PostgreSQL's ``english`` configuration reads it: tokens, lexemes, queries."""
