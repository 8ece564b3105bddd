-- The leaderboard of the newest calibration, best loss first.
-- Grain:   one row per candidate
-- Params:  none
-- Columns: calibration_id, epoch, candidate, member_hash, loss, loss_low, loss_high, difference, difference_se,
--          pairwise_accuracy, quadratic_kappa, unreadable_share, slope, slope_low, cost_per_1000_usd, n_pairs,
--          chosen, reason, calibrated_at
select
    l.calibration_id,
    l.epoch,
    l.candidate,
    l.member_hash,
    l.loss,
    l.loss_low,
    l.loss_high,
    l.difference,
    l.difference_se,
    l.pairwise_accuracy,
    l.quadratic_kappa,
    l.unreadable_share,
    l.slope,
    l.slope_low,
    l.cost_per_1000_usd,
    l.n_pairs,
    l.chosen,
    l.reason,
    l.calibrated_at
from leaderboard as l
qualify dense_rank() over (order by l.epoch desc, l.calibrated_at desc) = 1
order by l.loss nulls last, l.candidate
