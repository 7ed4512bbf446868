package shacl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// prefixes are those that people who describe data know.
func prefixes() [][2]string {
	return [][2]string{
		{"http://www.w3.org/ns/dcat#", "dcat"}, {"http://purl.org/dc/terms/", "dct"}, {"http://xmlns.com/foaf/0.1/", "foaf"},
		{"http://www.w3.org/2006/vcard/ns#", "vcard"}, {nsSkos, "skos"}, {nsXSD, "xsd"}, {nsRDFS, "rdfs"}, {nsRDF, "rdf"},
		{"http://www.w3.org/ns/adms#", "adms"}, {"http://spdx.org/rdf/terms#", "spdx"}, {"http://www.w3.org/ns/odrl/2/", "odrl"},
		{"http://data.europa.eu/r5r/", "dcatap"}, {"http://www.w3.org/ns/prov#", "prov"}, {"http://www.w3.org/ns/locn#", "locn"},
		{"http://healthdataportal.eu/ns/health#", "healthdcatap"}, {"http://healthdcat-ap.example.org/", "healthdcatap"},
		{"https://w3id.org/mobilitydcat-ap#", "mobilitydcatap"}, {"https://w3id.org/dpv#", "dpv"}, {"http://www.w3.org/ns/dqv#", "dqv"},
		{"http://www.w3.org/ns/csvw#", "csvw"}, {"http://data.europa.eu/m8g/", "cv"}, {"http://data.europa.eu/930/", "geodcatap"},
		{"http://www.w3.org/2002/07/owl#", "owl"}, {"http://www.w3.org/2006/time#", "time"}, {"http://schema.org/", "schema"},
		{"http://www.w3.org/ns/oa#", "oa"}, {"http://www.w3.org/ns/org#", "org"}, {"http://www.opengis.net/ont/geosparql#", "geosparql"},
		{"http://www.w3.org/2011/content#", "cnt"}, {nsSH, "sh"},
	}
}

// compact writes an IRI with a prefix where that is known.
func compact(iri string) string {
	for _, p := range prefixes() {
		if name, ok := strings.CutPrefix(iri, p[0]); ok && name != "" && !strings.ContainsAny(name, "/#") {
			return p[1] + ":" + name
		}
	}
	return "<" + short(iri) + ">"
}

// short cuts what strangers wrote to a length that a line holds.
func short(s string) string {
	const most = 120
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// quoted is a term as people write it.
func quoted(t term) string {
	switch t.kind {
	case isIRI:
		return compact(t.value)
	case isBlank:
		return "a node without an IRI"
	}
	return fmt.Sprintf("%q", short(t.value))
}

// what says what a term is.
func what(t term) string {
	if t.kind == isLiteral {
		return "the text " + quoted(t)
	}
	return quoted(t)
}

func a(name string) string { return "a " + name }

// String is a path as people write it.
func (p *path) String() string {
	var parts []string
	for _, part := range p.parts {
		parts = append(parts, part.String())
	}
	switch {
	case p.property != "":
		return compact(p.property)
	case p.kind == "inversePath":
		return "what says " + parts[0] + " of it"
	case p.kind == "alternativePath":
		return strings.Join(parts, " or ")
	}
	return strings.Join(parts, " / ")
}

// wanted says what is wanted where nothing is.
func (s *shape) wanted() string {
	for _, c := range s.checks {
		switch c := c.(type) {
		case class:
			return ": " + a(compact(c.iri)) + " is wanted"
		case datatype:
			return ": a value of " + compact(c.iri) + " is wanted"
		}
	}
	for _, c := range s.checks {
		if c, ok := c.(nodeKind); ok {
			return ": " + kinds()[c.is] + " is wanted"
		}
	}
	return ""
}

// finding says what is wrong: of which property, and of which node where that is not the one
// that the graph is about.
func (r *run) finding(s *shape, focus term, component string, v term, why string) Finding {
	f := Finding{Focus: focus.value, Component: component, Severity: s.severity}
	if v.kind != 0 {
		f.Value = v.value
	}
	of := r.of(focus)
	gap := " "
	if strings.HasPrefix(why, ":") {
		gap = ""
	}
	switch {
	case s.path == nil && s.message != "": // only its words say what it is about
		f.Words = s.message
		if of != "" {
			f.Words = s.message + " (" + strings.TrimPrefix(of, " of ") + ")"
		}
	case s.path == nil && of == "":
		f.Words = "it" + gap + why
	case s.path == nil:
		f.Words = strings.TrimPrefix(of, " of ") + gap + why
	default:
		f.Path = s.path.String()
		f.Words = f.Path + of + gap + why
	}
	return f
}

// of names a node that is not the one that the graph is about.
func (r *run) of(focus term) string {
	if focus.value == r.Root {
		return ""
	}
	class := "node"
	for _, t := range r.g.said[focus.value][nsRDF+"type"] {
		class = compact(t.value)
		break
	}
	if focus.kind == isBlank {
		return " of the " + class
	}
	if focus.kind == isLiteral {
		return " of " + quoted(focus)
	}
	return " of the " + class + " <" + short(focus.value) + ">"
}

// because says why a shape does not hold for a node that another shape leads to.
func (r *run) because(s *shape, v term, found []Finding) string {
	var words []string
	for _, f := range found[:min(len(found), 3)] {
		said := f.Words
		if of := r.of(v); f.Focus == v.value && of != "" { // that node was named before
			said = strings.Replace(said, of, "", 1)
			name := strings.TrimPrefix(of, " of ")
			said = strings.TrimSuffix(said, " ("+name+")")
			if rest, ok := strings.CutPrefix(said, name+" "); ok {
				said = "it " + rest
			}
		}
		if f.Component == "hasValue" && f.Path == "skos:inScheme" {
			said = quoted(v) + strings.TrimPrefix(said, f.Path)
		}
		if !slices.Contains(words, said) {
			words = append(words, said)
		}
	}
	return strings.Join(words, "; ")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
