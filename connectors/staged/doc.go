// Package staged keeps a staged copy: the files of an agreement, encrypted in a folder of the
// machine or cluster where jobs run [decisions.md 20].
//
// In: a gateway's files (client.Files), and what opens the copy for a while. Out: the same files,
// for a mount or for programs that read by HTTP; and what was read of them, handed back. Always: no
// plain byte is written to disk; a file is there whole or not at all; what is read is counted
// before it is given; nothing is read after the time for which the copy was opened. It must not
// know policy: the gateway says what is staged, and opens it or does not.
//
//	DIR/copy.json              which copy it is, of which files; the address of its gateway
//	DIR/data/TABLE/SPLIT/0.arrow.age   a file, in the format of age (age-encryption.org/v1)
//	DIR/open.json              what opens it, until when; of its owner alone
//	DIR/reads/HOST-4711-….log  what one program read, a line for each record batch
//	DIR/reads.json             what of these lines was handed back
//	DIR/parts/…                files that are being written
//
// Many machines may read one folder at once: each writes a log of its own, and only who renews
// writes the rest.
package staged
