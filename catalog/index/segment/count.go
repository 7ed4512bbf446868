package segment

import (
	"cmp"
	"slices"
	"strings"
)

// count counts the values of fields over hits.
func (v *View) count(found []*found, fields []int) [][]uint32 {
	out := make([][]uint32, len(fields))
	for i, f := range fields {
		out[i] = make([]uint32, len(v.values.texts(f)))
		for j, x := range found {
			v.parts[j].fields[f].count(x.docs, out[i])
		}
	}
	return out
}

// allCounts are the counts over all live documents: each segment's own, less those of what
// was deleted of it, and of those for which another of their group stands.
func (v *View) allCounts() [][]uint32 {
	v.counted.Do(func() {
		v.stand()
		v.totals = make([][]uint32, len(v.values.fields.Counted))
		for f := range v.totals {
			v.totals[f] = make([]uint32, len(v.values.texts(f)))
		}
		for i, p := range v.parts {
			var gone []uint32
			if p.deleted != nil {
				gone = p.deleted.ToArray()
			}
			if v.left[i] != nil {
				gone = append(gone, v.left[i].ToArray()...)
			}
			for f := range v.totals {
				for _, c := range p.fields[f].counts {
					v.totals[f][c.number] += c.count
				}
				p.fields[f].uncount(gone, v.totals[f])
			}
		}
	})
	return v.totals
}

// Counts are how many documents have each value of a field, of all that there are.
func (v *View) Counts(field int) []uint32 { return v.allCounts()[field] }

// Value is a value of a field and the number of documents that have it.
type Value struct {
	Text  string
	Count int
}

// Top gives the most frequent values of a field, equal ones in the order of their texts,
// and the sum of the counts of all others. Counts of several answers over the same Values
// are summed.
func (v *Values) Top(field int, most int, counts ...[]uint32) (top []Value, others int) {
	texts := v.texts(field)
	sum := counts[0]
	if len(counts) > 1 {
		sum = make([]uint32, len(texts))
		for _, c := range counts {
			for n, count := range c {
				sum[n] += count
			}
		}
	}
	least := uint32(0) // what a value needs to be looked at
	for n, count := range sum {
		others += int(count)
		if count == 0 || count < least {
			continue
		}
		top = append(top, Value{texts[n], int(count)})
		if len(top) >= 2*most+64 {
			top = cut(top, most)
			least = uint32(top[len(top)-1].Count)
		}
	}
	top = cut(top, most)
	for _, x := range top {
		others -= x.Count
	}
	return top, others
}

// cut keeps the first values in order.
func cut(top []Value, most int) []Value {
	slices.SortFunc(top, func(a, b Value) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Text, b.Text)) })
	return top[:min(most, len(top))]
}
