// Package fetch reads addresses that data name: catalogues of others, and what they point to.
//
// In: an address, with what is known of it from the last time. Out: its bytes with their type,
// or that they have not changed. Always: only http and https are spoken, to public addresses
// and those of networks that the operator names, checked when the connection is made and at
// every redirect, so that no name, no record of a name server and no redirect leads inside.
// Nothing goes through a proxy, which would make that connection itself. Bytes and time are
// bounded. A host is asked by one request at a time, with a gap between two, not before the
// time that it asked us to wait, and not for what its robots.txt forbids.
//
// It must not know what the bytes mean. Addresses of the operator's own file (stores, issuers,
// webhooks) are not its business: they may be inside.
package fetch
