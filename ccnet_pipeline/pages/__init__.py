"""The text of one record: what a page is, how it is read from WET, and how it lies in a file between two stages."""
