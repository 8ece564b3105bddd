"""Plants faults in the modules that guard money and labels, one at a time, and counts how many the tests notice.

`make mutants` writes docs/mutation.md; about an hour of one core, so not part of `make test`. Keep out: the tests that
survivors asked for; they stand beside the other tests of their module.
"""
