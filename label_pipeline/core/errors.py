"""The one error tree: every mistake a caller may want to tell apart has a name here.

* LabelPipelineError                     base: catch it at the edge, print its message, no traceback
  x SettingsError                        the settings file is wrong (names the key)
  x InputError                           an input file as a whole cannot be used (missing column, encoding, empty)
  x TableError                           a frame does not fit its declared table, or a table cannot be written
    + AccessDeniedError                  a stage asked for rows it may not see (holdout, evaluation)
  x StorageError                         S3 cannot be reached, or says no
  x TrackingError                        MLflow cannot keep or find something
  x PromptError                          a prompt or rubric file is unusable
  x JudgeError                           the judge cannot do its work
    + ProviderUnavailableError           no answer from the endpoint after every retry
      - UnsureCreationError              a batch may have been created, and may not
    + ProviderRejectedError              the endpoint answers, and says no for good (bad key, unknown model)
      - FileGoneError                    a file of a batch is not at the provider any more
    + ServedModelError                   another model answered than the one asked for or certified
  x BudgetError                          a plan or a run is over its cap, or a price is unknown
  x WaitingError                         nothing is wrong: a batch has not been answered yet
  x BusyError                            another run of this project is spending
  x ClockError                           the clock is behind what the tables have seen
  x GateClosedError                      no open, current verdict lets this judge label
  x WebhookError                         an alert could not be delivered
  x NotApplicableError                   the data cannot answer the question that was put

Keep out: decisions (they return verdicts) and unreadable replies (they are outcomes, not exceptions).
Messages say what was found, what was expected and what to do next.
"""


class LabelPipelineError(Exception):
    """Base of every error this package raises on purpose."""


class SettingsError(LabelPipelineError):
    """The settings file cannot be used; the message names the key and the nearest valid one."""


class InputError(LabelPipelineError):
    """An input file as a whole cannot be used. Single bad rows are quarantined instead."""


class TableError(LabelPipelineError):
    """A frame does not fit its declared table, or a table cannot be written."""


class AccessDeniedError(TableError):
    """A stage asked for a table it may not see."""


class StorageError(LabelPipelineError):
    """S3, where tables, inputs or journal segments live, cannot be reached or says no. What was stored stays stored."""


class TrackingError(LabelPipelineError):
    """MLflow cannot keep or find something. The tables hold everything it would have shown."""


class PromptError(LabelPipelineError):
    """A prompt or rubric file lacks a placeholder or a field, or has one too many."""


class JudgeError(LabelPipelineError):
    """The judge cannot do its work. Catch this one to handle every trouble with an endpoint."""


class ProviderUnavailableError(JudgeError):
    """No answer after every retry. Trying again later may help; everything paid for is kept.

    Attributes:
        bare: the message without any words of the provider, which may quote the request; None where unknown.
    """

    def __init__(self, message: str, *, bare: str | None = None) -> None:
        super().__init__(message)
        self.bare = bare


class ProviderRejectedError(JudgeError):
    """The endpoint said no for good: a bad key, an unknown model, a forbidden parameter.

    Attributes:
        request_only: the no is about this one request (overlong input, filtered content), as far as one body tells.
        account: the no is about the key or the account: no request will pass.
        bare: the message without any words of the provider, which may quote the request; None where unknown.
    """

    def __init__(
        self, message: str, *, request_only: bool = False, account: bool = False, bare: str | None = None
    ) -> None:
        super().__init__(message)
        self.request_only, self.account = request_only, account
        self.bare = bare


class UnsureCreationError(ProviderUnavailableError):
    """The provider was asked to create a batch and did not answer. Asking again could pay for a second one."""


class FileGoneError(ProviderRejectedError):
    """A file of a batch is not at the provider any more: what it held was paid for, and nobody can read it."""


class ServedModelError(JudgeError):
    """Another model answered than the one asked for or certified."""


class NoGradesError(JudgeError):
    """The first replies of a candidate hold no grade, so that nothing more was asked of it."""


class BudgetError(LabelPipelineError):
    """A plan or a run is over its cap, or the price of a model is unknown."""


class WaitingError(LabelPipelineError):
    """What was sent by batch has not been answered: nothing is wrong, and a later run collects it and goes on."""


class BusyError(LabelPipelineError):
    """Another run of this project is spending; two at once would pay twice. Trying again later helps."""


class ClockError(LabelPipelineError):
    """The clock is earlier than rows written already: what has expired would look current."""


class GateClosedError(LabelPipelineError):
    """No open, current verdict lets this judge label."""


class WebhookError(LabelPipelineError):
    """The webhook did not take an alert. The message holds nothing of its address, which is a secret."""


class NotApplicableError(LabelPipelineError):
    """The data cannot answer the question that was put."""
