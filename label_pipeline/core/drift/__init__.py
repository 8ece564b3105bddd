"""What can change in a judge that is asked about the same items again: its loss, and everything beside it.

* loss.py       the mean loss on a fixed anchor, its noise, and the detectors that watch it
* detectors.py  single grades, unreadable replies, bias, repeatability

Keep out: thresholds and what follows from a figure (stages/anchor).
"""
