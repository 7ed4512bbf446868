package chart

import (
	"fmt"
	"strings"
	"testing"
)

// thing is one of a lineage.
func thing(id string) Thing {
	if id == "" {
		return Thing{}
	}
	return Thing{ID: id, Name: strings.ToUpper(id)}
}

// way is a path of ids, with outputs behind the run.
func way(source, permit, run string, outputs ...string) Path {
	p := Path{Source: thing(source), Permit: thing(permit), Run: thing(run)}
	for _, o := range outputs {
		p.Outputs = append(p.Outputs, thing(o))
	}
	return p
}

// drawn writes the boxes by rank, and the lines by the names of their ends.
func drawn(p *Lineage) string {
	var out []string
	at := map[string]string{}
	for _, n := range p.Nodes {
		rank := (n.X - 1) / (boxWidth + ranksApart)
		out = append(out, fmt.Sprintf("%d%s", rank, n.Name))
		at[fmt.Sprintf("%d %d", n.X, n.Y+n.H/2)] = n.Name
		at[fmt.Sprintf("%d %d", n.X+n.W, n.Y+n.H/2)] = n.Name
	}
	for _, e := range p.Edges {
		var x, y, a, b, c, d, to, down int
		n, err := fmt.Sscanf(e, "M%d %dC%d %d %d %d %d %d", &x, &y, &a, &b, &c, &d, &to, &down)
		if err != nil || n != 8 {
			return e
		}
		out = append(out, at[fmt.Sprintf("%d %d", x, y)]+"-"+at[fmt.Sprintf("%d %d", to, down)])
	}
	return strings.Join(out, " ")
}

// Each thing is drawn once in its rank and each line once; what is not known is passed over; the table has each way.
func TestLineages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		paths []Path
		want  string
	}{
		{"one way", []Path{way("s", "p", "r", "m")}, "0S 1P 2R 3M S-P P-R R-M"},
		{"two sources of a run", []Path{way("s", "p", "r", "m", "n"), way("z", "q", "r", "m", "n")},
			"0S 0Z 1P 1Q 2R 3M 3N S-P P-R R-M R-N Z-Q Q-R"},
		{"two runs under one permit", []Path{way("s", "p", "r", "m"), way("s", "p", "u")}, "0S 1P 2R 2U 3M S-P P-R R-M P-U"},
		{"a permit that is not told", []Path{way("s", "", "r", "m")}, "0S 2R 3M S-R R-M"},
		{"nothing came out", []Path{way("s", "p", "r")}, "0S 1P 2R S-P P-R"},
		{"nothing was read", []Path{way("", "", "r", "m")}, "2R 3M R-M"},
		{"the same id in two ranks", []Path{way("x", "x", "x", "x")}, "0X 1X 2X 3X X-X X-X X-X"},
	} {
		p := Lineages(reader(t, "en"), c.paths, 0)
		if got := drawn(p); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if len(p.Paths) != len(c.paths) || len(p.Heads) != ranks || p.Sentence == "" || len(p.Notes) != 0 {
			t.Errorf("%s: %+v", c.name, p)
		}
		for i, n := range p.Nodes {
			if n.X < 0 || n.Y < headHeight || n.X+n.W > p.W || n.Y+n.H > p.H {
				t.Errorf("%s: %s lies outside of %d by %d: %+v", c.name, n.Name, p.W, p.H, n)
			}
			for _, other := range p.Nodes[i+1:] {
				if n.X == other.X && max(n.Y, other.Y) < min(n.Y, other.Y)+boxHeight {
					t.Errorf("%s: %s lies upon %s", c.name, n.Name, other.Name)
				}
			}
		}
	}
	if p := Lineages(reader(t, "en"), nil, 0); p != nil {
		t.Errorf("of nothing: %+v", p)
	}
	p := Lineages(reader(t, "fr"), []Path{way("s", "p", "r"), way("s", "q", "u", "m")}, 2)
	want := "1 source, 2 permis, 2 exécutions, 1 résultat\u00a0: les lignes vont des données, par l’accord qui en permet l’usage, à ce qui en a été fait."
	if strings.ReplaceAll(p.Sentence, "résultat :", "résultat\u00a0:") != want || fmt.Sprint(p.Notes) != "[2 autres usages ne sont pas dessinés.]" {
		t.Errorf("%q %q", p.Sentence, p.Notes)
	}
}
