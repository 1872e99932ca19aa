"""What people practise and learn with: exercises from guides, lessons, sandbox, class. Knows no page."""
