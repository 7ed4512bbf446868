package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/schemas"
)

// maxFaults bounds a report; the first is what counts.
const maxFaults = 100

// walkPage is how many records are in memory at once while walking.
const walkPage = 2000

// Report is the outcome of a verification.
type Report struct {
	Size     int64     `json:"size"               doc:"records that the checkpoint, or the log, has"`
	Root     tlog.Hash `json:"root"`
	Records  int64     `json:"records"            doc:"records that were looked at"`
	Erased   int64     `json:"erased"             doc:"values that were erased, each with an entry that says so"`
	Withheld int64     `json:"withheld,omitempty" doc:"values left out of the bundle: its exporter may not read who acted for others"`
	For      string    `json:"for,omitempty"      doc:"of a bundle: for whom the log exported it, and that it holds what it held then"`
	Nouns    int64     `json:"nouns,omitempty"    doc:"stored nouns that were held against the record"`
	Unbound  int64     `json:"unbound,omitempty"  doc:"of them, those of an earlier version of the product, which no change commits to"`
	FirstBad int64     `json:"first_bad"          doc:"index of the first bad record; -1 when there is none, or when no index can be told"`
	Faults   []string  `json:"faults,omitempty"   doc:"at most 100"`
}

// OK says whether nothing was found wrong.
func (r *Report) OK() bool { return len(r.Faults) == 0 }

// bad notes a fault at index; −1 for one that has no index.
func (r *Report) bad(index int64, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if index >= 0 {
		text = fmt.Sprintf("record %d: %s", index, text)
		if r.FirstBad < 0 || index < r.FirstBad {
			r.FirstBad = index
		}
	}
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, text)
	}
}

// Verify walks the whole log: every leaf against its hash, every stored value
// against its commitment, every stored hash against the leaves, the tree
// against the last signed head and against the checkpoints that somebody saved.
// vkey is the log's public key; "" takes the log's own. An error means that it
// could not look; what it found is in the report.
//
// A stored hash above the leaves that does not match names the first record of
// its subtree: nothing closer can be told.
func (l *Log) Verify(ctx context.Context, vkey string, saved ...[]byte) (Report, error) {
	if vkey == "" {
		vkey = l.VKey()
	}
	head, err := os.ReadFile(l.headFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Report{FirstBad: -1}, &schemas.Error{Kind: schemas.Unavailable, Subject: "head file",
			Message: "The file with the last signed head cannot be read.", Err: err}
	}
	if len(head) > 0 {
		saved = append(slices.Clone(saved), head)
	}
	return VerifyDB(ctx, l.db, vkey, saved...)
}

