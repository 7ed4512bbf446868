package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guichet/connectors/db/indexes"
	"guichet/schemas"
)

// ErrAltered says that a stored noun is not the one that its change committed to.
var ErrAltered = errors.New("the stored noun is not the recorded one")

// Altered is the refusal to use a noun that is not stored as it was recorded.
func Altered(table, id, why string) error {
	return &schemas.Error{Kind: schemas.Unavailable, Subject: id, Err: fmt.Errorf("%w: %s %s: %s", ErrAltered, table, id, why),
		Message: fmt.Sprintf("The %s %s is not stored as it was recorded, so it rules nothing.", table, id),
		Remedy:  "Tell the officer: guichet audit verify names what was altered. The operator restores it from a backup."}
}

// recorded is the newest change that may commit to a noun.
type recorded struct {
	leaf, salt []byte
	value      sql.NullString
}

// maxOpenings bounds the leaves of which is remembered that a value opened them: that never
// changes, and reading a leaf costs as much as finding it.
const maxOpenings = 4096

// commits gives what a change commits to of a noun of the table: its id and digest. known
// is false for a change that commits to no such noun, as those of earlier versions of the
// product; ok is false where leaf and value do not agree.
func (r *recorded) commits(db *DB, table string) (value string, known, ok bool) {
	h := sha256.New()
	for _, b := range [][]byte{r.leaf, r.salt, []byte(r.value.String), []byte(table)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		h.Write(size[:])
		h.Write(b)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	if _, ok := db.opens.GetIfPresent(key); ok {
		return r.value.String, true, true
	}
	value, known, ok = r.opened(table)
	if known && ok {
		db.opens.Set(key, struct{}{})
	}
	return value, known, ok
}

// opened is commits without what is remembered.
func (r *recorded) opened(table string) (value string, known, ok bool) {
	l, err := ParseLeaf(r.leaf)
	if err != nil {
		return "", true, false
	}
	if _, known = l.Values[DigestValue(table)]; !known {
		return "", false, false
	}
	return r.value.String, true, r.value.Valid && l.Opens(DigestValue(table), r.salt, r.value.String)
}

// hold holds a noun of a ruling table against the record. first is the
// newest change about it, read in the same statement.
func hold(ctx context.Context, q Querier, n *noun, first *recorded) error {
	table, id, digest := n.table, n.id, q.database().digest(n)
	if want, ok := q.pending(table, id); ok {
		if want != "" && want != digest {
			return Altered(table, id, "it changed after the transaction stored it")
		}
		return nil
	}
	if first.leaf == nil {
		return Altered(table, id, "there is no change about it")
	}
	value, known, ok := first.commits(q.database(), table)
	if known && (!ok || value != digest) {
		return Altered(table, id, "its digest is another")
	}
	if known {
		return nil
	}
	return holdOlder(ctx, q, table, id, digest)
}

// holdOlder looks for the newest change that commits to a noun among all about it. A
// noun of an earlier version of the product, that no change commits to, passes.
func holdOlder(ctx context.Context, q Querier, table, id, digest string) error {
	of := Subjects(table, id)
	args := []any{DigestValue(table)}
	for _, s := range of {
		args = append(args, s)
	}
	rows, err := q.Query(ctx, `SELECT c.leaf, v.salt, v.value FROM change c LEFT JOIN change_value v ON v.position = c.position AND v.name = ?
		WHERE c.subject IN (?`+strings.Repeat(", ?", len(of)-1)+`) AND c.`+indexes.LookedUpSubjects+` ORDER BY c.position DESC`, args...)
	if err != nil {
		return fmt.Errorf("look up the changes of %s %s: %w", table, id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r recorded
		err := rows.Scan(&r.leaf, &r.salt, &r.value)
		if err != nil {
			return fmt.Errorf("look up the changes of %s %s: %w", table, id, err)
		}
		value, known, ok := r.commits(q.database(), table)
		switch {
		case !known, ok && !strings.HasPrefix(value, storable(id)+" "): // of another version of the dataset
		case !ok || value != digest:
			return Altered(table, id, "its digest is another")
		default:
			return nil
		}
	}
	return rows.Err()
}

// maxReads bounds how often a noun that others change meanwhile is read anew.
const maxReads = 100

// Wanted is a noun that rules, as Together reads it: Doc points to where it goes, Err is
// what Get would give for it.
type Wanted struct {
	Table, ID string
	Doc       any
	Revision  int64
	Err       error
}

// Together reads nouns as Get does, all of them in one statement.
func Together(ctx context.Context, q Querier, wanted ...*Wanted) {
	read, err := readRuling(ctx, q, wanted)
	for i, w := range wanted {
		w.Revision, w.Err = 0, err
		if err == nil {
			w.Revision, w.Err = getRuling(ctx, q, w, &read[i])
		}
		if errors.Is(w.Err, ErrAltered) {
			q.database().log.Error("a stored noun is not the recorded one", "table", w.Table, "id", w.ID, "err", w.Err)
		}
	}
}

// getRuling holds a noun against the record as it was read, and decodes it. Where the
// newest change about it commits to no noun, others are looked up by a statement of their
// own, between which and the first the noun may have changed: then it is read anew.
func getRuling(ctx context.Context, q Querier, w *Wanted, n *ruled) (revision int64, err error) {
	before := int64(0)
	for range maxReads {
		if n.revision == 0 {
			return 0, notFound(w.Table, w.ID)
		}
		err = hold(ctx, q, &n.noun, &n.newest)
		if err == nil || !errors.Is(err, ErrAltered) || n.revision == before {
			break
		}
		before = n.revision
		again, err := readRuling(ctx, q, []*Wanted{w})
		if err != nil {
			return 0, err
		}
		n = &again[0]
	}
	if err != nil {
		return 0, err
	}
	err = json.Unmarshal([]byte(n.doc), w.Doc)
	if err != nil {
		return 0, fmt.Errorf("read %s %s: %w", w.Table, w.ID, err)
	}
	return n.revision, nil
}

// ruled is a noun, of revision 0 where there is none, with the newest change about it.
type ruled struct {
	noun
	newest recorded
}

// readRuling reads nouns with the newest changes about them, in one statement, so that no
// change falls between the two.
func readRuling(ctx context.Context, q Querier, wanted []*Wanted) ([]ruled, error) {
	out, columns, joins, args, into := make([]ruled, len(wanted)), "", "", []any{}, []any{}
	for i, w := range wanted {
		r, k := &out[i], strconv.Itoa(i)
		r.table, r.id = w.Table, w.ID
		of := Subjects(w.Table, w.ID)
		columns += ", " + selection(w.Table, "n"+k) + ", c" + k + ".leaf, v" + k + ".salt, v" + k + ".value"
		joins += " LEFT JOIN " + quoted(w.Table) + " n" + k + " ON n" + k + ".id = ? LEFT JOIN change c" + k + " ON c" + k +
			".position = (SELECT position FROM change WHERE subject IN (?" + strings.Repeat(", ?", len(of)-1) + ") AND " + indexes.LookedUpSubjects +
			" ORDER BY position DESC LIMIT 1) LEFT JOIN change_value v" + k + " ON v" + k + ".position = c" + k + ".position AND v" + k + ".name = ?"
		args = append(args, storable(w.ID)) // a stranger's may be none that a database takes
		for _, s := range of {
			args = append(args, s)
		}
		args = append(args, DigestValue(w.Table))
		into = append(append(into, r.into()...), &r.newest.leaf, &r.newest.salt, &r.newest.value)
	}
	err := q.QueryRow(ctx, "SELECT "+columns[2:]+" FROM (SELECT 1) one"+joins, args...).Scan(into...)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", wanted[0].Table, wanted[0].ID, err)
	}
	return out, nil
}

// GetVersion reads the manifest of a version, dataset/version; a published one is held
// against the record. Errors: NotFound, ErrAltered (Unavailable).
func GetVersion(ctx context.Context, q Querier, key string) (v schemas.Version, err error) {
	n, err := readNoun(ctx, q, "version", key)
	if errors.Is(err, sql.ErrNoRows) {
		return v, notFound("version", key)
	}
	if err != nil {
		return v, fmt.Errorf("read version %s: %w", key, err)
	}
	err = json.Unmarshal([]byte(n.doc), &v)
	if err != nil {
		return v, fmt.Errorf("read version %s: %w", key, err)
	}
	if v.State != schemas.VersionPublished {
		return v, nil
	}
	err = holdOlder(ctx, q, "version", key, q.database().digest(n))
	if errors.Is(err, ErrAltered) {
		q.database().log.Error("a stored noun is not the recorded one", "table", "version", "id", key, "err", err)
	}
	return v, err
}

// storedAccounts lists budgets with what they say was given out for good.
func storedAccounts(ctx context.Context, q Querier, after string, limit int) (out []schemas.StoredNoun, next string, err error) {
	rows, err := q.Query(ctx, "SELECT id, rows_used, bytes_used FROM account WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("list account: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		n := schemas.StoredNoun{Table: "account"}
		err := rows.Scan(&n.ID, &n.Rows, &n.Bytes)
		if err != nil {
			return nil, "", fmt.Errorf("list account: %w", err)
		}
		out = append(out, n)
	}
	if len(out) == limit {
		next = out[limit-1].ID
	}
	return out, next, rows.Err()
}

// StoredNouns lists nouns that rule with the digests of what is stored, in the order of
// their ids from the first after the id after; next is "" at the end. A version that is
// still being published has no digest yet.
func StoredNouns(ctx context.Context, q Querier, table, after string, limit int) (out []schemas.StoredNoun, next string, err error) {
	if table == "account" {
		return storedAccounts(ctx, q, after, limit)
	}
	rows, err := q.Query(ctx,
		"SELECT n.id, "+selection(table, "n")+" FROM "+quoted(table)+" n WHERE n.id > ? ORDER BY n.id LIMIT ?", after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		n := noun{table: table}
		err := rows.Scan(append([]any{&n.id}, n.into()...)...)
		if err != nil {
			return nil, "", fmt.Errorf("list %s: %w", table, err)
		}
		s := schemas.StoredNoun{Table: table, ID: n.id}
		if table != "version" || n.columns[1].String != string(schemas.VersionPublishing) {
			s.Digest = q.database().digest(&n)
		}
		out = append(out, s)
	}
	if len(out) == limit {
		next = out[limit-1].ID
	}
	return out, next, rows.Err()
}
