package croissant

import (
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// What Croissant says and no field of a dataset is for is kept as RDF, and told again from there: when
// the data was made, changed and given out, its version, the sums and sizes of files.

const (
	nsSPDX = "http://spdx.org/rdf/terms#"
	nsXSD  = "http://www.w3.org/2001/XMLSchema#"
)

// dated are the properties of DCAT-AP for the dates and the version of a Croissant.
func dated() map[string]string {
	return map[string]string{
		"datePublished": nsDCT + "issued", "dateModified": nsDCT + "modified", "dateCreated": nsDCT + "created", "version": nsDCAT + "version",
	}
}

// times puts dates and version.
func (r *reader) times(out rdf.Node, p map[string][]rdf.Node) {
	for name, property := range dated() {
		s := word(p[name])
		if s == "" {
			continue
		}
		value := rdf.Node{"@value": s}
		if _, err := schemas.ParsePeriod(s, true); err == nil && name != "version" {
			value["@type"] = nsXSD + dateType(s)
		}
		out[property] = []any{value}
	}
}

// dateType is the datatype of a time by how long it is written.
func dateType(s string) string {
	switch len(s) {
	case len("2020"):
		return "gYear"
	case len("2020-01"):
		return "gYearMonth"
	case len("2020-01-02"):
		return "date"
	}
	return "dateTime"
}

// sums puts what identifies a file: its sum, and its size where that is a number of bytes.
func (r *reader) sums(link rdf.Node, name string, p map[string][]rdf.Node) {
	for _, algorithm := range []string{"sha256", "md5"} {
		sum := strings.ToLower(word(p[algorithm]))
		if sum == "" {
			continue
		}
		if strings.Trim(sum, "0123456789abcdef") != "" {
			r.note("distribution: %s not kept of %s, as it is none: %.80s", algorithm, name, schemas.Visible(sum))
			continue
		}
		have, _ := link[nsSPDX+"checksum"].([]any)
		link[nsSPDX+"checksum"] = append(have, rdf.Node{
			"@type": []any{nsSPDX + "Checksum"}, nsSPDX + "algorithm": []any{rdf.Node{"@id": nsSPDX + "checksumAlgorithm_" + algorithm}},
			nsSPDX + "checksumValue": []any{rdf.Node{"@value": sum, "@type": nsXSD + "hexBinary"}},
		})
	}
	if s := word(p["contentSize"]); s != "" {
		n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(s, "B")), 10, 63)
		if err != nil {
			r.note("distribution: contentSize not kept of %s, as it is no number of bytes: %.80s", name, schemas.Visible(s))
			return
		}
		link[nsDCAT+"byteSize"] = []any{rdf.Node{"@value": strconv.FormatUint(n, 10), "@type": nsXSD + "nonNegativeInteger"}}
	}
}

// saidOf is what a text of a dataset or link says; nothing of one that nobody could have stored.
func saidOf(text string) rdf.Node {
	t, err := about.Read(text, dcatap.MaxRDF)
	if err != nil {
		return nil
	}
	return t.Said
}

// first is the first literal of a property that is kept.
func first(n rdf.Node, property string) string {
	for _, v := range rdf.List(n, property) {
		if s, _, _, ok := rdf.Literal(v); ok && s != "" {
			return s
		}
	}
	return ""
}

// tell puts dates and the version that are kept; a version that is published here has its own name.
func (w *writer) tell(doc object) {
	said := saidOf(w.d.RDF)
	for name, property := range dated() {
		s := first(said, property)
		if s != "" && (name != "version" || w.v == nil) {
			doc[name] = s
		}
	}
}

// tellFile puts the sums, the size and the words of a link that are kept; false where no sum is.
func tellFile(f object, l *schemas.Link) (summed bool) {
	said := saidOf(l.RDF)
	for _, v := range rdf.List(said, nsSPDX+"checksum") {
		for _, algorithm := range []string{"sha256", "md5"} {
			is := func(a rdf.Node) bool { return rdf.ID(a) == nsSPDX+"checksumAlgorithm_"+algorithm }
			if sum := first(v, nsSPDX+"checksumValue"); sum != "" && slices.ContainsFunc(rdf.List(v, nsSPDX+"algorithm"), is) {
				f[algorithm], summed = strings.ToLower(sum), true
			}
		}
	}
	if n, err := strconv.ParseUint(first(said, nsDCAT+"byteSize"), 10, 63); err == nil {
		f["contentSize"] = size(int64(n))
	}
	if s := first(said, nsDCT+"description"); s != "" {
		f["description"] = s
	}
	return summed
}
