// Package session is what a person who signed in keeps on this machine.
//
// In: what the command line said (server, authorities, token file) and what login kept.
// Out: a client of the gateway with its source of tokens (Open), whose record was held
// against what this machine saw of it last. Always: files are 0600; of a
// client they hold the place of its secret, of a person her tokens. It must not know the verbs that use the client.
package session
