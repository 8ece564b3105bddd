"""Exit codes a script can rely on, and which error ends with which.

0 done; 1 a run failed for another reason; 2 the user's settings, files or arguments are wrong; 3 no open, current
verdict; 4 over a cap, or a price is unknown; 5 the provider cannot be used; 130 interrupted.
"""

from label_pipeline.core import errors

FAILED, MISTAKE, GATE_CLOSED, OVER_BUDGET, PROVIDER, INTERRUPTED = 1, 2, 3, 4, 5, 130

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
