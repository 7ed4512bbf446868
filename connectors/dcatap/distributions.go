package dcatap

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

const mediaTypes = "https://www.iana.org/assignments/media-types/"

// link reads a distribution held elsewhere; false when it has no address.
func (r *reader) link(n rdf.Node) (schemas.Link, bool) {
	at := r.at[key(n)]
	for _, property := range []string{"downloadURL", "accessURL"} {
		values := r.list(n, nsDCAT+property)
		if len(values) == 0 {
			continue
		}
		s, _, _, _ := rdf.Literal(values[0])
		address := cmp.Or(rdf.ID(values[0]), s)
		u, err := url.Parse(address)
		if err != nil || !slices.Contains([]string{"http", "https", "ftp", "s3"}, strings.ToLower(u.Scheme)) {
			r.fault(at+"/dcat:"+property, "%q is not an address (http, https, ftp, s3) and there is nothing to resolve it against", address)
			return schemas.Link{}, false
		}
		for _, other := range rdf.List(n, nsDCAT+"accessURL") {
			s, _, _, _ := rdf.Literal(other)
			if cmp.Or(rdf.ID(other), s) == address { // said twice
				r.list(n, nsDCAT+"accessURL")
			}
		}
		return schemas.Link{URL: address, Format: r.format(n), Title: r.word(n, nsDCT+"title")}, true
	}
	return schemas.Link{}, false
}

// format is the code of the EU file-type table, else the media type, else the
// words or the last part of the IRI.
func (r *reader) format(n rdf.Node) string {
	for _, v := range r.values(n, nsDCT+"format") {
		s, _, _, _ := rdf.Literal(v)
		if words := cmp.Or(s, r.word(v, nsRDFS+"label"), r.word(v, nsSkos+"prefLabel")); words != "" {
			return words
		}
		id := rdf.ID(v)
		if id != "" && !strings.HasPrefix(id, "_:") {
			return mediaTypeOr(id, path.Base(strings.TrimRight(id, "/#")))
		}
	}
	for _, v := range r.values(n, nsDCAT+"mediaType") {
		s, _, _, _ := rdf.Literal(v)
		if words := cmp.Or(s, r.word(v, nsRDFS+"label")); words != "" {
			return words
		}
		if id := rdf.ID(v); id != "" && !strings.HasPrefix(id, "_:") {
			return mediaTypeOr(id, path.Base(id))
		}
	}
	return ""
}

// mediaTypeOr reads a media type from its IRI in IANA's registry, which EU catalogues
// write instead of the type.
func mediaTypeOr(iri, other string) string {
	_, rest, ok := strings.Cut(iri, "//www.iana.org/assignments/media-types/")
	if ok && rest != "" {
		return rest
	}
	return other
}

// table reads a distribution that describes a table: one that has our own name
// for it, with its columns in the terms of CSVW [W3C CSVW metadata vocabulary].
func (r *reader) table(n rdf.Node) (schemas.TableInfo, bool) {
	t := schemas.TableInfo{Name: r.word(n, nsOurs+"table"), Title: r.text(n, nsDCT+"title")}
	if t.Name == "" {
		return t, false
	}
	t.Objects = r.word(n, nsOurs+"objects") == "true"
	for _, s := range r.values(n, nsCSVW+"tableSchema") {
		for _, c := range r.values(s, nsCSVW+"column") {
			t.Fields = append(t.Fields, schemas.Field{
				Name: r.word(c, nsCSVW+"name"), Type: r.word(c, nsCSVW+"datatype"), Format: r.word(c, nsCSVW+"format"),
				Unit: r.word(c, nsOurs+"unit"), Concept: r.word(c, nsCSVW+"propertyUrl"), Description: r.text(c, nsDCT+"description"),
				Sensitivity: schemas.Sensitivity(r.word(c, nsOurs+"sensitivity")),
			})
		}
	}
	for _, d := range r.values(n, nsCSVW+"dialect") {
		t.CSV = &schemas.CSV{
			Delimiter:   r.word(d, nsCSVW+"delimiter"),
			DecimalChar: r.word(d, nsCSVW+"decimalChar"),
			GroupChar:   r.word(d, nsCSVW+"groupChar"),
			Encoding:    r.word(d, nsCSVW+"encoding"),
			NoHeader:    r.word(d, nsCSVW+"header") == "false",
			Null:        r.words(d, nsCSVW+"null"),
		}
	}
	return t, true
}
