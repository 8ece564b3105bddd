"""How fast an endpoint may be asked, decided: plain objects that are told what happened and when, and wait for nobody.

* quota.py      units a minute, stated or learned; gives back what was not used
* learned.py    the pace of an endpoint that refuses: found from its refusals
* window.py     requests under way: grows until latency, a time-out or the setting says enough
* breaker.py    an endpoint that is gone: one probe at a time, up to the patience of the settings
* told.py       limits that replies name in their headers
* troubles.py   kinds of trouble, and whose they are

Keep out: waiting (adapters/limiter.py), HTTP (adapters/openai_client.py). The time is always
an argument, monotonic seconds.
"""
