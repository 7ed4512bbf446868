// Package budget keeps the accounts of budgets: how many rows and bytes of a dataset a
// project and its organisations have been given, and how much is reserved.
//
// In: the obligations of agreements and decisions. Out: what they leave, and the text of a
// refusal where that is nothing. Always: accounts change in the transaction of the release
// that changes them, and their sums stand in its record. It must not know streams.
//
// An account is named after its dataset, its payer and its limits, so that the same budget
// put again goes on counting. One budget of 100 rows on a dataset, asked for by the
// organisation L in the project p, which the organisation M leads, is three accounts:
//
//	acc-…  p    used 40  held 6    100 - 46 = 54 left
//	acc-…  L    used 70  held 6    100 - 76 = 24 left   ◀ what the budget leaves
//	acc-…  M    used 40  held 6    54 left
//
// L has taken 30 rows in another project, and those count: the budget is L's once.
package budget