// VerifyDB is Verify for who has no signing key: an auditor with a copy of the
// database, the public key and saved checkpoints, at least one.
func VerifyDB(ctx context.Context, db *db.DB, vkey string, saved ...[]byte) (Report, error) {
	r := Report{FirstBad: -1}
	heads, err := openSaved(saved, vkey)
	if err != nil {
		return r, err
	}
	var nouns *Nouns
	if db.Sealed() { // without the key nobody can tell what a digest is of
		nouns, err = allNouns(ctx, db)
		if err != nil {
			return r, err
		}
	}
	s, err := readState(ctx, db)
	if err != nil {
		return r, err
	}
	r.Size, r.Root = s.size, s.root
	if len(heads) == 0 {
		r.bad(-1, "there is no signed head to hold the record against")
	}
	if s.size != s.next {
		r.bad(min(s.size, s.next), "the tree covers %d records, the sequence has %d", s.size, s.next)
	}
	a := newAccount(nouns)
	if err := walkTree(ctx, db, s, heads, &r, a); err != nil {
		return r, err
	}
	a.settle(&r)
	// one statement, so one instant: rows outside of the sequence
	var strays, first int64
	err = db.QueryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(c.position), 0) FROM change c, change_head h
		WHERE c.position < 0 OR c.position >= h.next`).
		Scan(&strays, &first)
	if err != nil {
		return r, fmt.Errorf("verify: %w", err)
	}
	if strays > 0 {
		r.bad(max(first, 0), "%d stored records are outside of the sequence, the first at %d", strays, first)
	}
	return r, nil
}

// walkTree recomputes the tree of s from its leaves.
func walkTree(ctx context.Context, db *db.DB, s state, heads []Head, r *Report, a *account) error {
	e, t := &compactRange{}, newTrail(heads)
	t.reach(e, r)
	for from := int64(0); from < s.size; from += walkPage {
		to := min(from+walkPage, s.size)
		hashes, err := readPage(ctx, db, from, to, r, a)
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			// The tree is made anew from the leaves; each hash that becomes complete on the way is
			// held against the stored one of its place. Level 2, number 0 is over records 0 to 3.
			e.add(hashes.leaf(i), func(level int, n, place int64, h tlog.Hash) tlog.Hash {
				was, ok := hashes.stored[place]
				if level == 0 {
					return h
				}
				switch {
				case !ok:
					r.bad(n<<level, "the hash over records %d to %d is missing", n<<level, (n+1)<<level-1)
				case was != h:
					r.bad(n<<level, "the stored hash over records %d to %d is not theirs", n<<level, (n+1)<<level-1)
					return was // so that one fault is told once
				}
				return h
			})
			t.reach(e, r)
		}
	}
	if e.root() != s.root {
		r.bad(-1, "the stored root is not that of the %d records", s.size)
	}
	t.left(s.size, r)
	return nil
}

// page is what is known of the leaves' hashes of some records.
type page struct {
	stored map[int64]tlog.Hash // by place
	made   map[int64]tlog.Hash // by index, where the stored one is missing
}

// leaf is the stored hash of record i: a leaf that does not match it was
// reported, and going on with the stored one tells each fault once.
func (p *page) leaf(i int64) tlog.Hash {
	if h, ok := p.stored[tlog.StoredHashIndex(0, i)]; ok {
		return h
	}
	return p.made[i]
}

// walkLeaves checks records from ≤ index < to against their leaf hashes.
func walkLeaves(ctx context.Context, db *db.DB, from, to int64, r *Report) error {
	for ; from < to; from += walkPage {
		if _, err := readPage(ctx, db, from, min(from+walkPage, to), r, newAccount(nil)); err != nil {
			return err
		}
	}
	return nil
}

// readPage reads one page of records, values and hashes and checks each record
// by itself.
func readPage(ctx context.Context, database *db.DB, from, to int64, r *Report, a *account) (*page, error) {
	p := &page{stored: make(map[int64]tlog.Hash, 2*(to-from)), made: map[int64]tlog.Hash{}}
	rows, err := database.Query(ctx, "SELECT place, hash FROM tree_hash WHERE place >= ? AND place < ?",
		tlog.StoredHashIndex(0, from), tlog.StoredHashIndex(0, to))
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if err := scanHashes(rows, p.stored); err != nil {
		return nil, err
	}
	changes, err := database.Changes(ctx, from, int(to-from))
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	leaves := make(map[int64]db.Leaf, len(changes))
	subjects := make(map[int64]string, len(changes))
	next := from
	for _, c := range changes {
		if c.Position >= to {
			break
		}
		for ; next < c.Position; next++ {
			r.bad(next, "missing")
		}
		next = c.Position + 1
		r.Records++
		p.checkLeaf(c, leaves, r)
		subjects[c.Position] = c.Subject
	}
	for ; next < to; next++ {
		r.bad(next, "missing")
	}
	// Each value that opens is struck off what its leaf commits to; what is left of a leaf at
	// the end is missing.
	opened := make(map[int64]map[string]string, len(changes)) // of them, those that the account asks for
	err = eachValue(ctx, database, "position >= ? AND position < ?", []any{from, to},
		func(position int64, name string, salt []byte, value string) {
			leaf, ok := leaves[position]
			if !ok {
				return // reported as missing or unreadable
			}
			if !leaf.Opens(name, salt, value) {
				r.bad(position, "the value %s is not what was recorded", name)
				delete(leaf.Values, name)
				return
			}
			if name == db.SubjectValue && value != subjects[position] {
				r.bad(position, "its subject is not the one that was recorded")
			}
			if name == db.SubjectValue || strings.HasPrefix(name, digestPrefix) || strings.HasPrefix(name, accountPrefix) ||
				leaf.Kind == schemas.ChangeErasure {
				if opened[position] == nil {
					opened[position] = map[string]string{}
				}
				opened[position][name] = value
			}
			delete(leaf.Values, name)
		})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	for _, c := range changes {
		if leaf, ok := leaves[c.Position]; ok {
			a.see(seen{c.Position, leaf.Kind, opened[c.Position], leaf.Numbers, slices.Collect(maps.Keys(leaf.Values))})
		}
	}
	return p, nil
}

func (p *page) checkLeaf(c db.Stored, leaves map[int64]db.Leaf, r *Report) {
	made := tlog.RecordHash(c.Leaf)
	was, ok := p.stored[tlog.StoredHashIndex(0, c.Position)]
	switch {
	case !ok:
		p.made[c.Position] = made
		r.bad(c.Position, "its hash is missing from the tree")
	case was != made:
		r.bad(c.Position, "its leaf is not what was hashed")
	}
	leaf, err := db.ParseLeaf(c.Leaf)
	if err != nil {
		r.bad(c.Position, "%v", err)
		return
	}
	if leaf.Kind != c.Kind || !leaf.At.Equal(c.At) {
		r.bad(c.Position, "its kind or time beside the leaf is not the leaf's")
	}
	leaves[c.Position] = leaf
}

// checkRecord checks a record by itself, as a remote verifier gets it.
func checkRecord(rec schemas.Record, r *Report, a *account) {
	leaf, err := db.ParseLeaf(rec.Leaf)
	if err != nil {
		r.bad(rec.Index, "%v", err)
		return
	}
	if leaf.Kind != rec.Kind || !leaf.At.Equal(rec.At) || !maps.Equal(leaf.Numbers, rec.Numbers) {
		r.bad(rec.Index, "its kind, time or numbers are not the leaf's")
	}
	for _, name := range slices.Sorted(maps.Keys(rec.Salts)) {
		if value, ok := rec.Values[name]; !ok || !leaf.Opens(name, rec.Salts[name], value) {
			r.bad(rec.Index, "the value %s is not what was recorded", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rec.Values)) {
		if _, ok := rec.Salts[name]; !ok {
			r.bad(rec.Index, "the value %s has no salt", name)
		}
	}
	var missing []string
	for name := range leaf.Values {
		if _, ok := rec.Salts[name]; !ok {
			missing = append(missing, name)
		}
	}
	a.see(seen{rec.Index, leaf.Kind, rec.Values, leaf.Numbers, missing})
}

// VerifyRecords recomputes the tree from all records, in order from index 0,
// as a client got them page by page, and holds it against a checkpoint. More
// records than the checkpoint covers are not looked at. Invalid: the checkpoint
// is not one of vkey's log; the iterator's own error as it is. nouns, read before the
// records, are held against them; nil for none. saved are checkpoints of the same log
// that somebody kept: the record must have each of them as its beginning.
func VerifyRecords(
	records iter.Seq2[schemas.Record, error], checkpoint []byte, vkey string, nouns *Nouns, saved ...[]byte,
) (Report, error) {
	r := Report{FirstBad: -1}
	h, err := OpenCheckpoint(checkpoint, vkey)
	if err != nil {
		return r, err
	}
	r.Size, r.Root = h.Size, h.Root
	heads, err := openSaved(saved, vkey)
	if err != nil {
		return r, err
	}
	if h.Size == 0 {
		r.bad(-1, emptyHead)
		return r, nil
	}
	e, a, t := &compactRange{}, newAccount(nouns), newTrail(append(heads, h))
	for rec, err := range records {
		if err != nil {
			return r, err
		}
		if rec.Index != e.size {
			r.bad(e.size, "missing: the next one given is %d", rec.Index)
			return r, nil
		}
		checkRecord(rec, &r, a)
		r.Records++
		e.add(tlog.RecordHash(rec.Leaf), func(_ int, _, _ int64, h tlog.Hash) tlog.Hash { return h })
		t.reach(e, &r)
		if e.size == h.Size {
			break
		}
	}
	t.left(e.size, &r)
	if e.size == h.Size {
		a.settle(&r)
	}
	return r, nil
}
