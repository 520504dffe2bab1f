"""What the action does on GitHub: event -> comment, annotations, summary."""
