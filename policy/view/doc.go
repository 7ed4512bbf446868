// Package view is what an agreement shows of a table: which columns, changed how, which
// rows.
//
// In: a table of a manifest, an agreement, the columns asked for. Out: a View, by which
// streams project, edit, filter and bound the messages of the table; Check and HiddenIn,
// by which marks, requests and leases are judged. Always: one judge, so that what is
// promised can be streamed and what is hidden nowhere shows; a duty that cannot be carried
// out on its column is a refusal, never a value that passes unchanged; equal terms on
// equal columns have one digest. It must not know stores, callers or budgets.
//
// An example, the table t{id, name, geo{lat, lon}, age} under three duties:
//
//	hide geo.lat            geo goes, whole: parts of a column are not changed alone
//	pseudonymise name       name arrives as 16 bytes
//	filter age gteq 18      rows with age below 18, or without age, stay away
//
//	table     id │ name │ geo │ age     places 0 1 2 3
//	            │    │     ✕     │
//	view      id │ name'│       age     Columns 0 1 3, Edited 1, Filter on 3
package view
