"""TypeScript, JavaScript and Python as text: parsed, never run."""
