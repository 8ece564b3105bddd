"""How a judge is asked.

* prompt       the template, and the messages of one pair
* member       one judge member: model, prompt, rubric, parameters; the exact body of a request
* reply        what one provider reply says (pure)
* order        what is asked of whom, as one record
* request_key  what names one request
* asks         the distinct requests behind a list of pairs
* plan         what a run would send and cost, before its first request
* engine       judges pairs concurrently: journal first, retries of unreadable replies, cap, interruption
* spent        what judging cost, added up from the rows
* running      drives the engine from ordinary code so that Ctrl-C, SIGTERM and Dagster's termination lose nothing

Keep out: providers, files and clocks (adapters/), and what the grades are used for (stages/).
"""
