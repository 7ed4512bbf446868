package duplicates

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
)

// edge is a pair as it is stored: a before b.
type edge struct {
	a, b string
	doc  string
}

// other gives the end of a pair that is not this one.
func (e *edge) other(id string) string {
	if e.a == id {
		return e.b
	}
	return e.a
}

// ordered gives two ids in their order.
func ordered(x, y string) (a, b string) {
	if x < y {
		return x, y
	}
	return y, x
}

// in writes as many places for arguments as there are values, and the values.
func in(values []string) (places string, args []any) {
	args = make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", "), args
}

// atOnce is how many values one statement asks for.
const atOnce = 100

// rowsOf runs a query and gives each row to f.
func rowsOf(ctx context.Context, q db.Querier, f func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		err = f(rows.Scan)
		if err != nil {
			return fmt.Errorf("look for duplicates: %w", err)
		}
	}
	return rows.Err()
}

// described reads what of datasets is compared.
func described(ctx context.Context, q db.Querier, ids []string) (map[string]*Described, error) {
	out := map[string]*Described{}
	for some := range slices.Chunk(ids, atOnce) {
		places, args := in(some)
		err := rowsOf(ctx, q, func(scan func(...any) error) error {
			var id, doc string
			err := scan(&id, &doc)
			if err != nil {
				return err
			}
			var d Described
			err = json.Unmarshal([]byte(doc), &d)
			out[id] = &d
			return err
		}, `SELECT dataset, doc FROM duplicate_described WHERE dataset IN (`+places+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// edges reads the pairs of datasets.
func edges(ctx context.Context, q db.Querier, ids []string) ([]edge, error) {
	found := map[[2]string]edge{}
	for some := range slices.Chunk(ids, atOnce) {
		places, args := in(some)
		err := rowsOf(ctx, q, func(scan func(...any) error) error {
			var e edge
			err := scan(&e.a, &e.b, &e.doc)
			found[[2]string{e.a, e.b}] = e
			return err
		}, `SELECT a, b, doc FROM duplicate_pair WHERE a IN (`+places+`) UNION ALL SELECT a, b, doc FROM duplicate_pair WHERE b IN (`+places+`)`,
			append(args, args...)...)
		if err != nil {
			return nil, err
		}
	}
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(x, y edge) int { return strings.Compare(x.a+" "+x.b, y.a+" "+y.b) })
	return out, nil
}

// aparts reads which of some datasets people said are apart, from each other or from any.
func aparts(ctx context.Context, q db.Querier, ids []string) (map[[2]string]bool, error) {
	out := map[[2]string]bool{}
	for some := range slices.Chunk(ids, atOnce) {
		places, args := in(some)
		err := rowsOf(ctx, q, func(scan func(...any) error) error {
			var a, b string
			err := scan(&a, &b)
			out[[2]string{a, b}] = true
			return err
		}, `SELECT a, b FROM duplicate_apart WHERE a IN (`+places+`) UNION SELECT a, b FROM duplicate_apart WHERE b IN (`+places+`)`,
			append(args, args...)...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// grouped reads the groups of datasets: "" of one that is alike to too many.
func grouped(ctx context.Context, q db.Querier, column string, values []string) (map[string]string, error) {
	out := map[string]string{}
	for some := range slices.Chunk(values, atOnce) {
		places, args := in(some)
		err := rowsOf(ctx, q, func(scan func(...any) error) error {
			var id, group string
			err := scan(&id, &group)
			out[id] = group
			return err
		}, `SELECT dataset, grouped FROM duplicate_group WHERE `+column+` IN (`+places+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// put stores what of a dataset is compared, or that it is none of those that are; finds which
// others are the same, and groups them anew.
func (f *Finder) put(ctx context.Context, tx *db.Tx, id string, now *Described) error {
	var before []string
	origin := ""
	err := rowsOf(ctx, tx, func(scan func(...any) error) error {
		var k string
		err := scan(&k, &origin)
		before = append(before, k)
		return err
	}, `SELECT key, origin FROM duplicate_held WHERE dataset = ?`, id)
	if err != nil {
		return err
	}
	var after []string
	if now != nil {
		after, origin = now.Keys(), now.Origin
	}
	doc, same, err := stored(ctx, tx, id, now)
	if err != nil || same && slices.Equal(sorted(before), after) {
		return err
	}
	have, err := holders(ctx, tx, union(before, after))
	if err != nil {
		return err
	}
	gone, come := minus(before, after), minus(after, before)
	err = write(ctx, tx, id, origin, doc, gone, come)
	if err != nil {
		return err
	}
	for _, k := range union(gone, come) {
		err = due(ctx, tx, have[k].without(id).flips(origin))
		if err != nil {
			return err
		}
	}
	return f.compare(ctx, tx, id, heldBy(have, id, origin, after))
}

// due notes datasets for which a key counts no more, or does again. They are compared one by one later: the
// transaction of one dataset stays short.
func due(ctx context.Context, tx *db.Tx, ids []string) error {
	for _, o := range ids {
		_, err := tx.Exec(ctx, `INSERT INTO duplicate_due (dataset) VALUES (?) ON CONFLICT DO NOTHING`, o)
		if err != nil {
			return fmt.Errorf("note what is compared again: %w", err)
		}
	}
	return nil
}

// again compares some of the datasets that are due. more says that there may be others.
func (f *Finder) again(ctx context.Context, tx *db.Tx) (more bool, err error) {
	var ids []string
	err = rowsOf(ctx, tx, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, fmt.Sprintf(`SELECT dataset FROM duplicate_due ORDER BY dataset LIMIT %d`, setsAtOnce))
	for _, id := range ids {
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM duplicate_due WHERE dataset = ?`, id)
		}
		if err == nil {
			err = f.compare(ctx, tx, id, nil)
		}
	}
	return len(ids) == setsAtOnce, err
}

// compare finds with which others a dataset is the same, and groups them anew. known are the holders
// of its keys; nil: they are looked up.
func (f *Finder) compare(ctx context.Context, tx *db.Tx, id string, known map[string]held) error {
	changed, err := f.pair(ctx, tx, id, known)
	if err != nil {
		return err
	}
	return f.regroup(ctx, tx, append(changed, id))
}

// stored gives the document of what is compared, and whether it stands there already.
func stored(ctx context.Context, tx *db.Tx, id string, now *Described) (doc string, same bool, err error) {
	var have, by string
	err = tx.QueryRow(ctx, `SELECT doc, rules FROM duplicate_described WHERE dataset = ?`, id).Scan(&have, &by)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", false, fmt.Errorf("read what is compared: %w", err)
	}
	if now == nil {
		return "", errors.Is(err, sql.ErrNoRows), nil
	}
	b, err := json.Marshal(now)
	return string(b), string(b) == have && by == rules, err
}

// write stores what of a dataset is compared, and by what it is found.
func write(ctx context.Context, tx *db.Tx, id, origin, doc string, gone, come []string) error {
	query, args := `INSERT INTO duplicate_described (dataset, rules, doc) VALUES (?, ?, ?)
		ON CONFLICT (dataset) DO UPDATE SET rules = excluded.rules, doc = excluded.doc`, []any{id, rules, doc}
	if doc == "" {
		query, args = `DELETE FROM duplicate_described WHERE dataset = ?`, []any{id}
	}
	_, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("store what is compared: %w", err)
	}
	for some := range slices.Chunk(gone, atOnce) {
		places, args := in(some)
		_, err = tx.Exec(ctx, `DELETE FROM duplicate_held WHERE dataset = ? AND key IN (`+places+`)`, append([]any{id}, args...)...)
		if err != nil {
			return fmt.Errorf("forget keys: %w", err)
		}
	}
	rows := make([][]any, len(come))
	for i, k := range come {
		rows[i] = []any{k, origin, id}
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.InsertMany(ctx, "duplicate_held", []string{"key", "origin", "dataset"}, rows)
}

// pair compares a dataset with those that share a key, and stores which are the same. It
// gives those with which that is otherwise than before.
func (f *Finder) pair(ctx context.Context, tx *db.Tx, id string, known map[string]held) ([]string, error) {
	before, err := edges(ctx, tx, []string{id})
	if err != nil {
		return nil, err
	}
	after, err := found(ctx, tx, id, known)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, e := range before {
		other := e.other(id)
		if after[other] == e.doc {
			delete(after, other)
			continue
		}
		changed = append(changed, other)
		_, err = tx.Exec(ctx, `DELETE FROM duplicate_pair WHERE a = ? AND b = ?`, e.a, e.b)
		if err != nil {
			return nil, fmt.Errorf("forget a pair: %w", err)
		}
	}
	for _, other := range slices.Sorted(maps.Keys(after)) {
		a, b := ordered(id, other)
		_, err = tx.Exec(ctx, `INSERT INTO duplicate_pair (a, b, doc) VALUES (?, ?, ?)`, a, b, after[other])
		if err != nil {
			return nil, fmt.Errorf("store a pair: %w", err)
		}
		changed = append(changed, other)
	}
	return changed, nil
}

// found compares a dataset with all that share a key that counts for both: those that are the same,
// with the pair's document.
func found(ctx context.Context, tx *db.Tx, id string, have map[string]held) (map[string]string, error) {
	own, err := described(ctx, tx, []string{id})
	if err != nil || own[id] == nil {
		return nil, err
	}
	if have == nil {
		have, err = holders(ctx, tx, own[id].Keys())
		if err != nil {
			return nil, err
		}
	}
	origin, near := own[id].Origin, map[string]bool{}
	for _, h := range have {
		for by, ids := range h {
			for _, other := range ids {
				near[other] = near[other] || other != id && h.counts(origin) && h.counts(by)
			}
		}
	}
	maps.DeleteFunc(near, func(_ string, counts bool) bool { return !counts })
	others, err := described(ctx, tx, slices.Sorted(maps.Keys(near)))
	if err != nil {
		return nil, err
	}
	out, of := map[string]string{}, map[string]map[string]bool{}
	for other, d := range others {
		if of[d.Origin] == nil {
			of[d.Origin] = crowded(have, origin, d.Origin)
		}
		a, b := own[id], d
		if other < id {
			a, b = b, a
		}
		p, same := Compare(a, b, of[d.Origin])
		if !same {
			continue
		}
		doc, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("write down a pair: %w", err)
		}
		out[other] = string(doc)
	}
	return out, nil
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// union gives what is in either list, once, in order.
func union(a, b []string) []string { return slices.Compact(sorted(slices.Concat(a, b))) }

// minus gives what is in a and not in b.
func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
