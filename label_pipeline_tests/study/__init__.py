"""`make study`: what the rules of gate and watch do over worlds whose truth is known; writes docs/study.md."""
