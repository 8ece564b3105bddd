"""What the loop finds on real judgments, as docs/results.md (`make results`)."""
