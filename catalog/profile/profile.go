// Package profile says which versions of metadata profiles a dataset's description meets,
// and what it lacks for others.
//
// In: data spaces with their profiles (schemas/spaces), compiled once; a dataset. Out: the
// versions that it meets, and findings in words that its provider can act on. Always: what
// is checked is what Guichet writes of the dataset as DCAT-AP; what is recommended refuses nothing and is no lack;
// a check is bounded and never panics (connectors/shacl); what is met follows from the description and
// the shapes alone, so that Digest says whether an earlier answer still holds. It never
// imports its parent.
package profile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/catalog/quality"
	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/connectors/shacl"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// Limits of one check.
const (
	maxStatements = 1 << 16
	maxTime       = 500 * time.Millisecond // of one version
	maxMissing    = 20                     // told of a dataset
)

// Checker checks descriptions. Read-only; safe for concurrent use.
type Checker struct {
	set      spaces.Set
	versions []version // those that extend none first
	digest   string
	codes    *rdf.Codes
}

// version is a compiled version of a profile.
type version struct {
	*spaces.Version
	shapes     *shacl.Shapes
	vocabulary shacl.Vocabulary
}

// New compiles the shapes of every version. Errors: Invalid, with the file, and its line
// where it is no Turtle.
func New(set spaces.Set) (*Checker, error) {
	codes, err := rdf.LoadCodes()
	if err != nil {
		return nil, err
	}
	c := &Checker{set: set, codes: codes}
	hash := sha256.New()
	for i := range set.Versions {
		v := version{Version: &set.Versions[i], vocabulary: shacl.Vocabulary{}}
		sources, err := v.sources()
		if err != nil {
			return nil, err
		}
		v.shapes, err = shacl.Compile(sources...)
		if err != nil {
			return nil, err
		}
		used := map[string]spaces.Vocabulary{}
		for _, name := range v.Vocabularies {
			used[name] = set.Vocabularies[name]
			concepts(v.vocabulary, used[name])
		}
		said, err := json.Marshal([]any{v.Version.ID, v.Version, v.Turtle, used})
		if err != nil {
			return nil, fmt.Errorf("sum up the profile %s: %w", v.ID, err)
		}
		hash.Write(said)
		c.versions = append(c.versions, v)
	}
	for i := range set.Spaces {
		fmt.Fprintf(hash, "%s %s\n", set.Spaces[i].ID, set.Spaces[i].Profiles)
	}
	c.digest = hex.EncodeToString(hash.Sum(nil))[:12]
	slices.SortStableFunc(c.versions, func(a, b version) int { return cmp.Compare(len(a.Extends), len(b.Extends)) })
	return c, nil
}

// sources parses the shapes of a version.
func (v *version) sources() ([]shacl.Source, error) {
	var out []shacl.Source
	for _, file := range append(slices.Clone(v.Shapes), v.Recommended...) {
		at := v.At + "/" + file
		doc, err := rdf.Parse(rdf.Turtle, v.Turtle[file], rdf.Options{
			Base: "urn:guichet:shapes:" + v.ID + ":" + file, Limits: rdf.Limits{Bytes: 4 << 20, Depth: 64, Values: 1 << 18},
		})
		if err != nil {
			said := err.Error()
			if e, ok := errors.AsType[*schemas.Error](err); ok {
				said = e.Message
			}
			return nil, &schemas.Error{Kind: schemas.Invalid, Subject: at, Message: at + ": " + said, Err: err,
				Remedy: "shapes are SHACL in Turtle; docs/spaces.md says more"}
		}
		s := shacl.Source{Name: at, Nodes: doc.Nodes}
		if slices.Contains(v.Recommended, file) {
			s.Severity = shacl.Warning
		}
		out = append(out, s)
	}
	return out, nil
}

