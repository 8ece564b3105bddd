-- Runs whose payments, judgements and books of labels or anchor runs are not the same money.
-- Grain:   one row per run, purpose, epoch (null: of labels), day (null: not of labels) and collection, in US dollars
-- Params:  none
-- Columns: run_id, purpose, epoch, day, collection, paid_usd, booked_usd, booked_in
-- Asset:   amplified_labels
with paid as (
    select
        p.run_id,
        p.purpose,
        p.epoch,
        p.collection,
        sum(p.cost_usd) as usd
    from payments as p
    group by p.run_id, p.purpose, p.epoch, p.collection
),

-- what runs of versions without payments asked is not compared
first as (
    select min(p.paid_at) as paid_at
    from payments as p
),

judged as (
    select
        j.run_id,
        j.purpose,
        j.epoch,
        j.collection,
        sum(j.cost_usd) as usd,
        max(j.judged_at) as judged_at
    from judgements as j
    where j.cost_usd > 0
    group by j.run_id, j.purpose, j.epoch, j.collection
),

in_judgements as (
    select
        'judgements' as booked_in,
        cast(null as date) as day,
        coalesce(p.run_id, j.run_id) as run_id,
        coalesce(p.purpose, j.purpose) as purpose,
        coalesce(p.epoch, j.epoch) as epoch,
        coalesce(p.collection, j.collection) as collection,
        coalesce(p.usd, 0) as paid_usd,
        coalesce(j.usd, 0) as booked_usd
    from paid as p
    full outer join judged as j
        on p.run_id = j.run_id and p.purpose = j.purpose and p.epoch = j.epoch and p.collection = j.collection
    cross join first as f
    where p.run_id is not null or j.judged_at > f.paid_at
),

in_label_runs as (
    select
        p.run_id,
        p.day,
        p.collection,
        'label_runs' as booked_in,
        'amplify' as purpose,
        cast(null as bigint) as epoch,
        p.cost_usd as paid_usd,
        coalesce(r.cost_usd, 0) as booked_usd
    from day_payments as p
    left join day_books as r
        on p.run_id = r.run_id and p.day = r.day and p.collection = r.collection
),

-- an epoch that came to nothing has payments and no anchor run: there is nothing else to compare
in_anchor_runs as (
    select
        j.purpose,
        j.epoch,
        j.collection,
        'anchor_runs' as booked_in,
        cast(null as date) as day,
        max(j.run_id) as run_id,
        sum(j.usd) as paid_usd,
        max(a.cost_usd) as booked_usd
    from judged as j
    inner join anchor_runs as a
        on j.epoch = a.epoch and j.collection = a.collection
    where j.purpose in ('anchor', 'canary')
    group by j.purpose, j.epoch, j.collection
),

compared as (
    select
        a.run_id,
        a.purpose,
        a.epoch,
        a.day,
        a.collection,
        a.paid_usd,
        a.booked_usd,
        a.booked_in
    from in_judgements as a
    union all
    select
        b.run_id,
        b.purpose,
        b.epoch,
        b.day,
        b.collection,
        b.paid_usd,
        b.booked_usd,
        b.booked_in
    from in_label_runs as b
    union all
    select
        c.run_id,
        c.purpose,
        c.epoch,
        c.day,
        c.collection,
        c.paid_usd,
        c.booked_usd,
        c.booked_in
    from in_anchor_runs as c
)

select
    c.run_id,
    c.purpose,
    c.epoch,
    c.day,
    c.collection,
    c.paid_usd,
    c.booked_usd,
    c.booked_in
from compared as c
where abs(c.paid_usd - c.booked_usd) > 1e-9 + 1e-9 * c.paid_usd
order by c.booked_in, c.run_id, c.purpose, c.epoch, c.day, c.collection
