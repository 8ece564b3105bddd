-- What was asked of judges and what it cost, in US dollars, by purpose and member. A re-used reply is counted once.
-- Grain:   one row per purpose and member; replies and tokens belong to the purpose that asked first
-- Params:  none
-- Columns: purpose, member, replies, input_tokens, output_tokens, cost_usd
with asked as (
    select
        j.purpose,
        j.member,
        j.outcome,
        j.input_tokens,
        j.output_tokens,
        j.cost_usd,
        row_number() over (
            partition by j.request_key
            order by j.outcome in ('failed', 'over_cap') asc, j.reused asc, j.judged_at asc, j.purpose asc
        ) as use
    from judgements as j
)

select
    a.purpose,
    a.member,
    cast(count(*) filter (where a.use = 1 and a.outcome not in ('failed', 'over_cap')) as bigint) as replies,
    cast(coalesce(sum(a.input_tokens) filter (where a.use = 1), 0) as bigint) as input_tokens,
    cast(coalesce(sum(a.output_tokens) filter (where a.use = 1), 0) as bigint) as output_tokens,
    sum(a.cost_usd) as cost_usd
from asked as a
group by a.purpose, a.member
order by a.purpose, a.member
