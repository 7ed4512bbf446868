package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
)

// compactRange is the right edge of a tree: the hashes of its complete subtrees,
// largest first. It is all that is needed to go on.
type compactRange struct {
	size   int64
	hashes []tlog.Hash
}

// add appends a leaf's hash. It reports, in the order of their places, the
// hashes that become complete: the leaf's, then its parents'; store may put
// another hash in a place by returning it.
func (e *compactRange) add(h tlog.Hash, store func(level int, n, place int64, h tlog.Hash) tlog.Hash) {
	// As at a carry: leaf 3 of the doc's tree ends the pair 2–3 (place 5), which ends 0–3
	// (place 6), so that three hashes become complete at once, at places one after another.
	place := tlog.StoredHashIndex(0, e.size)
	n := e.size
	h = store(0, n, place, h)
	for level := 1; n&1 == 1; level++ {
		h = tlog.NodeHash(e.hashes[len(e.hashes)-1], h)
		e.hashes = e.hashes[:len(e.hashes)-1]
		n >>= 1
		place++
		h = store(level, n, place, h)
	}
	e.hashes = append(e.hashes, h)
	e.size++
}

// root is the tree's root; SHA-256 of nothing for the empty tree [RFC 6962 2.1].
func (e *compactRange) root() tlog.Hash {
	if len(e.hashes) == 0 {
		return sha256.Sum256(nil)
	}
	// The last subtree is the smallest: of seven leaves 4, 2 and 1 are put together from the
	// right, as RFC 6962 splits at the largest power of two.
	h := e.hashes[len(e.hashes)-1]
	for i := len(e.hashes) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.hashes[i], h)
	}
	return h
}

func (e *compactRange) clone() *compactRange {
	return &compactRange{e.size, append([]tlog.Hash(nil), e.hashes...)}
}

