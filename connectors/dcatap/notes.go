package dcatap

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
)

// What a document says and a dataset has no place for is named, never dropped in
// silence: the reader notes which properties it looked at, and what is left over is told
// by its path.

// nsUnknown stands in front of names that no context maps, so that they are seen.
const nsUnknown = "urn:guichet:unknown:"

// maxNotes bounds what is told of one dataset.
const maxNotes = 100

func (r *reader) note(at, format string, args ...any) {
	n := fmt.Sprintf(format, args...)
	if at != "/" {
		n = strings.TrimPrefix(at, "/") + ": " + n
	}
	if len(r.notes) < maxNotes && !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

// leftover names what of a dataset's description was not looked at.
func (r *reader) leftover(n rdf.Node) {
	left := map[string]map[string]int{} // path to properties, with how often
	r.collect(n, "", left, map[uintptr]bool{})
	for _, path := range slices.Sorted(maps.Keys(left)) {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(left[path])) {
			if times := left[path][name]; times > 1 {
				name += fmt.Sprintf(" (%d times)", times)
			}
			names = append(names, name)
		}
		r.note(cmp.Or(path, "/"), "not kept: %s", strings.Join(names, ", "))
	}
	if _, ok := left[""]["odrl:hasPolicy"]; ok {
		r.note("/odrl:hasPolicy", "terms are put by themselves: PUT /datasets/{id}/offer, or guichet offer")
	}
	r.others(n)
}

func (r *reader) collect(n rdf.Node, path string, left map[string]map[string]int, seen map[uintptr]bool) {
	if seen[key(n)] {
		return
	}
	seen[key(n)] = true
	for _, property := range slices.Sorted(maps.Keys(n)) {
		if strings.HasPrefix(property, "@") && property != "@reverse" {
			continue
		}
		if !r.used[key(n)][property] {
			if left[path] == nil {
				left[path] = map[string]int{}
			}
			left[path][short(property)] += max(1, len(rdf.List(n, property)))
			continue
		}
		for _, v := range r.follow(rdf.List(n, property)) {
			if _, literal := v["@value"]; !literal {
				r.collect(v, path+"/"+short(property), left, seen)
			}
		}
	}
}

// others says what else the document describes, which is no part of the dataset.
func (r *reader) others(n rdf.Node) {
	mine := map[uintptr]bool{}
	var reach func(n rdf.Node)
	reach = func(n rdf.Node) {
		if mine[key(n)] {
			return
		}
		mine[key(n)] = true
		for property := range n {
			for _, v := range r.follow(rdf.List(n, property)) {
				reach(v)
			}
		}
	}
	reach(n)
	counts := map[string]int{}
	for _, other := range r.order {
		types := rdf.Types(other)
		if !mine[key(other)] && rdf.ID(other) != "" && len(types) > 0 && !slices.Contains(types, nsDCAT+"Dataset") {
			counts[short(types[0])]++
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		names = append(names, fmt.Sprintf("%d %s", counts[name], name))
	}
	if len(names) > 0 {
		r.note("/", "passed over, as it is not part of the dataset: %s", strings.Join(names, ", "))
	}
}

// short is a property or class as people write it.
func short(iri string) string {
	if name, ok := strings.CutPrefix(iri, nsUnknown); ok {
		return name + " (no context says what it means)"
	}
	for ns, prefix := range map[string]string{nsOurs: "guichet", nsODRL: "odrl", "https://schema.org/": "schema"} {
		if local, ok := strings.CutPrefix(iri, ns); ok {
			return prefix + ":" + local
		}
	}
	return about.Short(iri)
}
