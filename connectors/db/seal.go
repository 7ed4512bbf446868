package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
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
	return []string{"agreement", "call", "dataset", "factory", "lease", "participant", "project", "store"}
}

// rules says whether Get holds the nouns of a table against the record.
func rules(table string) bool { return slices.Contains(RulingTables(), table) }

// Subjects gives the subjects under which changes of a noun that is bound to the record
// stand; nil for other tables. A version is bound when it is published (GetVersion).
func Subjects(table, id string) []string {
	clean := func(s string) string { return cut(storable(s), maxSubjectBytes) }
	switch table {
	case "agreement", "dataset", "lease":
		return []string{clean(id)}
	case "participant": // a stop is about the participant itself
		return []string{clean(table + "/" + id), clean(id)}
	case "call", "factory", "project", "store":
		return []string{clean(table + "/" + id)}
	case "version": // dataset/version: changes about it are its dataset's
		dataset, _, _ := strings.Cut(id, "/")
		return []string{clean(dataset)}
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
	columns   []sql.NullString // lookups
}

// selection is what to select of a noun, from an alias, for into.
func selection(table, alias string) string {
	q := "COALESCE(" + alias + ".revision, 0), COALESCE(" + alias + ".doc, '')"
	for _, c := range lookups(table) {
		q += ", CAST(" + alias + "." + quoted(c) + " AS TEXT)"
	}
	return q
}

// into gives where to scan what selection selects.
func (n *noun) into() []any {
	n.columns = make([]sql.NullString, len(lookups(n.table)))
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
	if Subjects(table, id) == nil {
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
		for _, s := range Subjects(k.table, k.id) {
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
		if rules(k.table) { // the progress of a version is no change of state
			return &schemas.Error{
				Kind:    schemas.Internal,
				Subject: k.id,
				Err:     fmt.Errorf("the %s %q was stored without a change about it", k.table, k.id),
			}
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
