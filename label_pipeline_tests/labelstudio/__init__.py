"""A real Label Studio, asked over HTTP: does it take what we export, and do we read what it exports?

`make labelstudio` installs it beside the environment; where it is absent the tests skip with their reason.
"""
