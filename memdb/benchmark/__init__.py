"""Whether similarity search is fast and right: sampling, timed searches, recall and plans."""
