"""What Meta-Builder costs and how fast it is, side by side with raw django-q2. Start: `__main__`."""
