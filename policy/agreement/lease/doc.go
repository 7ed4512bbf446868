// Package lease mints the only keys to byte doors, and says what each of them stands for.
//
// In: asks of trainers, or of whoever holds a wider lease. Out: bearer tokens and what they
// stand for (LookUp, for policy.Authorize). Always: a token is an id and a MAC over it, and
// what it allows is stored here alone; a lease that was made from another one allows no
// more than that and ends no later; it ends in the hands that it was not made for. It must
// not know how agreements come to be, nor streams.
//
// A lease is a capability: whoever has the token has what it allows, and can make a smaller
// one of it to hand on (attenuate), without asking here who they are. A job of four ranks:
//
//	minted by ada's token          A  agr-1, agr-2            any rank  ends 10:15
//	attenuated with A's token      └─ B  agr-1, columns x, y  of 4      ends 10:15
//	with B's, one for each rank       ├─ C  agr-1, x, y       0 of 4    ends 10:10
//	                                  └─ D  agr-1, x          1 of 4    ends 10:15
//
// D asks for column z, another rank or a longer life: Denied, since B has none of these to
// give. B is revoked: C and D open nothing from then on, and A still does. Ada leaves the
// organisation: all four are dead. Each lease names its line (D: A, B), so that a look at a
// door reads every one of them by its key; eight are the most.
//
// A job that waits for two days in a queue and runs for three has nobody to renew its leases. Its
// line begins with a job key (jobkey.go), which has no token: who holds its private half signs.
package lease
