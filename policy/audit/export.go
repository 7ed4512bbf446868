package audit

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/schemas"
)

// names of a bundle's files
const (
	fileReadme     = "README.txt"
	fileCheckpoint = "checkpoint"
	fileVKey       = "vkey.txt"
	fileRecords    = "records.jsonl"
	fileStatement  = "statement"
)

//go:embed bundle.txt
var bundleReadme string

// entry is one line of records.jsonl.
type entry struct {
	Index  int64             `json:"index"`
	Leaf   []byte            `json:"leaf"`
	Values map[string]string `json:"values,omitempty"`
	Salts  map[string][]byte `json:"salts,omitempty"`
	Proof  []tlog.Hash       `json:"proof"` // from the leaf's sibling to the root's child

	Withheld []string `json:"withheld,omitempty"` // names of values that who asked may not read
}

// withholdable is the one value that is kept back from some readers: who acted for
// another organisation. A bundle that lacks another one was tampered with.
const withholdable = "subject"

// Export writes the records that q chooses as a bundle that can be checked
// offline with nothing but the log's public key: a zip of the checkpoint, the
// records with values, salts and inclusion proofs (records.jsonl), the public
// key, and a README that says how to check one without our program. Its memory
// does not grow with the number of records. q.Limit 0 means all.
//
// A value that does not open its commitment is left out while its salt stays, so that
// the bundle verifies no better than the record does. Erasures of values of the chosen
// records are in the bundle too, whatever q chooses.
//
// exporter is for whom it is, a participant or AnOfficer, and shown makes of a record what
// that one may read of it; nil shows all. What it leaves out is named in the bundle as
// withheld. The log signs for whom the bundle is and what it holds.
// Errors as Records and Checkpoint; what was written of w by then is no zip.
func (l *Log) Export(ctx context.Context, w io.Writer, q Query, exporter string, shown func(schemas.Record) schemas.Record) error {
	msg, h, err := l.HeadAt(ctx, q.At)
	if err != nil {
		return err
	}
	last, err := l.Records(ctx, Query{After: h.Size - 1, Limit: 1})
	if err != nil || len(last) == 0 {
		return fmt.Errorf("write bundle: the last record: %w", err)
	}
	z := zip.NewWriter(w)
	put := func(name string, text []byte) (io.Writer, error) { // nothing tells when it was made: the same is the same bytes
		out, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: last[0].At})
		if err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			return nil, fmt.Errorf("write bundle: %w", err)
		}
		return out, nil
	}
	_, err = put(fileReadme, []byte(bundleReadme))
	if err == nil {
		_, err = put(fileCheckpoint, msg)
	}
	if err == nil {
		_, err = put(fileVKey, []byte(l.VKey()+"\n"))
	}
	if err != nil {
		return err
	}
	out, err := put(fileRecords, nil)
	if err != nil {
		return err
	}
	digest := sha256.New()
	n, err := l.exportRecords(ctx, io.MultiWriter(out, digest), q, h, shown)
	if err != nil {
		return err
	}
	s := statement{exporter: exporter, size: h.Size, records: n, digest: [sha256.Size]byte(digest.Sum(nil))}
	signed, err := note.Sign(&note.Note{Text: s.text(l.Origin())}, l.key)
	if err != nil {
		return fmt.Errorf("sign bundle: %w", err)
	}
	_, err = put(fileStatement, signed)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// exportPage is how many records of an export are in memory at once.
const exportPage = 500

