"""Exit codes a script can rely on, and which error ends with which. README and `--help` say the same."""

from label_pipeline.core import errors

DONE, FAILED, MISTAKE, GATE_CLOSED, OVER_BUDGET, PROVIDER, BUSY, WAITING = range(8)
SIGNALLED = 128
"""A run that a signal ended exits with this plus the signal's number."""

MEANINGS = {
    DONE: "done",
    FAILED: "a run failed for another reason; the message says which, the Dagster page has the details",
    MISTAKE: "settings, files or arguments are wrong (check: also when rows would be set aside)",
    GATE_CLOSED: "no open, current verdict: nothing was labelled",
    OVER_BUDGET: "over a cap, or a price is unknown: nothing was sent; amplify labelled whole queries up to its cap",
    PROVIDER: "the provider cannot be used; everything paid for is kept",
    BUSY: "another run of this project is spending: nothing was sent; run again when it has ended",
    WAITING: "what was sent by batch has not been answered: nothing is wrong; run again later, which collects it",
    SIGNALLED + 2: "interrupted; everything paid for is kept",
    SIGNALLED + 15: "terminated; everything paid for is kept",
}

_CODES: dict[type[errors.LabelPipelineError], int] = {
    errors.GateClosedError: GATE_CLOSED,
    errors.BudgetError: OVER_BUDGET,
    errors.JudgeError: PROVIDER,
    errors.BusyError: BUSY,
    errors.WaitingError: WAITING,
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
