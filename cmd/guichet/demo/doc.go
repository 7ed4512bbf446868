// Package demo runs the whole path on one machine and tells it step by step.
//
// In: the built binaries. Out: a gateway beside the services that a site has already
// (guichet-local: an S3 server and two OIDC issuers), datasets of four data spaces with
// their providers and trainers, and a story told against the real doors, which fails at
// the first step that does not do what it should. Benchmarks and tests stand on the same
// services and datasets. It must not reach into the gateway: it speaks to its doors alone.
package demo
