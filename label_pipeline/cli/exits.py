"""Exit codes a script can rely on, and which error ends with which. The one place that lists them:

* 0    done
* 1    a run failed for another reason; its message says which, the Dagster page has the details
* 2    settings, files or arguments are wrong (`check`: also when rows would be set aside)
* 3    no open, current verdict: nothing was labelled
* 4    over a cap, or a price is unknown: nothing was sent
* 5    the provider cannot be used; everything paid for is kept
* 130  interrupted (Ctrl-C), 143 terminated; everything paid for is kept

Keep out: messages.
"""

from label_pipeline.core import errors

DONE, FAILED, MISTAKE, GATE_CLOSED, OVER_BUDGET, PROVIDER = 0, 1, 2, 3, 4, 5
SIGNALLED = 128
"""Plus the signal's number."""

_CODES: dict[type[errors.LabelPipelineError], int] = {
    errors.GateClosedError: GATE_CLOSED,
    errors.BudgetError: OVER_BUDGET,
    errors.JudgeError: PROVIDER,
    errors.SettingsError: MISTAKE,
    errors.InputError: MISTAKE,
    errors.PromptError: MISTAKE,
    errors.NotApplicableError: MISTAKE,
}


def code_of(error: type[BaseException] | None) -> int:
    """The exit code of an error's class; an unknown one is FAILED."""
    if error is None or not issubclass(error, errors.LabelPipelineError):
        return FAILED
    return next((code for kind, code in _CODES.items() if issubclass(error, kind)), FAILED)


def code_of_name(name: str) -> int:
    """The exit code of an error class by its name, as a Dagster failure carries it."""
    found = getattr(errors, name, None)
    return code_of(found) if isinstance(found, type) else FAILED
