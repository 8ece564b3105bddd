"""The thresholds of drift detection, each with its reason; scale-free."""

from dataclasses import dataclass

from scipy import stats

from label_pipeline.core.drift import loss

WARNERS = (
    "loss of a run", "flips of a run", "unreadable replies of a run", "refused replies of a run",
    "repeatability of runs", "loss of a canary", "flips of a canary", "lost replies of a canary",
)  # fmt: skip
"""What can warn of a judge by itself; the yearly share of false warnings is divided among them."""


@dataclass(frozen=True)
class DriftThresholds:
    """Figures from which something counts as a change (statistics.md sections 7 and 11).

    Attributes:
        delta: tolerated rise of the mean loss, share of R^2 (.03 MSE on 1-5).
        evidence: the e-process alarms from here; 20 = at most one false alarm in twenty healthy judges, ever.
        alpha: share of healthy judges' years with any warning, canary stops included.
        runs_per_year: anchor runs per year; as settings left alone have them, for one may follow every label day.
        canaries_per_year: amplifications per year, each with a canary.
        certificate_alpha: one-sided level at which the baseline's loss is compared with the certificate's, once.
        min_pairs: anchor pairs below which nothing is decided; 300 are advised, the e-process is Gaussian there.
        min_baseline: baseline runs below which nothing is decided; 10 are advised.
        repaired: share of a rise that taking the bias back must repair for the rise to be called leniency.
        noise_ratio: couples of recent runs that disagree on a pair, over those of the baseline.
        failed_share: a run with more requests left without a reply is an outage and decides nothing; with 0, any. What
            did not come has no loss, so a run that lacks replies is not compared with runs that lack none.
        regraded: human re-grades below which the humans are not judged.
        regraded_z: standard errors of the humans' own shift.
        classifier_auc: anchor pairs and stream pairs told apart by their texts.
        psi: population stability index of the judge's grades; .2 is a convention.
        grade_shift: standard errors between the mean grades of anchor and stream.
    """

    delta: float = loss.DELTA
    evidence: float = 20.0
    alpha: float = 0.05
    runs_per_year: int = 366
    canaries_per_year: int = 366
    certificate_alpha: float = 0.01
    min_pairs: int = 100
    min_baseline: int = 5
    repaired: float = 0.5
    noise_ratio: float = 1.3
    failed_share: float = 0.0
    regraded: int = 20
    regraded_z: float = 3.0
    classifier_auc: float = 0.70
    psi: float = 0.2
    grade_shift: float = 3.0

    @property
    def run_p(self) -> float:
        """Largest p-value that warns in one anchor run: Bonferroni over a year and over everything that can warn."""
        return self.alpha / len(WARNERS) / self.runs_per_year

    @property
    def run_z(self) -> float:
        """``run_p`` as standard deviations; 4.1 at 366 runs per year."""
        return float(stats.norm.ppf(1 - self.run_p))

    @property
    def canary_p(self) -> float:
        """Largest p-value that warns in one canary."""
        return self.alpha / len(WARNERS) / self.canaries_per_year


DEFAULT = DriftThresholds()
