"""The program `cc100`: every command line of this project under one name."""
