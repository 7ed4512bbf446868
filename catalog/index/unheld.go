package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/catalog/index/document"
	"guichet/schemas"
)

// The bounds of what is said of a filter that nothing passes.
const (
	unheldShown = 3    // values near to one that nothing has
	unheldRead  = 5000 // values of a field that are looked at, the most frequent
	unheldBytes = 64   // of a value: longer ones are near to none
)

// Unheld says which filters of a search that found nothing leave out everything by themselves,
// in the sight of the caller, and which values are near that everyone may see. Errors: Invalid, Busy.
func (x *Index) Unheld(ctx context.Context, q Query, sight schemas.Sight) ([]string, error) {
	err := q.Read()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, filters := range []map[string][]string{q.Filters, q.Typed} {
		for _, name := range slices.Sorted(maps.Keys(filters)) {
			r, err := x.Search(ctx, Query{Filters: map[string][]string{name: filters[name]}, Limit: 1}, sight)
			if err != nil {
				return nil, err
			}
			if r.Total > 0 {
				continue
			}
			note := fmt.Sprintf("no dataset has %s %s", name, strings.Join(filters[name], " or "))
			near, err := x.valuesNear(name, filters[name])
			if err != nil {
				return nil, err
			}
			if len(near) > 0 {
				note += "; near are " + strings.Join(near, ", ")
			}
			out = append(out, note)
		}
	}
	return out, nil
}

// valuesNear are values of a field, that datasets everyone may see have, near to some: they hold one,
// or differ in a letter or two. The nearest come first, then the most frequent.
func (x *Index) valuesNear(name string, wanted []string) ([]string, error) {
	field := slices.Index(document.Facets(), name)
	if field < 0 {
		return nil, nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, err := x.hold()
	if err != nil {
		return nil, x.damaged(err)
	}
	defer s.release()
	all, _ := s.values.Top(field, unheldRead, s.public.Counts(field))
	type near struct {
		text string
		far  int
	}
	var found []near
	for _, v := range all {
		far := farthest
		for _, w := range wanted {
			far = min(far, apart(schemas.Fold(strings.TrimRight(w, "*")), schemas.Fold(v.Text)))
		}
		if far < farthest {
			found = append(found, near{v.Text, far})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, n := range found[:min(unheldShown, len(found))] {
		out = append(out, n.text)
	}
	return out, nil
}

// farthest is more than values differ in that are near.
const farthest = 3

// apart is in how many letters folded values differ, up to farthest; 1 where one holds the other.
func apart(a, b string) int {
	switch short := min(len(a), len(b)); {
	case max(len(a), len(b)) > unheldBytes:
		return farthest
	case short >= leastBegin && (strings.Contains(a, b) || strings.Contains(b, a)):
		return 1
	case short < leastNear || max(len(a), len(b))-short >= 2*farthest:
		return farthest
	}
	return min(farthest, distance([]rune(a), []rune(b)))
}
