"""What can change in a judge that is asked about the same items again: its loss, and everything beside it.

* exchange.py   is one run out of the judge's own ordinary: the exact test of losses, flips and lost replies
* loss.py       the mean loss on a fixed anchor, its noise, and the detectors that watch it run after run
* detectors.py  flips, bias, repeatability

Keep out: thresholds and what follows from a figure (stages/anchor).
"""
