"""One validated settings tree, read from one YAML file.

* knobs.py    the sections: every knob has a safe default, a bound, a unit and a reason
* endpoints.py one endpoint: address, key, shape of a request, limits; outside.py and presets.py(.yaml) serve it
* watch.py    the sections about watching a certified judge
* alerts.py   who is told when a check fails
* identity.py what Dagster knows the project by
* storage.py  where the state lives: a folder or S3
* tree.py     the whole, and what follows from it alone
* loading.py  from a file to the tree; a mistake is told with file, line and column

What spends has a cap; a cap of 0 refuses. Secrets are named by environment variable and never stored. Keep out:
building clients or members from it (operations/).
"""

from label_pipeline.settings.endpoints import BatchSettings, EndpointSettings
from label_pipeline.settings.inputs import InputSettings
from label_pipeline.settings.knobs import CandidateSettings
from label_pipeline.settings.loading import CONFIG_VARIABLE, SAMPLE, load, parse
from label_pipeline.settings.rehearsal import RehearsalSettings
from label_pipeline.settings.tree import HOME_VARIABLE, Settings

__all__ = [
    "CONFIG_VARIABLE",
    "HOME_VARIABLE",
    "SAMPLE",
    "BatchSettings",
    "CandidateSettings",
    "EndpointSettings",
    "InputSettings",
    "RehearsalSettings",
    "Settings",
    "load",
    "parse",
]
