-- Plants: A reply that was paid for and is in no judgement.
update payments
set cost_usd = cost_usd + 0.01
