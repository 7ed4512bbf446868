package sql

import (
	"context"
	"crypto/sha256"
	stdsql "database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"guichet/schemas"
)

// Nouns that rule (who may do what, what is shown, where bytes lie) are bound to the
// record: whoever writes one appends a change about it in the same function, and that
// change commits to the digest of the noun as it was stored, as the value
// "digest.TABLE". Get holds what it reads against the newest such change, so that a
// row edited behind the gateway rules nothing.
//
//	agreement agr-x, revision 3          change 812, kind agreement.revoked, subject agr-x
//	doc {"id":"agr-x",…}  ── SHA-256 ──▶  value digest.agreement = "agr-x 5f2c…"
//
// What this does not see at once, a rewritten leaf or a change that was deleted with the
// row put back, is what the record's tree is for: audit verify names it.

// DigestValue is the name of the value that commits to a noun of table.
func DigestValue(table string) string { return "digest." + table }

// RulingTables lists the tables whose nouns Get holds against the record.
func RulingTables() []string {
	return []string{"agreement", "dataset", "factory", "lease", "participant", "project", "store"}
}

// Subjects gives the subjects under which changes of a noun of a ruling table stand; nil
// for tables that do not rule.
func Subjects(table, id string) []string {
	clean := func(s string) string { return cut(storable(s), maxSubjectBytes) }
	switch table {
	case "agreement", "dataset", "lease":
		return []string{clean(id)}
	case "participant": // a stop is about the participant itself
		return []string{clean(table + "/" + id), clean(id)}
	case "factory", "project", "store":
		return []string{clean(table + "/" + id)}
	}
	return nil
}

// Digest is what a change commits to of a stored noun: its id and the SHA-256 over
// table, id and document.
func Digest(table, id, doc string) string {
	h := sha256.New()
	for _, s := range []string{"guichet noun 1", table, id} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	h.Write([]byte(doc))
	return storable(id) + " " + hex.EncodeToString(h.Sum(nil))
}

// nounKey names a noun of the database.
type nounKey struct{ table, id string }

// wrote remembers that the function stored a noun: its next change about it commits to
// the digest.
func (tx *Tx) wrote(table, id, doc string) {
	if Subjects(table, id) == nil && table != "version" {
		return
	}
	k := nounKey{table, id}
	if tx.seals == nil {
		tx.seals, tx.unsealed = map[nounKey]string{}, map[nounKey]bool{}
	}
	tx.seals[k], tx.unsealed[k] = Digest(table, id, doc), true
}

// seal adds the digests of the nouns that a change is about to its values.
func (tx *Tx) seal(c *schemas.Change) {
	var more map[string]string
	for k := range tx.unsealed {
		of := Subjects(k.table, k.id)
		if k.table == "version" { // the change is about its dataset
			dataset, _, _ := strings.Cut(k.id, "/")
			of = []string{dataset}
		}
		for _, s := range of {
			if s != cut(storable(c.Subject), maxSubjectBytes) {
				continue
			}
			if more == nil {
				more = map[string]string{}
				for name, v := range c.Values {
					more[name] = v
				}
			}
			more[DigestValue(k.table)] = tx.seals[k]
			delete(tx.unsealed, k)
		}
	}
	if more != nil {
		c.Values = more
	}
}

// sealed says which noun that rules the function stored without a change about it.
func (tx *Tx) sealed() error {
	for k := range tx.unsealed {
		if k.table != "version" { // its progress is no change of state
			return &schemas.Error{Kind: schemas.Internal, Subject: k.id, Err: fmt.Errorf("the %s %q was stored without a change about it", k.table, k.id)}
		}
	}
	return nil
}

// pending gives the digest of a noun that the transaction stored and whose change has no
// position yet.
func (tx *Tx) pending(table, id string) (string, bool) {
	d, ok := tx.seals[nounKey{table, id}]
	if !ok && tx.group != nil {
		d, ok = tx.group.seals[nounKey{table, id}]
	}
	return d, ok
}

func (db *DB) pending(string, string) (string, bool) { return "", false }

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
	value      stdsql.NullString
}

// commits gives what a change commits to of a noun of the table: its id and digest. known
// is false for a change that commits to no such noun, as those of earlier versions of the
// product; ok is false where leaf and value do not agree.
func (r *recorded) commits(table string) (value string, known, ok bool) {
	l, err := ParseLeaf(r.leaf)
	if err != nil {
		return "", true, false
	}
	if _, known = l.Values[DigestValue(table)]; !known {
		return "", false, false
	}
	return r.value.String, true, r.value.Valid && l.Opens(DigestValue(table), r.salt, r.value.String)
}