// concepts adds those of a vocabulary: what a shape may want to know of them.
func concepts(to shacl.Vocabulary, v spaces.Vocabulary) {
	const skos = "http://www.w3.org/2004/02/skos/core#"
	types := []any{skos + "Concept"}
	for _, t := range v.Types {
		types = append(types, t)
	}
	to[v.Scheme] = rdf.Node{"@id": v.Scheme, "@type": []any{skos + "ConceptScheme"}}
	for code, labels := range v.Concepts {
		var said []any
		for tag, words := range labels {
			said = append(said, rdf.Node{"@value": words, "@language": tag})
		}
		id := v.Base + code
		to[id] = rdf.Node{"@id": id, "@type": types, skos + "inScheme": []any{rdf.Node{"@id": v.Scheme}}, skos + "prefLabel": said}
	}
}

// Digest names the shapes and vocabularies that this checker holds.
func (c *Checker) Digest() string { return c.digest }

// Report is what a check says of one version.
type Report struct {
	Version  string
	Meets    bool            // it and all that it extends
	Findings []shacl.Finding // violations; of what it extends too
	Advice   []shacl.Finding // what is recommended and missing, and the like
	Cut      bool            // the description was too large to be checked to its end
	focus    int
}

// Dataset checks what would be written of a dataset, against the profiles of its space. With
// first only whether each is met is wanted: findings are then not whole, and there is no advice.
func (c *Checker) Dataset(d schemas.Dataset, first bool) ([]Report, error) {
	ids := c.of(d.Space)
	if len(ids) == 0 {
		return nil, nil
	}
	nodes, root, err := dcatap.Nodes(c.codes, d, "")
	if err != nil {
		return nil, err
	}
	return c.nodes(nodes, root, first, ids), nil
}