// edgePlaces are the places of the right edge's hashes, largest subtree first.
func edgePlaces(size int64) []int64 {
	var places []int64
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 1 {
			places = append(places, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	return places
}

// loadEdge reads the right edge of the tree of the given size.
func loadEdge(ctx context.Context, q db.Querier, size int64) (*compactRange, error) {
	hashes, err := stored(ctx, q).ReadHashes(edgePlaces(size))
	if err != nil {
		return nil, err
	}
	return &compactRange{size, hashes}, nil
}

// inChunk bounds the placeholders of one IN list; SQLite's limit is 32,766.
const inChunk = 500

// stored reads hashes of the tree from the database.
func stored(ctx context.Context, q db.Querier) tlog.HashReader {
	return tlog.HashReaderFunc(func(places []int64) ([]tlog.Hash, error) {
		found := make(map[int64]tlog.Hash, len(places))
		for rest := places; len(rest) > 0; {
			chunk := rest[:min(inChunk, len(rest))]
			rest = rest[len(chunk):]
			args := make([]any, len(chunk))
			for i, p := range chunk {
				args[i] = p
			}
			rows, err := q.Query(ctx, "SELECT place, hash FROM tree_hash WHERE place IN (?"+strings.Repeat(", ?", len(chunk)-1)+")", args...)
			if err != nil {
				return nil, fmt.Errorf("read tree: %w", err)
			}
			if err := scanHashes(rows, found); err != nil {
				return nil, err
			}
		}
		out := make([]tlog.Hash, len(places))
		for i, p := range places {
			h, ok := found[p]
			if !ok {
				return nil, fmt.Errorf("read tree: the hash at place %d is missing", p)
			}
			out[i] = h
		}
		return out, nil
	})
}

// scanHashes reads rows of place and hash; one of another length than 32 bytes
// is left out, as if it were missing.
func scanHashes(rows *sql.Rows, into map[int64]tlog.Hash) error {
	defer rows.Close()
	for rows.Next() {
		var place int64
		var b []byte
		if err := rows.Scan(&place, &b); err != nil {
			return fmt.Errorf("read tree: %w", err)
		}
		if len(b) == tlog.HashSize {
			into[place] = tlog.Hash(b)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read tree: %w", err)
	}
	return nil
}

// state is the committed head: of the sequence, and of the tree over it.
type state struct {
	next int64 // changes
	size int64 // leaves of the tree
	root tlog.Hash
}

func readState(ctx context.Context, q db.Querier) (s state, err error) {
	var root []byte
	// one statement, so one instant
	err = q.QueryRow(ctx, `SELECT h.next, COALESCE(t.size, 0), t.root FROM change_head h
		LEFT JOIN tree_state t ON t.one = h.one WHERE h.one = 1`).
		Scan(&s.next, &s.size, &root)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s, fault("The head of the change sequence is gone from the database.")
	case err != nil:
		return s, fmt.Errorf("read head of the record: %w", err)
	case s.size == 0 && root == nil:
		s.root = (&compactRange{}).root()
	case len(root) != tlog.HashSize:
		return s, fault("The stored root of the record has %d bytes, not 32.", len(root))
	default:
		s.root = tlog.Hash(root)
	}
	return s, nil
}

// Step extends the tree by leaves, the first of which is at position first. It
// is made for db.DB.OnGroup: it runs in the group's transaction, so the tree
// is never ahead of the changes nor behind. Unavailable, and nothing of the
// group is stored, when the stored tree is not the one that this sequence
// needs, or a fault of the record is known.
func (l *Log) Step(ctx context.Context, tx *db.Tx, first int64, leaves [][]byte) error {
	if f := l.fault.Load(); f != nil {
		return f
	}
	// The remembered edge is only a guess: this process's last group may have
	// been lost, another replica may have gone on. The update below takes it
	// for true only if size and root are the stored ones, and the root commits
	// to the whole edge.
	if l.edge != nil && l.edge.size == first {
		e := l.edge.clone()
		ok, err := extend(ctx, tx, e, leaves)
		if err != nil {
			return err
		}
		if ok {
			l.edge = e
			return nil
		}
	}
	s, err := readState(ctx, tx)
	if err != nil {
		return err
	}
	if s.size != first {
		return fault("The tree covers %d records, the sequence has %d.", s.size, first)
	}
	e, err := loadEdge(ctx, tx, first)
	if err != nil {
		return err
	}
	if e.root() != s.root {
		return fault("The stored root of %d records is not the root of the stored tree.", first)
	}
	ok, err := extend(ctx, tx, e, leaves)
	if err != nil {
		return err
	}
	if !ok {
		return fault("The head of the tree moved under the writer.")
	}
	l.edge = e
	return nil
}

// extend adds leaves to e and stores what that makes; false, and nothing
// stored, when the stored head is not e's.
func extend(ctx context.Context, tx *db.Tx, e *compactRange, leaves [][]byte) (bool, error) {
	// The stored head moves only from what this edge says it is: an update that hits no row is
	// another replica's turn, or a tree that was edited, and nothing has been stored yet.
	was, wasRoot := e.size, e.root()
	rows := make([][]any, 0, 2*len(leaves))
	for _, leaf := range leaves {
		e.add(tlog.RecordHash(leaf), func(_ int, _, place int64, h tlog.Hash) tlog.Hash {
			rows = append(rows, []any{place, h[:]})
			return h
		})
	}
	root := e.root()
	query, args := "UPDATE tree_state SET size = ?, root = ? WHERE one = 1 AND size = ? AND root = ?", []any{e.size, root[:], was, wasRoot[:]}
	if was == 0 {
		query, args = "INSERT INTO tree_state (one, size, root) VALUES (1, ?, ?) ON CONFLICT DO NOTHING", []any{e.size, root[:]}
	}
	res, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("move head of the tree: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return false, err
	}
	return true, tx.InsertMany(ctx, "tree_hash", []string{"place", "hash"}, rows)
}
