package audit

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/schemas"
)

const emptyHead = "the checkpoint is of an empty record: no log signs one, and it proves nothing"

// openSaved verifies checkpoints that somebody kept. Invalid: one is not of vkey's log.
func openSaved(saved [][]byte, vkey string) ([]Head, error) {
	heads := make([]Head, 0, len(saved))
	for _, msg := range saved {
		h, err := OpenCheckpoint(msg, vkey)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// trail are the signed heads that a growing tree must pass through, smallest first.
type trail struct{ heads []Head }

func newTrail(heads []Head) *trail {
	return &trail{slices.SortedFunc(slices.Values(heads), func(a, b Head) int { return cmp.Compare(a.Size, b.Size) })}
}

// reach holds the tree against the heads of its size.
func (t *trail) reach(e *compactRange, r *Report) {
	// Two who saved heads of 100 and of 250 records are both answered by one walk: the tree
	// passes through 100 and 250 on its way.
	for len(t.heads) > 0 && t.heads[0].Size <= e.size {
		h := t.heads[0]
		t.heads = t.heads[1:]
		switch {
		case h.Size == 0:
			r.bad(-1, emptyHead)
		case h.Root != e.root():
			r.bad(-1, "the first %d records are not those that were signed", e.size)
		}
	}
}

// left reports the heads that a tree of so many records did not reach.
func (t *trail) left(size int64, r *Report) {
	for _, h := range t.heads {
		r.bad(size, "missing: %d records were signed, %d are there", h.Size, size)
	}
}

// Consistency proves that the record of size to begins with the record of size from: the
// hashes of RFC 6962 §2.1.2, for whoever kept a checkpoint of each. Invalid: sizes that
// the record does not have.
func (l *Log) Consistency(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	_, h, err := l.signedHead(ctx)
	if err != nil {
		return nil, err
	}
	if from < 1 || from > to || to > h.Size {
		return nil, schemas.BadField("consistency", "from",
			"the record has %d entries: from is at least 1, and at most to, which is at most %d", h.Size, h.Size)
	}
	p, err := tlog.ProveTree(to, from, stored(ctx, l.db))
	if err != nil {
		return nil, asFault(err)
	}
	return p, nil
}

// CheckConsistency says whether the record of a newer head begins with that of an older
// one. Conflict if not: the record was rolled back, or shown differently to others.
func CheckConsistency(older, newer Head, proof []tlog.Hash) error {
	e := &schemas.Error{Kind: schemas.Conflict, Subject: "record",
		Remedy: "keep what you have and tell the officer: what was recorded before is not a beginning of this record. " +
			"Where the operator restored an older database and said so, guichet login takes it as it is"}
	switch {
	case older.Origin != newer.Origin:
		e.Message = "the record is another log than the one that was seen before"
	case newer.Size < older.Size:
		e.Message = "the record became shorter than it was when it was seen last"
	case newer.Size == older.Size && newer.Root == older.Root:
		return nil
	case newer.Size == older.Size:
		e.Message = "the record has as many entries as when it was seen last, and others"
	default:
		e.Err = tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root)
		if e.Err == nil {
			return nil
		}
		e.Message = "the record does not begin with the entries that it had when it was seen last"
	}
	return e
}
