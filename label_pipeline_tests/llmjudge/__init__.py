"""The graph on LLMJudge: 25 queries, one grade per pair, 33 recorded judges, and texts that occur more than once."""