// hold holds a noun of a ruling table, read as doc, against the record. first is the
// newest change about it, read in the same statement.
func hold(ctx context.Context, q Querier, table, id, doc string, first *recorded) error {
	digest := Digest(table, id, doc)
	if want, ok := q.pending(table, id); ok {
		if want != digest {
			return Altered(table, id, "it changed after the transaction stored it")
		}
		return nil
	}
	if first.leaf == nil {
		return Altered(table, id, "there is no change about it")
	}
	value, known, ok := first.commits(table)
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
	args := []any{}
	for _, s := range of {
		args = append(args, s)
	}
	return holdAmong(ctx, q, table, id, digest, "c.subject IN (?"+strings.Repeat(", ?", len(of)-1)+") AND c.kind <> 'refusal'", args)
}

// holdAmong is that among the changes that a condition picks.
func holdAmong(ctx context.Context, q Querier, table, id, digest, where string, args []any) error {
	rows, err := q.Query(ctx, `SELECT c.leaf, v.salt, v.value FROM change c LEFT JOIN change_value v ON v.position = c.position AND v.name = ?
		WHERE `+where+` ORDER BY c.position DESC`, append([]any{DigestValue(table)}, args...)...)
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
		value, known, ok := r.commits(table)
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

// getRuling reads a noun of a ruling table and holds it against the record. Where the
// newest change about it commits to no noun, others are looked up by a statement of their
// own, between which and the first the noun may have changed: then it is read anew.
func getRuling[T any](ctx context.Context, q Querier, table, id string) (doc T, revision int64, err error) {
	text, before := "", ""
	for range maxReads {
		var r recorded
		text, revision, r, err = readRuling(ctx, q, table, id)
		if err != nil {
			return doc, 0, err
		}
		err = hold(ctx, q, table, id, text, &r)
		if err == nil || !errors.Is(err, ErrAltered) || text == before {
			break
		}
		before = text
	}
	if err != nil {
		return doc, 0, err
	}
	err = json.Unmarshal([]byte(text), &doc)
	if err != nil {
		return doc, 0, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return doc, revision, nil
}

// readRuling reads a noun with the newest change about it, in one statement, so that no
// change falls between the two.
func readRuling(ctx context.Context, q Querier, table, id string) (text string, revision int64, r recorded, err error) {
	of := Subjects(table, id)
	args := []any{}
	for _, s := range of {
		args = append(args, s)
	}
	args = append(args, DigestValue(table), id)
	err = q.QueryRow(ctx, `SELECT n.revision, n.doc, c.leaf, v.salt, v.value FROM `+quoted(table)+` n
		LEFT JOIN change c ON c.position = (SELECT position FROM change WHERE subject IN (?`+strings.Repeat(", ?", len(of)-1)+`) AND kind <> 'refusal' ORDER BY position DESC LIMIT 1)
		LEFT JOIN change_value v ON v.position = c.position AND v.name = ? WHERE n.id = ?`, args...).Scan(&revision, &text, &r.leaf, &r.salt, &r.value)
	if errors.Is(err, stdsql.ErrNoRows) {
		return "", 0, r, notFound(table, id)
	}
	if err != nil {
		return "", 0, r, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return text, revision, r, nil
}

// HoldVersion holds the stored manifest of a published version, dataset/version, against
// the record. Errors: ErrAltered (Unavailable).
func HoldVersion(ctx context.Context, q Querier, dataset, key string) error {
	var text string
	err := q.QueryRow(ctx, `SELECT doc FROM version WHERE id = ?`, key).Scan(&text)
	if err != nil {
		return fmt.Errorf("read version %s: %w", key, err)
	}
	return holdAmong(ctx, q, "version", key, Digest("version", key, text), "c.subject = ? AND c.kind = ?", []any{dataset, schemas.ChangeVersion})
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
	fixed := "1"
	if table == "version" {
		fixed = "CASE WHEN state = 'publishing' THEN 0 ELSE 1 END"
	}
	rows, err := q.Query(ctx, "SELECT id, doc, "+fixed+" FROM "+quoted(table)+" WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("list %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var doc string
		var whole int
		n := schemas.StoredNoun{Table: table}
		err := rows.Scan(&n.ID, &doc, &whole)
		if err != nil {
			return nil, "", fmt.Errorf("list %s: %w", table, err)
		}
		if whole == 1 {
			n.Digest = Digest(table, n.ID, doc)
		}
		out = append(out, n)
	}
	if len(out) == limit {
		next = out[limit-1].ID
	}
	return out, next, rows.Err()
}