func (l *Log) exportRecords(ctx context.Context, w io.Writer, q Query, h Head, shown func(schemas.Record) schemas.Record) (int64, error) {
	lines := &bundleLines{log: l, w: w, head: h, shown: shown, hashes: &remembering{from: stored(ctx, l.db), seen: map[int64]tlog.Hash{}}}
	left, all := q.Limit, q.Limit <= 0
	for {
		q.Limit = exportPage
		if !all {
			q.Limit = min(left, exportPage)
		}
		records, err := l.Records(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, r := range records {
			if r.Index >= h.Size {
				all, left = false, 0
				break
			}
			if err := lines.write(ctx, r); err != nil {
				return 0, err
			}
			q.After = r.Index + 1
			left--
		}
		if len(records) < q.Limit || !all && left <= 0 {
			err := lines.erasuresBelow(ctx, h.Size)
			return lines.written, err
		}
	}
}

// bundleLines writes records.jsonl, in the order of the record.
type bundleLines struct {
	log     *Log
	w       io.Writer
	head    Head
	shown   func(schemas.Record) schemas.Record
	hashes  *remembering
	written int64
	waiting []int64 // erasures of what was written, still to come
}

// write writes a record, and before it the erasures that stand before it.
func (b *bundleLines) write(ctx context.Context, r schemas.Record) error {
	err := b.erasuresBelow(ctx, r.Index)
	if err != nil {
		return err
	}
	if len(b.waiting) > 0 && b.waiting[0] == r.Index {
		b.waiting = b.waiting[1:]
	}
	return b.line(ctx, r)
}

// erasuresBelow writes the erasures that wait and stand before an index.
func (b *bundleLines) erasuresBelow(ctx context.Context, index int64) error {
	for len(b.waiting) > 0 && b.waiting[0] < index {
		records, err := b.log.Records(ctx, Query{After: b.waiting[0], Limit: 1})
		b.waiting = b.waiting[1:]
		if err != nil {
			return err
		}
		for _, r := range records {
			err = b.line(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bundleLines) line(ctx context.Context, r schemas.Record) error {
	p, err := tlog.ProveRecord(b.head.Size, r.Index, b.hashes)
	if err != nil {
		return fmt.Errorf("prove record %d: %w", r.Index, asFault(err))
	}
	e := entry{Index: r.Index, Leaf: r.Leaf, Values: r.Values, Salts: r.Salts, Proof: p}
	if b.shown != nil {
		part := b.shown(r)
		e.Values, e.Salts = part.Values, part.Salts
		for _, name := range slices.Sorted(maps.Keys(r.Salts)) {
			if part.Salts[name] == nil {
				e.Withheld = append(e.Withheld, name)
			}
		}
	}
	leaf, err := db.ParseLeaf(r.Leaf)
	if err == nil && len(leaf.Values) > len(r.Salts) {
		more, err := b.log.erasures(ctx, r.Index)
		if err != nil {
			return err
		}
		if len(more) > 0 && more[len(more)-1] >= b.head.Size {
			return &schemas.Error{Kind: schemas.Busy, Subject: "record", Message: fmt.Sprintf("values were erased by record %d", more[len(more)-1]),
				Remedy: "export again, as at that record or later: without its entry what was erased looks taken out"}
		}
		b.waiting = append(b.waiting, more...)
		slices.Sort(b.waiting)
		b.waiting = slices.Compact(b.waiting)
	}
	text, err := e.line()
	b.written++
	if err == nil {
		_, err = b.w.Write(text)
	}
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// line is the one form of an entry, with its newline.
func (e *entry) line() ([]byte, error) {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	err := lines.Encode(e)
	return b.Bytes(), err
}

// maxRemembered bounds the hashes that an export keeps (5 MB): neighbours share most of their proofs.
const maxRemembered = 50_000

// remembering is a reader of hashes that asks for none twice in a row.
type remembering struct {
	from tlog.HashReader
	seen map[int64]tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (m *remembering) ReadHashes(places []int64) ([]tlog.Hash, error) {
	if len(m.seen) > maxRemembered {
		clear(m.seen)
	}
	var ask []int64
	for _, p := range places {
		if _, ok := m.seen[p]; !ok {
			ask = append(ask, p)
		}
	}
	if len(ask) > 0 {
		got, err := m.from.ReadHashes(ask)
		if err != nil {
			return nil, err
		}
		for i, p := range ask {
			m.seen[p] = got[i]
		}
	}
	out := make([]tlog.Hash, len(places))
	for i, p := range places {
		out[i] = m.seen[p]
	}
	return out, nil
}
