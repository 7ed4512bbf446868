package schemas

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A staged copy is data of an agreement that are kept where a job runs: files encrypted for a key
// that the gateway has. It is a Lease of its own kind (CopyPrefix), which opens no stream. Leases
// that are narrowed from it fill it; whoever holds it opens it for some hours at a time, and hands
// back what was read:
//
//	POST /copies               copy-…, and the recipient that its files are encrypted for
//	POST /leases {copy}        lease-…, with which its files are fetched
//	POST /copies/{id}/open     the identity that they are decrypted with, until 18:00
//	POST /copies/{id}/reads    what was read of it
//
// [decisions.md 20].

// CopyPrefix begins the ids of staged copies.
const CopyPrefix = "copy-"

// IsCopy says whether it is a staged copy.
func (l *Lease) IsCopy() bool { return strings.HasPrefix(string(l.ID), CopyPrefix) }

// CopyFilled is the staged copy that is filled with a lease; "" where none is.
func (l *Lease) CopyFilled() LeaseID {
	i := slices.IndexFunc(l.Line, func(id LeaseID) bool { return strings.HasPrefix(string(id), CopyPrefix) })
	if i < 0 {
		return ""
	}
	return l.Line[i]
}

// NameOf is what messages call the holder of an id of a lease.
func (id LeaseID) NameOf() string {
	switch {
	case strings.HasPrefix(string(id), JobKeyPrefix):
		return "job key"
	case strings.HasPrefix(string(id), CopyPrefix):
		return "staged copy"
	}
	return "lease"
}

// CopyAsk is what POST /copies takes.
type CopyAsk struct {
	Agreement AgreementID `json:"agreement"`
	Version   VersionID   `json:"version,omitempty" doc:"the newest that the agreement covers when left out"`
	Table     string      `json:"table,omitempty" doc:"the only table; all when left out"`
	Columns   []string    `json:"columns,omitempty" doc:"the only columns; all when left out"`
	Run       RunID       `json:"run,omitempty"`
	Name      string      `json:"name,omitempty" maxLength:"200" doc:"what its owner calls it: where it lies"`
}

// CopyAnswer is a new staged copy.
type CopyAnswer struct {
	Copy      Lease  `json:"copy"`
	Recipient string `json:"recipient" doc:"its files are encrypted for it, in the format of age (age-encryption.org/v1)"`
}

// OpenAsk is what POST /copies/{id}/open takes.
type OpenAsk struct {
	Until time.Time `json:"until,omitzero" doc:"at most 24 hours from now; one hour from now when left out"`
}

// OpenAnswer opens a staged copy for a while.
type OpenAnswer struct {
	Identity string    `json:"identity" doc:"with which the files are decrypted (age-encryption.org/v1); to be forgotten when the time is over"`
	Until    time.Time `json:"until"`
	EndsAt   time.Time `json:"ends_at" doc:"when the copy ends, and is opened no more"`
}

// ReadOfCopy is what one program read of one file of a staged copy.
type ReadOfCopy struct {
	At    time.Time `json:"at" doc:"whole seconds, UTC"`
	By    string    `json:"by" maxLength:"200" doc:"machine and process"`
	File  string    `json:"file" maxLength:"1000" doc:"table/split/n.arrow, or the name of an object in its place"`
	Rows  int64     `json:"rows" minimum:"0" doc:"of the record batches that were touched"`
	Bytes int64     `json:"bytes" minimum:"0"`
}

// ReadsOfCopy are the reads of a staged copy up to one of them: how many, what they come to, and the
// head of their chain.
type ReadsOfCopy struct {
	Entries int64  `json:"entries" minimum:"0"`
	Rows    int64  `json:"rows" minimum:"0"`
	Bytes   int64  `json:"bytes" minimum:"0"`
	Head    string `json:"head,omitempty" maxLength:"64" doc:"SHA-256 over the head before and the entry, in hex; empty before the first one"`
}

// Then is the chain one read longer.
func (c ReadsOfCopy) Then(r ReadOfCopy) ReadsOfCopy {
	r.At = r.At.UTC().Truncate(time.Second)
	entry, _ := json.Marshal(r) // times within the years of RFC 3339 and texts have a form
	return ReadsOfCopy{
		Entries: c.Entries + 1, Rows: c.Rows + r.Rows, Bytes: c.Bytes + r.Bytes,
		Head: fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "guichet reads 1\n%s\n%s\n", c.Head, entry))),
	}
}

// MaxReads is how many reads are handed back at once.
const MaxReads = 1000

// ReadsAsk is what POST /copies/{id}/reads takes: the chain as it stood, and what came after. What
// was handed back already may be among it.
type ReadsAsk struct {
	After ReadsOfCopy  `json:"after"`
	Reads []ReadOfCopy `json:"reads" minItems:"1" maxItems:"1000"`
}
