"""The pace of an endpoint on a simulated clock: the product's client and limiter against servers with closed forms.

* servers.py  what answers: buckets of requests or tokens, places and a queue, outages
* crowd.py    workers that ask as fast as they may, and what came of it
* fixed.py    the rule of before, as a baseline: a fixed number under way, and a pause for all at a refusal
"""
