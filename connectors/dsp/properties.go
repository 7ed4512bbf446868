package dsp

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf"
)

const (
	nsDCAT = "http://www.w3.org/ns/dcat#"
	nsDCT  = "http://purl.org/dc/terms/"
	nsFOAF = "http://xmlns.com/foaf/0.1/"
	nsEDC  = "https://w3id.org/edc/v0.0.1/ns/"
)

// bare are the properties that stand without a prefix, or with EDC's, by what they mean. An asset's
// name is its title where it has no other.
func bare() map[string]string {
	return map[string]string{
		"title": nsDCT + "title", "name": nsDCT + "title", "description": nsDCT + "description", "keyword": nsDCAT + "keyword",
		"keywords": nsDCAT + "keyword", "theme": nsDCAT + "theme", "license": nsDCT + "license", "publisher": nsDCT + "publisher",
		"language": nsDCT + "language", "spatial": nsDCT + "spatial", "temporal": nsDCT + "temporal",
	}
}

// node is what a dataset says of itself, expanded: its own properties, without its offers and its
// distributions.
func (r *reader) node(d map[string]any) rdf.Node {
	out, second := rdf.Node{}, map[string][]any{}
	names := slices.Sorted(maps.Keys(d)) // the same answer in another order says the same
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(strings.Count(local(a), "name"), strings.Count(local(b), "name"))
	})
	for _, name := range names {
		if strings.HasPrefix(name, "@") || slices.Contains([]string{"hasPolicy", "distribution", "id", "edc:id", nsEDC + "id"}, name) {
			continue
		}
		property, exact := r.property(name)
		values := r.values(property, d[name], 0)
		if property == "" || len(values) == 0 {
			continue
		}
		if exact {
			out[property] = values
		} else {
			second[property] = append(second[property], values...)
		}
	}
	for property, values := range second {
		if out[property] == nil {
			out[property] = values
		}
	}
	return out
}

// property is the IRI of a name; exact says that it was written as such, and not taken for it.
// "" is one that means nothing here.
func (r *reader) property(name string) (iri string, exact bool) {
	prefix, rest, prefixed := strings.Cut(name, ":")
	switch {
	case !prefixed:
		return bare()[name], false
	case strings.HasPrefix(rest, "//"):
		iri = name
	case r.prefixes[prefix] != "":
		iri = r.prefixes[prefix] + rest
	default:
		return name, true
	}
	if own, ok := strings.CutPrefix(iri, nsEDC); ok {
		return bare()[own], false
	}
	return iri, true
}

// named are properties whose values are things: a text that is an IRI names one.
func named(property string) bool {
	switch strings.TrimPrefix(property, nsDCT) {
	case "license", "publisher", "language", "spatial", "accessRights", "conformsTo", "type", "accrualPeriodicity":
		return true
	}
	return property == nsDCAT+"theme" || property == nsDCAT+"contactPoint" || property == nsDCAT+"landingPage"
}

// values expands the values of a property.
func (r *reader) values(property string, v any, depth int) (out []any) {
	if depth > maxDepth {
		return nil
	}
	switch t := v.(type) {
	case []any:
		for _, one := range t {
			out = append(out, r.values(property, one, depth+1)...)
		}
	case string:
		if named(property) && (strings.HasPrefix(t, "http://") || strings.HasPrefix(t, "https://")) {
			return []any{map[string]any{"@id": t}}
		}
		return []any{map[string]any{"@value": t}}
	case bool, float64:
		return []any{map[string]any{"@value": t}}
	case map[string]any:
		return []any{r.object(t, depth)}
	}
	return out
}

// object expands a value that is an object: a literal, a reference, or a thing that is described.
func (r *reader) object(t map[string]any, depth int) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		v := t[name]
		switch name {
		case "@value", "@language", "@id":
			if _, text := v.(string); text || name == "@value" {
				out[name] = v
			}
			continue
		case "@type":
			for _, one := range list(v) {
				if kind, ok := one.(string); ok {
					iri, _ := r.property(kind)
					types, _ := out["@type"].([]any)
					out["@type"] = append(types, iri)
				}
			}
			continue
		}
		property, _ := r.property(name)
		if values := r.values(property, v, depth+1); property != "" && len(values) > 0 {
			out[property] = values
		}
	}
	if _, literal := out["@value"]; literal {
		if types, ok := out["@type"].([]any); ok {
			out["@type"] = types[0]
		}
	}
	return out
}
