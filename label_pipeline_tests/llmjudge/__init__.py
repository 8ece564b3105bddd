"""The graph on LLMJudge: 25 queries, one grade a pair, 33 recorded judges, and texts that occur more than once."""
