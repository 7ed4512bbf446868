// Package lease mints the only keys to byte doors, and says what each of them stands for.
//
// In: asks of trainers, or of whoever holds a wider lease. Out: bearer tokens and what they
// stand for (LookUp, for policy.Authorize). Always: a token is an id and a MAC over it, and
// what it allows is stored here alone; a lease that was made from another one allows no
// more than that and ends no later; it ends in the hands that it was not made for. It must
// not know how agreements come to be, nor streams.
package lease
