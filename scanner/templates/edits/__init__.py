"""From places to edits: what to cut of a text, and what must hold before an edit is offered. Pure."""
