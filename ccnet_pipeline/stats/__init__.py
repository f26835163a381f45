"""What a run has built, as tables for people and as JSON for programs.

Files: `figures`, of a run directory, finished or not; `unfinished`, what of it is not finished, and `remarks`, what
people should know beside the figures, both in sentences; `tables`, all of it as lines for people.
"""
