package duplicates

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/db"
)

// Crowd is how many datasets of one origin may have an identifier, an address or a title: what more have says nothing
// about any of them, such as the page of a portal or the address of a licence. And it is how many origins may have it:
// what more have says nothing at all. So nobody makes prove nothing what others have, by claiming it often.
const Crowd = 12

// held are the datasets that have a value, by their origins.
type held map[string][]string

// counts says whether that an origin's datasets have the value says something about them.
func (h held) counts(origin string) bool { return len(h) <= Crowd && len(h[origin]) <= Crowd }

// without leaves out a dataset.
func (h held) without(id string) held {
	out := held{}
	for origin, ids := range h {
		rest := slices.DeleteFunc(slices.Clone(ids), func(o string) bool { return o == id })
		if len(rest) > 0 {
			out[origin] = rest
		}
	}
	return out
}

// crowded are the keys that say nothing about two datasets of two origins.
func crowded(have map[string]held, a, b string) map[string]bool {
	out := map[string]bool{}
	for k, h := range have {
		if !h.counts(a) || !h.counts(b) {
			out[k] = true
		}
	}
	return out
}

// flips gives those for which a value counts no more, or does again, as one dataset more or less of an origin has
// it; h is without that one.
func (h held) flips(origin string) (out []string) {
	mine := len(h[origin])
	all := mine == 0 && len(h) == Crowd // one origin more or less
	if !all && (mine != Crowd || len(h) > Crowd) {
		return nil
	}
	for _, ids := range h {
		if len(ids) <= Crowd {
			out = append(out, ids...)
		}
	}
	return out
}

// holders gives, of each key, the datasets that have it: of each origin all where they are no crowd, else two more
// than that tells, whichever are left out; and so of the origins.
func holders(ctx context.Context, q db.Querier, keys []string) (map[string]held, error) {
	out := map[string]held{}
	add := func(k, origin, dataset string) {
		if out[k] == nil {
			out[k] = held{}
		}
		out[k][origin] = append(out[k][origin], dataset)
	}
	for some := range slices.Chunk(keys, atOnce) {
		places, args := in(some)
		most := 4 * atOnce
		rows, err := holding(ctx, q, fmt.Sprintf(`SELECT key, origin, dataset FROM duplicate_held WHERE key IN (%s) LIMIT %d`, places, most), args)
		many := map[string]bool{}
		if err == nil && len(rows) == most { // some of them are crowded: each key by itself
			one := fmt.Sprintf(`SELECT * FROM (SELECT key, origin, dataset FROM duplicate_held WHERE key = ? LIMIT %d) AS held`, Crowd+2)
			rows, err = holding(ctx, q, strings.TrimSuffix(strings.Repeat(one+" UNION ALL ", len(some)), " UNION ALL "), args)
			times := map[string]int{}
			for _, r := range rows {
				times[r[0]]++
				many[r[0]] = times[r[0]] == Crowd+2
			}
		}
		for _, r := range rows {
			if !many[r[0]] {
				add(r[0], r[1], r[2])
			}
		}
		for _, k := range some {
			if err == nil && many[k] {
				rows, err = byOrigin(ctx, q, k)
				for _, r := range rows {
					add(r[0], r[1], r[2])
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// byOrigin gives some holders of a key, of each of some origins, without going through all that have it.
func byOrigin(ctx context.Context, q db.Querier, key string) (out [][3]string, err error) {
	var origins []string
	err = rowsOf(ctx, q, func(scan func(...any) error) error {
		var o string
		err := scan(&o)
		origins = append(origins, o)
		return err
	}, fmt.Sprintf(`WITH RECURSIVE one (origin, n) AS (
			SELECT min(origin), 1 FROM duplicate_held WHERE key = ?
			UNION ALL
			SELECT (SELECT min(h.origin) FROM duplicate_held h WHERE h.key = ? AND h.origin > one.origin), n + 1
			FROM one WHERE one.origin IS NOT NULL AND n < %d
		) SELECT origin FROM one WHERE origin IS NOT NULL`, Crowd+2), key, key)
	for _, origin := range origins {
		if err != nil {
			break
		}
		var rows [][3]string
		rows, err = holding(ctx, q, fmt.Sprintf(`SELECT key, origin, dataset FROM duplicate_held WHERE key = ? AND origin = ? LIMIT %d`, Crowd+2),
			[]any{key, origin})
		out = append(out, rows...)
	}
	return out, err
}

// holding gives keys with the datasets that have them, and these datasets' origins.
func holding(ctx context.Context, q db.Querier, query string, args []any) (out [][3]string, err error) {
	err = rowsOf(ctx, q, func(scan func(...any) error) error {
		var r [3]string
		err := scan(&r[0], &r[1], &r[2])
		out = append(out, r)
		return err
	}, query, args...)
	return out, err
}

// heldBy gives the holders of keys, of which a dataset of an origin is one now.
func heldBy(have map[string]held, id, origin string, keys []string) map[string]held {
	out := map[string]held{}
	for _, k := range keys {
		out[k] = have[k].without(id)
		out[k][origin] = append(out[k][origin], id)
	}
	return out
}
