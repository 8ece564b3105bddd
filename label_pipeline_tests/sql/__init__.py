"""The files of sql/, run: headers are true, questions mean what they say, checks fire, no file reads a later stage."""
