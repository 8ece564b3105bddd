"""Engine, client, limiter, budget and receipts on a simulated clock, against a provider with seeded faults.

* clock.py     an event loop whose time jumps to the next thing that happens
* provider.py  what answers: bursts of no, hangs, resets, garbage, other models; and its bill
* disk.py      a journal that dies with its process and keeps what was durable
* history.py   one seed: runs that are stopped, killed and lose their lease, until one ends well; and what must hold
"""
