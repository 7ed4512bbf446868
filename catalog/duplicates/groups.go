package duplicates

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Most is how many datasets a group has at most: where more are alike, they have something in common
// that nobody thought of, and no group is formed.
const Most = 50

// regroup forms the groups anew of all that hang together with the seeds, and records each dataset
// whose group is another.
func (f *Finder) regroup(ctx context.Context, tx *db.Tx, seeds []string) error {
	done := map[string]bool{}
	for _, seed := range union(seeds, nil) {
		if done[seed] {
			continue
		}
		members, pairs, err := component(ctx, tx, seed)
		if err != nil {
			return err
		}
		for _, m := range members {
			done[m] = true
		}
		groups := map[string]string{}
		if len(members) > Most {
			f.Log.Warn("so many datasets are alike that they are not shown as one", "one of them", seed, "more than", Most)
			members, err = f.withGroups(ctx, tx, members)
			for _, m := range members {
				groups[m] = ""
			}
		} else if len(members) > 1 {
			groups, err = formed(ctx, tx, members, pairs)
		}
		if err == nil {
			err = f.regrouped(ctx, tx, members, groups)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// component gives the datasets that hang together with one by pairs, and these pairs: all of them, or
// some more than a group may have.
func component(ctx context.Context, q db.Querier, seed string) (members []string, pairs []edge, err error) {
	in := map[string]bool{seed: true}
	for reached := []string{seed}; len(reached) > 0 && len(in) <= Most; {
		found, err := edges(ctx, q, reached)
		if err != nil {
			return nil, nil, err
		}
		reached = nil
		for _, e := range found {
			pairs = append(pairs, e)
			for _, id := range []string{e.a, e.b} {
				if !in[id] {
					in[id] = true
					reached = append(reached, id)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(in)), pairs, nil
}

// withGroups adds to datasets those that are in a group with any of them.
func (f *Finder) withGroups(ctx context.Context, q db.Querier, members []string) ([]string, error) {
	groups, err := grouped(ctx, q, "dataset", members)
	if err != nil {
		return nil, err
	}
	ids := slices.DeleteFunc(union(slices.Collect(maps.Values(groups)), nil), func(g string) bool { return g == "" })
	all, err := grouped(ctx, q, "grouped", ids)
	return union(members, slices.Collect(maps.Keys(all))), err
}

// formed gives the groups of datasets that hang together: the strongest pairs first, none that would
// bring together two that people said are apart, or that contradict each other.
func formed(ctx context.Context, q db.Querier, members []string, pairs []edge) (map[string]string, error) {
	apart, err := aparts(ctx, q, members)
	if err != nil {
		return nil, err
	}
	said := map[string]*Described{}
	if len(members) > 2 {
		said, err = described(ctx, q, members)
		if err != nil {
			return nil, err
		}
	}
	strength := map[[2]string]int{}
	for _, e := range pairs {
		var p Pair
		err = json.Unmarshal([]byte(e.doc), &p)
		if err != nil {
			return nil, fmt.Errorf("read a pair: %w", err)
		}
		strength[[2]string{e.a, e.b}] = p.Strength
	}
	have, err := shared(ctx, q, said)
	if err != nil {
		return nil, err
	}
	parted := func(x, y string) bool {
		a, b := ordered(x, y)
		_, linked := strength[[2]string{a, b}]
		return apart[[2]string{a, b}] || !linked && said[a] != nil && said[b] != nil && strangers(said[a], said[b], have)
	}
	return form(strength, parted), nil
}

// strangers says of two datasets that are no pair that no third brings them together: they contradict
// each other, or have neither the title nor anything else in common. Else whoever claims two
// identifiers would make their datasets one.
func strangers(a, b *Described, have map[string]held) bool {
	if l := titles(a.Titles, b.Titles); l == equal || l == foreign {
		return Contradict(a, b)
	}
	others := b.Keys()
	return Contradict(a, b) || !slices.ContainsFunc(a.Keys(), func(k string) bool {
		return k[0] != 't' && have[k].counts(a.Origin) && have[k].counts(b.Origin) && slices.Contains(others, k)
	})
}

// shared gives the holders of keys that two or more of some datasets have.
func shared(ctx context.Context, q db.Querier, said map[string]*Described) (map[string]held, error) {
	times := map[string]int{}
	for _, d := range said {
		for _, k := range d.Keys() {
			times[k]++
		}
	}
	var keys []string
	for k, n := range times {
		if n > 1 {
			keys = append(keys, k)
		}
	}
	return holders(ctx, q, keys)
}

// form joins pairs, the strongest first, unless parted says of any two that would come together
// that they must not. The id of a group is that of its first dataset.
func form(strength map[[2]string]int, parted func(x, y string) bool) map[string]string {
	order := slices.SortedFunc(maps.Keys(strength), func(x, y [2]string) int {
		if strength[x] != strength[y] {
			return strength[y] - strength[x]
		}
		return strings.Compare(x[0]+" "+x[1], y[0]+" "+y[1])
	})
	group := map[string][]string{}
	of := func(id string) []string {
		if group[id] == nil {
			group[id] = []string{id}
		}
		return group[id]
	}
	for _, p := range order {
		x, y := of(p[0]), of(p[1])
		if x[0] == y[0] || slices.ContainsFunc(x, func(a string) bool {
			return slices.ContainsFunc(y, func(b string) bool { return parted(a, b) })
		}) {
			continue
		}
		both := union(x, y)
		for _, id := range both {
			group[id] = both
		}
	}
	out := map[string]string{}
	for id, members := range group {
		if len(members) > 1 {
			out[id] = members[0]
		}
	}
	return out
}

// regrouped stores the groups of datasets, and records each that is in another one than before.
func (f *Finder) regrouped(ctx context.Context, tx *db.Tx, members []string, groups map[string]string) error {
	before, err := grouped(ctx, tx, "dataset", members)
	if err != nil {
		return err
	}
	for _, id := range members {
		was, had := before[id]
		is, has := groups[id]
		if was == is && had == has {
			continue
		}
		query, args := `INSERT INTO duplicate_group (dataset, grouped) VALUES (?, ?) ON CONFLICT (dataset) DO UPDATE SET grouped = excluded.grouped`,
			[]any{id, is}
		if !has {
			query, args = `DELETE FROM duplicate_group WHERE dataset = ?`, []any{id}
		}
		_, err = tx.Exec(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("store a group: %w", err)
		}
		if was == is { // none before, and too many now
			continue
		}
		_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetSame, Subject: id, Values: map[string]string{
			"dataset": id, "group": is,
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Groups gives the group of each dataset that is in one of two or more.
func (f *Finder) Groups(ctx context.Context, ids []schemas.DatasetID) (map[schemas.DatasetID]string, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	groups, err := grouped(ctx, f.DB, "dataset", names)
	if err != nil {
		return nil, err
	}
	out := map[schemas.DatasetID]string{}
	for id, group := range groups {
		if group != "" {
			out[schemas.DatasetID(id)] = group
		}
	}
	return out, nil
}
