"""The page for people: ``Accept: text/html``. Loaded only when one is asked for."""
