"""The baseline: plain django-q2 with its stock broker and defaults, a task per attempt, no rows of its own."""
