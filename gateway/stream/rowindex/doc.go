// Package rowindex makes the manifest of a view that filters rows.
//
// In: a split under the widest view of an agreement, who asks. Out: a plan.RowIndex, or
// Busy with how much of it is done. Always: an index is a function of version, table, split
// and view alone, so every replica plans alike; it is counted in what is shown, so that
// nothing hidden shows in it; an index that is torn, of another form, or that names what is
// not there is made anew. It must not know doors, plans of ranks or budgets.
//
//	asked ──▶ in memory? ──yes──▶ the index
//	            │ no
//	            ▼
//	          making ──▶ in the work bucket? ──yes─────────────▶ in memory
//	            │  ▲            │ no                                 ▲
//	            │  └── Busy     ▼                                    │
//	            │           turn of its organisation ▸ slot ▸ scan ──┘ and saved
//	            └──▶ ended: all who asked are revoked, or nobody asked for a minute
package rowindex
