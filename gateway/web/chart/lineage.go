package chart

import (
	"fmt"
	"slices"

	"guichet/gateway/web/words"
)

// Thing is what stands in a rank of a lineage: a dataset, an agreement, a run or an output. Its words are of others: templates
// cut them.
type Thing struct {
	ID   string // that tells it from others of its rank; "" for none
	To   string // its page; "" where the reader has none
	Name string
	More string // what else there is to say, in a word or two
}

// Path is a way from a source to what came of it. What is not known, or not for the reader, is left out.
type Path struct {
	Source, Permit, Run Thing
	Outputs             []Thing
}

// ranks is how many there are.
const ranks = 4

// of gives the things of a rank.
func (p *Path) of(rank int) []Thing {
	if rank == ranks-1 {
		return p.Outputs
	}
	one := []Thing{p.Source, p.Permit, p.Run}[rank]
	if one.ID == "" {
		return nil
	}
	return []Thing{one}
}

// Lineage shows ways from sources by permits and runs to outputs, in four ranks from left to right.
type Lineage struct {
	Picture
	W, H  int
	Heads []Head
	Nodes []Node
	Edges []string // as paths of SVG
	Paths []Path   // the table
}

// Head names a rank.
type Head struct {
	X    int
	Text string
}

// Node is a box.
type Node struct {
	Thing
	X, Y, W, H int
}

// The measures of the picture, in its own units.
const (
	boxWidth   = 216
	boxHeight  = 46
	boxApart   = 12
	ranksApart = 32
	headHeight = 26
)

// Lineages lays them out; leftOut counts ways that are not shown. Nil for none.
func Lineages(r *words.Reader, paths []Path, leftOut int) *Lineage {
	if len(paths) == 0 {
		return nil
	}
	p := &Lineage{Picture: Picture{Title: r.T("run.lineage")}, Paths: paths, W: ranks*boxWidth + (ranks-1)*ranksApart + 2}
	var found [ranks][]Thing
	for i := range paths {
		for rank := range ranks {
			for _, one := range paths[i].of(rank) {
				if !slices.ContainsFunc(found[rank], func(t Thing) bool { return t.ID == one.ID }) {
					found[rank] = append(found[rank], one)
				}
			}
		}
	}
	most := 0
	for rank := range ranks {
		most = max(most, len(found[rank]))
	}
	p.H = headHeight + most*(boxHeight+boxApart)
	at := [ranks]map[string]Node{}
	for rank, things := range found {
		x := 1 + rank*(boxWidth+ranksApart)
		p.Heads = append(p.Heads, Head{x, r.T([]string{"lineage.source", "lineage.permit", "lineage.run", "lineage.output"}[rank])})
		at[rank] = map[string]Node{}
		y := headHeight + (most-len(things))*(boxHeight+boxApart)/2 // in the middle of its rank
		for _, one := range things {
			n := Node{Thing: one, X: x, Y: y, W: boxWidth, H: boxHeight}
			p.Nodes, at[rank][one.ID] = append(p.Nodes, n), n
			y += boxHeight + boxApart
		}
	}
	for i := range paths {
		p.join(&paths[i], &at)
	}
	p.Sentence = r.T("lineage.sentence", "Sources", r.T("lineage.sources", "Count", len(found[0])), "Permits",
		r.T("lineage.permits", "Count", len(found[1])), "Runs", r.T("lineage.runs", "Count", len(found[2])), "Outputs",
		r.T("lineage.outputs", "Count", len(found[3])))
	if leftOut > 0 {
		p.Notes = append(p.Notes, r.T("lineage.leftout", "Count", leftOut))
	}
	return p
}

// join draws the lines of a way, each once: from a thing to the next one that is there.
func (p *Lineage) join(path *Path, at *[ranks]map[string]Node) {
	var before []Node
	for rank := range ranks {
		var now []Node
		for _, one := range path.of(rank) {
			now = append(now, at[rank][one.ID])
		}
		for _, a := range before {
			for _, b := range now {
				x, y, to, down := a.X+a.W, a.Y+a.H/2, b.X, b.Y+b.H/2
				line := fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, (x+to)/2, y, (x+to)/2, down, to, down)
				if !slices.Contains(p.Edges, line) {
					p.Edges = append(p.Edges, line)
				}
			}
		}
		if len(now) > 0 {
			before = now
		}
	}
}
