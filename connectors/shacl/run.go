package shacl

import (
	"cmp"
	"slices"
	"time"

	"guichet/connectors/rdf"
)

// Limits of a check. Zero values mean those named.
type Limits struct {
	Steps    int           // values that are looked at: MaxSteps
	Findings int           // that are given: MaxFindings
	Time     time.Duration // MaxTime
}

// What limits are when they are not said.
const (
	MaxSteps    = 1 << 21
	MaxFindings = 200
	MaxTime     = 2 * time.Second
	MaxDepth    = 32 // shapes inside shapes; deeper ones hold
)

// Finding is one thing that is wrong.
type Finding struct {
	Focus     string // the node: its IRI, or the name of a blank one
	Path      string // property of the node, with a prefix where that is known; "" for the node itself
	Component string // constraint of SHACL, such as minCount
	Value     string // that fails, "" where it is none
	Severity  Severity
	Words     string // what is wrong, for people
}

// Report is the result of a check.
type Report struct {
	Findings []Finding // violations first, else in the order of the shapes
	Cut      bool      // a limit was passed: there may be more that is wrong
	Focus    int       // how many nodes a shape was for
}

// Conforms says whether there is no finding as grave as a severity or graver, and all was
// looked at.
func (r *Report) Conforms(s Severity) bool {
	return !r.Cut && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity <= s })
}

// Checked is what a graph is checked with.
type Checked struct {
	Root       string            // the node that the graph is about; words name others
	Vocabulary Vocabulary        // what is known of nodes that the graph refers to
	Focus      func(string) bool // which nodes shapes are for; nil: all
	Limits     Limits
	First      bool // only whether there is a violation: a check ends with the first one

	repeated bool // for tests: each finding as often as shapes make it
}

// Vocabulary knows concepts of controlled vocabularies: statements about nodes that no
// description repeats. Nothing is checked about them.
type Vocabulary map[string]rdf.Node

// run is one check.
type run struct {
	Checked
	g     *Graph
	steps int
	end   time.Time
	cut   bool
	depth int

	hierarchy bool // the graph puts classes below others

	held  map[pair][]Finding // what shapes say of nodes that others refer to
	known map[string]*Graph  // what the vocabulary says of a node
}

type pair struct {
	shape *shape
	node  term
}

// Check checks a graph.
func (s *Shapes) Check(g *Graph, with Checked) Report {
	with.Limits.Findings = cmp.Or(with.Limits.Findings, MaxFindings)
	r := &run{
		Checked: with, g: g, steps: cmp.Or(with.Limits.Steps, MaxSteps), end: time.Now().Add(cmp.Or(with.Limits.Time, MaxTime)),
		held: map[pair][]Finding{}, known: map[string]*Graph{},
	}
	for _, id := range g.order {
		r.hierarchy = r.hierarchy || g.said[id][nsRDFS+"subClassOf"] != nil
	}
	var out Report
	said := map[Finding]bool{}
	for _, sh := range s.targeted {
		for _, focus := range r.focus(sh) {
			out.Focus++
			found := r.shape(sh, focus)
			if with.First && slices.ContainsFunc(found, violation) {
				return Report{Findings: found, Cut: r.cut, Focus: out.Focus}
			}
			for _, f := range found {
				if same := (Finding{Focus: f.Focus, Words: f.Words}); !said[same] || with.repeated {
					said[same] = true
					out.Findings = append(out.Findings, f)
				}
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	if len(out.Findings) > with.Limits.Findings {
		out.Findings, r.cut = out.Findings[:with.Limits.Findings], true
	}
	out.Cut = r.cut
	return out
}

func violation(f Finding) bool { return f.Severity == Violation }

// step counts one value that is looked at; false when there were too many.
func (r *run) step() bool {
	r.steps--
	if r.steps < 0 || r.steps%1024 == 0 && time.Now().After(r.end) {
		r.steps, r.cut = 0, true
		return false
	}
	return true
}

// said are the values of a property: those of the graph, then those that a vocabulary
// knows.
func (r *run) said(focus term, property string) []term {
	var out []term
	for _, t := range r.g.said[focus.value][property] {
		if !r.step() {
			return out
		}
		out = append(out, t)
	}
	if focus.kind != isIRI || r.Vocabulary[focus.value] == nil {
		return out
	}
	g := r.known[focus.value]
	if g == nil {
		g = NewGraph([]rdf.Node{r.Vocabulary[focus.value]})
		r.known[focus.value] = g
	}
	for _, t := range g.said[focus.value][property] {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// focus are the nodes that a shape is for, each once.
func (r *run) focus(s *shape) []term {
	var out []term
	seen := map[term]bool{}
	add := func(t term) {
		if !seen[t] && r.step() && (r.Focus == nil || r.Focus(t.value)) {
			seen[t] = true
			out = append(out, t)
		}
	}
	for _, t := range s.targets {
		switch t.property {
		case "targetNode":
			if r.Focus == nil || r.g.said[t.value.value] != nil {
				add(t.value)
			}
		case "targetClass":
			for _, class := range r.below(t.value) {
				for _, id := range r.g.classes[class.value] {
					add(named(id))
				}
			}
		case "targetSubjectsOf", "targetObjectsOf":
			for _, id := range r.g.order {
				values := r.g.said[id][t.value.value]
				if t.property == "targetSubjectsOf" && len(values) > 0 {
					add(named(id))
				}
				if t.property == "targetObjectsOf" {
					for _, v := range values {
						add(v)
					}
				}
			}
		}
	}
	return out
}

// below are a class and those that the graph puts below it.
func (r *run) below(class term) []term {
	out := []term{class}
	if !r.hierarchy {
		return out
	}
	seen := map[term]bool{class: true}
	for i := 0; i < len(out); i++ {
		for _, id := range r.g.inverse()[nsRDFS+"subClassOf"][out[i]] {
			if t := named(id); !seen[t] && r.step() {
				seen[t] = true
				out = append(out, t)
			}
		}
	}
	return out
}

// shape checks a node against a shape. A property shape that has no path, which official files
// hold, is about the node itself.
func (r *run) shape(s *shape, focus term) []Finding {
	if s.off || r.depth > MaxDepth || !r.step() {
		return nil
	}
	r.depth++
	defer func() { r.depth-- }()
	values := []term{focus}
	if s.path != nil {
		values = r.values(s.path, focus)
	}
	var out []Finding
	for _, c := range s.checks {
		out = append(out, c.check(r, s, focus, values)...)
	}
	for _, p := range s.properties {
		if r.First && r.depth == 1 && (p.severity > Violation || slices.ContainsFunc(out, violation)) {
			continue // it can add nothing
		}
		for _, v := range values {
			out = append(out, r.shape(p, v)...)
			if len(out) > r.Limits.Findings {
				r.cut = true
				return out[:r.Limits.Findings]
			}
		}
	}
	return out
}

// inside checks a node that a shape refers to, once. A shape that comes back to the same node
// holds for it so far.
func (r *run) inside(s *shape, node term) []Finding {
	at := pair{s, node}
	found, ok := r.held[at]
	if !ok {
		r.held[at] = nil
		found = r.shape(s, node)
		r.held[at] = found
	}
	return found
}
