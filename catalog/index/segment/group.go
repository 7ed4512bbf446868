package segment

import (
	"cmp"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// member is a hit that has a group.
type member struct {
	part, at int // its segment, and its place among the hits there
	doc      uint32
	score    float64
}

// first is the number that says who stands for a group; the lowest is of data that is here.
func (v *View) first(m member) int64 {
	if of := v.parts[m.part].numbers[v.values.fields.First]; of != nil {
		return of[m.doc]
	}
	return 0
}

// ahead says whether a member stands for its group before another: by the number that says
// so, the score, the id.
func (v *View) ahead(a, b member) bool {
	id := func(m member) string { return v.parts[m.part].id(v.parts[m.part].rank[m.doc]) }
	return cmp.Or(cmp.Compare(v.first(a), v.first(b)), cmp.Compare(b.score, a.score), strings.Compare(id(a), id(b))) < 0
}

// side is whose hits of a group are one: those of an owner, or all others.
type side struct{ group, owner uint32 }

// side is that of a member.
func (v *View) side(m member) side {
	p, of := v.parts[m.part], &v.values.fields
	out := side{p.groups().first(m.doc), none}
	if number := p.numbers[of.First]; of.Owner != "" && number != nil && number[m.doc] < of.Own {
		owners := &p.fields[slices.Index(of.Counted, of.Owner)]
		if owners.has(m.doc) {
			out.owner = owners.first(m.doc)
		}
	}
	return out
}

// groups are the numbers of the documents' groups.
func (p *part) groups() *column { return &p.fields[len(p.fields)-1] }

// join leaves of the hits of each group the one that stands for it. What is an owner's own is
// not left out for that of another: nobody can check who of them claims to have the same data.
// Where one has data here, that is shown in place of what others have elsewhere.
func (v *View) join(all []*found) {
	best := map[side]member{}
	owned := map[uint32]bool{} // groups of which an owner has one with data
	var out []member           // they are left out
	for i, p := range v.parts {
		if p.grouped == nil {
			continue
		}
		for at, doc := range all[i].docs {
			if !p.grouped.Contains(doc) {
				continue
			}
			m := member{part: i, at: at, doc: doc}
			if all[i].scores != nil {
				m.score = all[i].scores[at]
			}
			of := v.side(m)
			owned[of.group] = owned[of.group] || of.owner != none && v.first(m) == 0
			have, some := best[of]
			switch {
			case !some:
				best[of] = m
			case v.ahead(m, have):
				best[of] = m
				out = append(out, have)
			default:
				out = append(out, m)
			}
		}
	}
	for of, m := range best {
		if of.owner == none && owned[of.group] {
			out = append(out, m)
		}
	}
	left := make([]map[int]bool, len(v.parts))
	for _, m := range out {
		if left[m.part] == nil {
			left[m.part] = map[int]bool{}
		}
		left[m.part][m.at] = true
	}
	for i, places := range left {
		if places != nil {
			all[i].drop(places)
		}
	}
}

// drop leaves out the hits at some places.
func (x *found) drop(places map[int]bool) {
	kept := 0
	for at, doc := range x.docs {
		if places[at] {
			continue
		}
		x.docs[kept] = doc
		if x.scores != nil {
			x.scores[kept] = x.scores[at]
		}
		kept++
	}
	x.docs = x.docs[:kept]
	if x.scores != nil {
		x.scores = x.scores[:kept]
	}
}

// stand finds the documents for which another of their group stands where everything is
// found.
func (v *View) stand() {
	all := make([]*found, len(v.parts))
	for i, p := range v.parts {
		all[i] = &found{}
		if p.grouped != nil {
			all[i].docs = roaring.And(p.grouped, p.live()).ToArray()
		}
	}
	v.join(all)
	v.left = make([]*roaring.Bitmap, len(v.parts))
	for i, p := range v.parts {
		if p.grouped == nil {
			continue
		}
		v.left[i] = roaring.And(p.grouped, p.live())
		v.left[i].AndNot(roaring.BitmapOf(all[i].docs...))
		v.others += v.left[i].GetCardinality()
	}
}