// of lists the versions that concern a space, newest first.
func (c *Checker) of(id schemas.SpaceID) []string {
	i := slices.IndexFunc(c.set.Spaces, func(p schemas.SpaceProfile) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return c.set.Spaces[i].Profiles
}

// Nodes checks a graph that is about root against versions, none of them: all. The answer is in their
// order.
func (c *Checker) Nodes(nodes []rdf.Node, root string, ids ...string) []Report {
	return c.nodes(nodes, root, false, ids)
}

func (c *Checker) nodes(nodes []rdf.Node, root string, first bool, ids []string) []Report {
	g := shacl.NewGraph(nodes)
	done := map[string]Report{}
	for i := range c.versions {
		v := &c.versions[i]
		if len(ids) == 0 || slices.Contains(ids, v.ID) || c.extended(v.ID, ids) {
			done[v.ID] = v.check(g, root, first, done)
		}
	}
	if len(ids) == 0 {
		for i := range c.set.Versions {
			ids = append(ids, c.set.Versions[i].ID)
		}
	}
	var out []Report
	for _, id := range ids {
		if r, ok := done[id]; ok {
			out = append(out, r)
		}
	}
	return out
}

// extended says whether one of some versions extends a version.
func (c *Checker) extended(id string, by []string) bool {
	return slices.ContainsFunc(by, func(other string) bool {
		v, ok := c.set.Version(other)
		return ok && slices.Contains(v.Extends, id)
	})
}

// check checks a graph against a version; done holds those that it may extend.
func (v *version) check(g *shacl.Graph, root string, first bool, done map[string]Report) Report {
	out := Report{Version: v.ID, Meets: true}
	if g.Statements() > maxStatements {
		return Report{Version: v.ID, Cut: true}
	}
	for _, id := range v.Extends {
		if first && !done[id].Meets {
			return Report{Version: v.ID, Findings: done[id].Findings, Cut: done[id].Cut}
		}
	}
	r := v.shapes.Check(g, shacl.Checked{Root: root, Vocabulary: v.vocabulary, First: first, Limits: shacl.Limits{Time: maxTime}})
	out.Cut, out.focus = r.Cut, r.Focus
	for _, f := range r.Findings {
		if f.Severity == shacl.Violation {
			out.Findings = append(out.Findings, f)
		} else {
			out.Advice = append(out.Advice, f)
		}
	}
	for _, id := range v.Extends {
		base := done[id]
		out.Cut, out.focus = out.Cut || base.Cut, out.focus+base.focus
		out.Findings = further(out.Findings, base.Findings)
		out.Advice = further(out.Advice, base.Advice)
	}
	out.Meets = !out.Cut && len(out.Findings) == 0 && out.focus > 0 // a graph that says nothing meets nothing
	return out
}

// further adds findings that are not there in other words: of the same node and property.
func further(have, more []shacl.Finding) []shacl.Finding {
	for _, f := range more {
		if !slices.ContainsFunc(have, func(h shacl.Finding) bool {
			return h.Focus == f.Focus && (h.Words == f.Words || h.Path == f.Path && h.Path != "" && h.Component == f.Component)
		}) {
			have = append(have, f)
		}
	}
	return have
}

// Of says which versions a dataset meets, and what it lacks for the newest published one of its space. A
// description that cannot be written meets none.
func (c *Checker) Of(d *schemas.Dataset) *schemas.Profiled { return c.profiled(d, false) }

// Brief is Of without what the dataset lacks, for much less: it is stored with every dataset.
func (c *Checker) Brief(d *schemas.Dataset) *schemas.Profiled { return c.profiled(d, true) }

// plain is the profile that the EU's assessment asks for.
const plain = "dcat-ap/3.0.1"

// Quality judges a dataset by the EU's assessment; nil for one that cannot be written.
func (c *Checker) Quality(d *schemas.Dataset) *schemas.Quality {
	nodes, root, err := dcatap.Nodes(c.codes, *d, "")
	if err != nil {
		return nil
	}
	return quality.Of(nodes, root, c.complies(nodes, root, nil))
}

// complies says whether a graph meets that profile, which may be among those that it was
// checked against.
func (c *Checker) complies(nodes []rdf.Node, root string, reports []Report) bool {
	i := slices.IndexFunc(reports, func(r Report) bool { return r.Version == plain })
	if i < 0 {
		i, reports = 0, c.nodes(nodes, root, true, []string{plain})
	}
	return i < len(reports) && reports[i].Meets
}

func (c *Checker) profiled(d *schemas.Dataset, brief bool) *schemas.Profiled {
	out := &schemas.Profiled{Shapes: c.digest}
	nodes, root, err := dcatap.Nodes(c.codes, *d, "")
	if err != nil {
		return out
	}
	var reports []Report
	if ids := c.of(d.Space); len(ids) > 0 {
		reports = c.nodes(nodes, root, brief, ids)
	}
	out.Points = quality.Of(nodes, root, c.complies(nodes, root, reports)).Points
	i := slices.IndexFunc(c.set.Spaces, func(p schemas.SpaceProfile) bool { return p.ID == d.Space })
	newest := ""
	if i >= 0 {
		newest = c.set.Newest(&c.set.Spaces[i])
	}
	for _, r := range reports {
		if r.Meets {
			out.Meets = append(out.Meets, r.Version)
			continue
		}
		if r.Version != newest {
			continue
		}
		out.Wanted = newest
		if brief {
			continue
		}
		out.Missing = words(r.Findings)
		if r.Cut {
			out.Missing = append(out.Missing, "the description is too large to be checked to its end")
		}
	}
	return out
}

// words are what findings say, so many of them.
func words(findings []shacl.Finding) []string {
	var out []string
	for _, f := range findings {
		if !slices.Contains(out, f.Words) {
			out = append(out, f.Words)
		}
	}
	if more := len(out) - maxMissing; more > 0 {
		out = append(out[:maxMissing], fmt.Sprintf("and %d things more", more))
	}
	return out
}

// Title names a version for people.
func (c *Checker) Title(id string) string {
	if v, ok := c.set.Version(id); ok && v.Title["en"] != "" {
		return v.Title["en"]
	}
	return strings.Replace(id, "/", " ", 1)
}
