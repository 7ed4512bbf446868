// Package mount shows the data of an agreement as read-only files of this machine.
//
// In: a source of files, which is a gateway or a staged copy. Out: a folder with a file
// TABLE/SPLIT/N.arrow for each shard, in the form of Arrow IPC files, TABLE/SPLIT/NAME for each
// object, and _manifest.json, whose name readers of folders leave out, until it is unmounted.
// Always: a read gives the bytes that the source has for the range or fails (EACCES where it
// refuses, EIO where it cannot be reached for a while), never fewer; what was refused once is
// refused from then on, also what the kernel had kept. It must not know where the source has its
// bytes from.
//
// A file is read as the program reads it. Scattered reads are ranges of their own; the second
// of two that follow each other begins a run, one request whose bytes are read ahead:
//
//	read 0–128 KiB        GET bytes=0-131071
//	read 128–256 KiB      GET bytes=131072-4325375     a run of 4 MiB, read ahead in blocks
//	read 256–384 KiB      from the run …
//	read 4.1–4.2 MiB      GET bytes=4325376-12713983   the next run, twice as long (64 MiB at most)
//
// Up to 16 places of a file are read so at once, each with a run of its own: columns, or record
// batches by several threads.
//
// So a program that looks at a schema is charged for little, and one that reads all of it makes
// few requests.
package mount
