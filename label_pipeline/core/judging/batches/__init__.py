"""Requests sent by the provider's Batch API: half the price, within a day, and no process need live meanwhile.

* requests    what is to be sent of an order, as lines of a file; the hash of a set of them
* cutting     requests cut into files the provider takes
* pricing     what a batch costs, and whether it is worth waiting for
* record      one batch as it is written down, and as the provider tells of it
* ports       the provider's side, and the book of batches on disk
* adopting    whether a batch found at the provider is the one that was reserved
* steps       what is to be done next with one batch
* matching    lines of output matched with requests, by their key only
* news        how one batch stands
* submitting  reserves, uploads, creates
* collecting  asks once, keeps what succeeded, tells what is to be sent again

How money is kept right. A request of a batch has no open receipt in the journal: receipts that are open belong to a run
that waits, and ``operations/payments.settle_left`` takes those of ended runs for lost. Until it is read, a request is a
row of the book of batches (same SQLite file as the journal), with its intent and the most it may cost, written before
anything is uploaded: ``held_usd`` is what waits, and it counts against every cap. When a line is read, ONE transaction
keeps the reply, writes an ended receipt under the run that submitted it, and ends the row. A row ends once, so a file
that is read again after a kill -9 books nothing twice, and a reply is in the books as soon as it is kept. What the
provider may have charged for a line that is nowhere ends as a lost try, possibly paid, as online.

Who calls must keep three rules. ``submit`` and ``collect`` run under the spending lock, for the seconds they take.
After ``collect`` receipts are booked (``settle_left``) before an engine is given the same order: a reply the journal
holds and no judgement books would be taken for an older version's, and booked again at the list price. And a request
that waits (``BatchBook.waiting``) is not asked online: the engine knows nothing of it, and would pay twice.

Keep out: HTTP and SQLite (adapters/openai_batches.py, adapters/batch_book.py), and who may be asked what (stages).
"""
