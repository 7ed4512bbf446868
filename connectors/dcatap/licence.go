package dcatap

import (
	"cmp"
	"slices"
	"strings"

	"guichet/connectors/dcatap/licence"
	"guichet/connectors/rdf"
)

// licences are the licences of a dataset or distribution: IRIs as given, those of
// well-known licences as their SPDX ids; else the words.
func (r *reader) licences(n rdf.Node) []string {
	var out []string
	for _, v := range r.values(n, nsDCT+"license") {
		id := rdf.ID(v)
		if absolute(id) && !strings.HasPrefix(id, "_:") {
			out = append(out, licence.ID(id))
			continue
		}
		s, _, _, _ := rdf.Literal(v)
		words := cmp.Or(s, r.word(v, nsRDFS+"label"), r.word(v, nsSkos+"prefLabel"), r.word(v, nsDCT+"title"),
			r.word(v, nsFOAF+"name"), r.word(v, nsDCT+"identifier"), r.word(v, nsDCT+"description"))
		if words == "" {
			r.note("/dct:license", "not kept, as it has neither an address nor a name")
			continue
		}
		out = append(out, licence.ID(words))
	}
	return out
}

// fewLicences adds licences to those known, each once, up to one more than there may be.
func (r *reader) fewLicences(known, more []string) []string {
	for _, l := range more {
		if len(known) > maxLicences {
			break
		}
		if !slices.Contains(known, l) {
			known = append(known, l)
		}
		if len(known) > maxLicences {
			r.fault("/dct:license", "the dataset has more than %d licences", maxLicences)
		}
	}
	return known
}
