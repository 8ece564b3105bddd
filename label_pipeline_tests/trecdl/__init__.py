"""The loop on real judgments: TREC DL 2019+2020, its graders and seven recorded judges."""
