// Package db keeps the product's state in one SQL database: SQLite by
// default, PostgreSQL by configuration, behind one schema (schemas.SQL) and the
// same promises.
//
// In flow functions that read and write rows (Write, WriteBulk) and append
// changes; out flow rows, documents (Get, List) and the one change sequence
// (Changes, Wait) that the index, the record and other replicas follow.
//
// What always holds, on both databases:
//
//   - Many callers' functions share one transaction, each under a savepoint. A
//     caller gets its answer after the commit that holds its work is durable.
//     A function that fails or panics leaves nothing and disturbs nobody else.
//   - Functions run one after the other over all replicas: on SQLite because
//     there is one writer, on PostgreSQL because each group locks the head of
//     the sequence first. Reading, judging and writing inside a function
//     therefore needs no locks of its own, and groups cannot deadlock.
//   - Positions have no gaps and commit order is position order [decisions.md 31].
//   - What is committed is covered by the record's tree: the step given to
//     OnGroup runs inside the group's own transaction on both databases.
//
// The last point simplifies decisions.md 31, which foresees a separate
// sequencer on PostgreSQL. "Committed" then equals "covered by the tree", so
// nobody waits on a second party, a lost sequencer cannot stall releases, and
// there is one code path to test under kill -9. It costs nothing that was
// measured: hashing in the writer's transaction was as fast or faster on
// SQLite, and within noise on PostgreSQL on one site (measurements.md 7b).
//
// The package knows neither users nor policy, nor how the tree is hashed; it
// never reads the documents it keeps.
package db
