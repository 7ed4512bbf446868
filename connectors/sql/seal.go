package sql

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	stdsql "database/sql"
	"encoding/binary"
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
//	doc {"id":"agr-x",…}, columns  ── HMAC ──▶  value digest.agreement = "agr-x 5f2c…"
//
// The key stands outside the database: whoever writes into the database, with this code
// even, makes no digest that holds. What this does not see at once, a change that was
// deleted with an older row put back, is what the record's tree is for: audit verify
// names it.

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

// lookups gives the look-up columns of a table that rule beside the document, since
// statements choose by them.
func lookups(table string) []string {
	switch table {
	case "agreement":
		return []string{"dataset", "provider", "participant", "project", "state", "until"}
	case "dataset":
		return []string{"origin", "iri", "provider", "withdrawn"}
	case "lease":
		return []string{"project", "until"}
	case "project":
		return []string{"lead"}
	case "version":
		return []string{"dataset", "state"}
	}
	return nil
}

// SealWith sets the key without which nobody makes a digest that holds: database access
// alone, through this code or by hand, gives no right. Replicas share it. Call it before
// the database is used.
func (db *DB) SealWith(key []byte) { db.sealKey = key }

// Sealed says whether SealWith was called.
func (db *DB) Sealed() bool { return db.sealKey != nil }

// noun is a stored noun as a digest is over it.
type noun struct {
	table, id string
	revision  int64
	doc       string
	columns   []stdsql.NullString // lookups
}

// selection is what to select of a noun, from an alias, for into.
func selection(table, alias string) string {
	q := alias + ".revision, " + alias + ".doc"
	for _, c := range lookups(table) {
		q += ", CAST(" + alias + "." + quoted(c) + " AS TEXT)"
	}
	return q
}

// into gives where to scan what selection selects.
func (n *noun) into() []any {
	n.columns = make([]stdsql.NullString, len(lookups(n.table)))
	out := []any{&n.revision, &n.doc}
	for i := range n.columns {
		out = append(out, &n.columns[i])
	}
	return out
}

// digest is what a change commits to of a stored noun: its id and an HMAC-SHA256 over
// table, id, document and look-up columns, each with its length.
func (db *DB) digest(n *noun) string {
	h := hmac.New(sha256.New, db.sealKey)
	parts := []string{"guichet noun 1", n.table, n.id, n.doc}
	for _, c := range n.columns {
		parts = append(parts, c.String)
	}
	for _, s := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return storable(n.id) + " " + hex.EncodeToString(h.Sum(nil))
}

// readNoun reads a stored noun. ErrNoRows when there is none.
func readNoun(ctx context.Context, q Querier, table, id string) (*noun, error) {
	n := &noun{table: table, id: id}
	err := q.QueryRow(ctx, "SELECT "+selection(table, "n")+" FROM "+quoted(table)+" n WHERE n.id = ?", id).Scan(n.into()...)
	return n, err
}

// nounKey names a noun of the database.
type nounKey struct{ table, id string }

// wrote remembers that the function stored a noun: its next change about it commits to
// the digest.
func (tx *Tx) wrote(table, id string) {
	if Subjects(table, id) == nil && table != "version" {
		return
	}
	k := nounKey{table, id}
	if tx.seals == nil {
		tx.seals, tx.unsealed = map[nounKey]string{}, map[nounKey]bool{}
	}
	tx.seals[k], tx.unsealed[k] = "", true
}

// Distrust says that what the function stored of a noun goes on being refused: it takes
// a right away from one that was edited, which must not become recorded by that.
func (tx *Tx) Distrust(table, id string) {
	if tx.distrusted == nil {
		tx.distrusted = map[nounKey]bool{}
	}
	tx.distrusted[nounKey{table, id}] = true
}

// seal adds the digests of the nouns that a change is about to its values.
func (tx *Tx) seal(ctx context.Context, c *schemas.Change) error {
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
			n, err := readNoun(ctx, tx, k.table, k.id)
			if err != nil {
				return fmt.Errorf("read %s %s as it was stored: %w", k.table, k.id, err)
			}
			tx.seals[k] = tx.db.digest(n)
			if tx.distrusted[k] {
				tx.seals[k] = storable(k.id) + " altered"
			}
			more[DigestValue(k.table)] = tx.seals[k]
			delete(tx.unsealed, k)
		}
	}
	if more != nil {
		c.Values = more
	}
	return nil
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
// position yet; "" where there is no change yet.
func (tx *Tx) pending(table, id string) (string, bool) {
	d, ok := tx.seals[nounKey{table, id}]
	if !ok && tx.group != nil {
		d, ok = tx.group.seals[nounKey{table, id}]
	}
	return d, ok
}

func (db *DB) database() *DB { return db }

func (tx *Tx) database() *DB { return tx.db }

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
	var n *noun
	before := ""
	for range maxReads {
		var r recorded
		n, r, err = readRuling(ctx, q, table, id)
		if err != nil {
			return doc, 0, err
		}
		err = hold(ctx, q, n, &r)
		if err == nil || !errors.Is(err, ErrAltered) || n.doc == before {
			break
		}
		before = n.doc
	}
	if err != nil {
		return doc, 0, err
	}
	err = json.Unmarshal([]byte(n.doc), &doc)
	if err != nil {
		return doc, 0, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return doc, n.revision, nil
}

// readRuling reads a noun with the newest change about it, in one statement, so that no
// change falls between the two.
func readRuling(ctx context.Context, q Querier, table, id string) (*noun, recorded, error) {
	of := Subjects(table, id)
	args := []any{}
	for _, s := range of {
		args = append(args, s)
	}
	args = append(args, DigestValue(table), id)
	n, r := &noun{table: table, id: id}, recorded{}
	err := q.QueryRow(ctx, `SELECT `+selection(table, "n")+`, c.leaf, v.salt, v.value FROM `+quoted(table)+` n
		LEFT JOIN change c ON c.position = (SELECT position FROM change WHERE subject IN (?`+strings.Repeat(", ?", len(of)-1)+`) AND kind <> 'refusal' ORDER BY position DESC LIMIT 1)
		LEFT JOIN change_value v ON v.position = c.position AND v.name = ? WHERE n.id = ?`, args...).Scan(append(n.into(), &r.leaf, &r.salt, &r.value)...)
	if errors.Is(err, stdsql.ErrNoRows) {
		return n, r, notFound(table, id)
	}
	if err != nil {
		return n, r, fmt.Errorf("read %s %s: %w", table, id, err)
	}
	return n, r, nil
}

// GetVersion reads the manifest of a version, dataset/version; a published one is held
// against the record. Errors: NotFound, ErrAltered (Unavailable).
func GetVersion(ctx context.Context, q Querier, dataset, key string) (v schemas.Version, err error) {
	n, err := readNoun(ctx, q, "version", key)
	if errors.Is(err, stdsql.ErrNoRows) {
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
	err = holdAmong(ctx, q, "version", key, q.database().digest(n), "c.subject = ? AND c.kind = ?", []any{dataset, schemas.ChangeVersion})
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
	rows, err := q.Query(ctx, "SELECT n.id, "+selection(table, "n")+" FROM "+quoted(table)+" n WHERE n.id > ? ORDER BY n.id LIMIT ?", after, limit)
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
