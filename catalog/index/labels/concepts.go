package labels

import (
	"slices"
	"strings"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

// Concept is a concept of a vocabulary of the data spaces, such as a mobility theme, a health
// category or a frequency.
type Concept struct {
	Code                // the vocabulary's name, such as mobility-theme, and the concept's code
	Labels schemas.Text // its names, to be found by
}

// mostConcepts bounds the concepts of one dataset.
const mostConcepts = 64

// Concepts are those that the further statements of a dataset or link name (Dataset.RDF,
// Link.RDF): they are kept as Turtle with whole IRIs, in which these are looked for without
// parsing it. Themes and formats are not among them, which datasets have as members. In the
// order in which they stand, each once.
func (l *Labels) Concepts(turtle string) []Concept {
	var out []Concept
	for _, part := range strings.Split(turtle, "<")[1:] {
		iri, _, ok := strings.Cut(part, ">")
		c, known := l.concepts[iri]
		if !ok || !known || slices.ContainsFunc(out, func(x Concept) bool { return x.Code == c.Code }) {
			continue
		}
		if len(out) == mostConcepts {
			break
		}
		out = append(out, c)
	}
	return out
}

// conceptsOf maps the IRIs of concepts to them.
func conceptsOf(set *spaces.Set) map[string]Concept {
	out := map[string]Concept{}
	for name, v := range set.Vocabularies {
		if name == "data-theme" || name == "file-type" || v.Base == "" {
			continue
		}
		for code, label := range v.Concepts {
			if code != "other" && code != "OTHER" {
				out[v.Base+code] = Concept{Code{name, code}, label}
			}
		}
	}
	return out
}
