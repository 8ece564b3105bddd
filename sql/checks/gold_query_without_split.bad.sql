-- Plants: A query with gold that was never dealt.
delete from splits
where query_id = 'q2'
