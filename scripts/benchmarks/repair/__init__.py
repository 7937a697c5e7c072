"""How much does the service heal by itself, how much of that is right, and what does it weaken?

A corpus that is made here, of real libraries and small projects, one breakage each; runs of the real command line;
a referee that knows what the run does not. Start at `__main__`, then `kinds` (what is broken), `verdicts` (what
came of it) and `report`.
"""
