"""Projects as earlier versions left them: each still opens, runs on, and pays for nothing twice.

One archive per version, made by that version over a cut of the generated world: inputs, tables and journal. Its name
says what came after it. `before-operations`: commit c26b7c7, a permissive gate at 25 queries, two days loaded, one
labelled.
"""
