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
		r.addresses(n)
		s, _, _, _ := rdf.Literal(values[0])
		address := cmp.Or(rdf.ID(values[0]), s)
		u, err := url.Parse(address)
		if err != nil || !slices.Contains([]string{"http", "https", "ftp", "s3"}, strings.ToLower(u.Scheme)) {
			r.fault(at+"/dcat:"+property, "%q is not an address (http, https, ftp, s3) and there is nothing to resolve it against", address)
			return schemas.Link{}, false
		}
		return schemas.Link{URL: address, Format: r.format(n), Title: r.name(n)}, true
	}
	return schemas.Link{}, false
}

// addresses leaves those beside the one that is the link's, and that it is one of a file.
func (r *reader) addresses(n rdf.Node) {
	files, pages := r.list(n, nsDCAT+"downloadURL"), r.list(n, nsDCAT+"accessURL")
	for _, v := range files {
		r.leave(nsDCAT+"downloadURL", v)
	}
	own := address(append(files, pages...)[0])
	for _, v := range pages {
		if address(v) != own {
			r.leave(nsDCAT+"accessURL", v)
		}
	}
}

// address is what a value leads to.
func address(v rdf.Node) string {
	s, _, _, _ := rdf.Literal(v)
	return cmp.Or(rdf.ID(v), s)
}

// name is the link's title; what it is called in languages is left.
func (r *reader) name(n rdf.Node) string {
	r.leaveTagged(n, nsDCT+"title")
	return r.word(n, nsDCT+"title")
}

// format is the code of the EU file-type table, else the media type, else the
// words or the last part of the IRI.
func (r *reader) format(n rdf.Node) string {
	found := ""
	for _, property := range []string{nsDCT + "format", nsDCAT + "mediaType"} {
		if found != "" {
			break // a media type beside a format is one more statement
		}
		for _, v := range r.values(n, property) {
			s, _, _, _ := rdf.Literal(v)
			words := cmp.Or(s, r.oneOf(v, nsRDFS+"label"), r.oneOf(v, nsSkos+"prefLabel"))
			if id := rdf.ID(v); words == "" && id != "" && !strings.HasPrefix(id, "_:") {
				words = mediaTypeOr(id, path.Base(strings.TrimRight(id, "/#")))
			}
			if found != "" || words == "" || !says(property, v, words) {
				r.leave(property, v)
			}
			r.leaveMore(property, v, nsDCT+"MediaTypeOrExtent")
			r.leaveTyped(property, v, nsRDFS+"label")
			found = cmp.Or(found, words)
		}
	}
	return found
}

// says tells whether a format's code or words, written, say the same as a value does.
func says(property string, v rdf.Node, words string) bool {
	out := object{}
	format(out, words)
	short := map[string]string{nsDCT + "format": "dct:format", nsDCAT + "mediaType": "dcat:mediaType"}[property]
	said, _ := out[short].(object)
	id := rdf.ID(v)
	return id == "" || strings.HasPrefix(id, "_:") || said["@id"] == rdf.PlainAuthority(id)
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
