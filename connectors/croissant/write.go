package croissant

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/odrl"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Profile is what a Croissant conforms to, and the profile by which it is asked for.
const Profile = "http://mlcommons.org/croissant/1.1"

// maxFiles is how many files are named each by itself; of more, a split is named as a whole.
const maxFiles = 10_000

const nsODRL = "http://www.w3.org/ns/odrl/2/"

type object = map[string]any

// Write gives a dataset as Croissant 1.1 in JSON-LD. v is its newest published version, nil for
// none; a split whose shards are left out, and one that terms change, is told as a whole.
// publicURL is the gateway's own address, without a slash at its end. Names and
// descriptions are in all their languages, "en" where none is said.
func Write(d *schemas.Dataset, v *schemas.Version, publicURL string) ([]byte, error) {
	w := writer{d: d, v: v, page: publicURL + "/datasets/" + url.PathEscape(string(d.ID)), stored: !d.Offer.Edits()}
	if publicURL == "" {
		w.page = "urn:guichet:dataset:" + url.PathEscape(string(d.ID))
	}
	doc, err := w.dataset()
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode dataset %s: %w", d.ID, err)
	}
	return append(b, '\n'), nil
}

// writer writes one dataset.
type writer struct {
	d      *schemas.Dataset
	v      *schemas.Version
	page   string
	stored bool // what is read is what is stored
}

// dataset writes what Croissant demands of a dataset and what it recommends.
func (w *writer) dataset() (object, error) {
	d := w.d
	context, err := contextOf()
	if err != nil {
		return nil, err
	}
	description := d.Description
	if len(description) == 0 {
		description = d.Title
	}
	doc := object{
		"@context": context, "@type": "sc:Dataset", "conformsTo": Profile, "name": text(d.Title), "description": text(description),
		"url": w.page, "creator": object{"@type": "sc:Organization", "name": cmp.Or(d.Publisher, string(d.Provider), "unknown")},
	}
	if d.IRI != "" {
		doc["@id"] = rdf.IRI(d.IRI)
	}
	if d.Publisher != "" {
		doc["publisher"] = object{"@type": "sc:Organization", "name": d.Publisher}
	}
	if strings.Contains(d.Contact, "@") && !strings.Contains(d.Contact, "://") {
		doc["creator"].(object)["email"] = d.Contact
	} else if d.Contact != "" {
		doc["creator"].(object)["url"] = d.Contact
	}
	var licences []string
	for _, l := range d.Licensed() {
		licences = append(licences, licence(l))
	}
	list(doc, "license", licences)
	list(doc, "keywords", d.Keywords)
	list(doc, "inLanguage", d.Languages)
	list(doc, "identifier", append([]string{string(d.ID)}, d.Identifiers...))
	switch places := places(d); len(places) {
	case 0:
	case 1:
		doc["spatialCoverage"] = places[0]
	default:
		doc["spatialCoverage"] = places
	}
	var times []string
	for _, p := range d.Covered() {
		times = append(times, cmp.Or(p.From, "..")+"/"+cmp.Or(p.Until, ".."))
	}
	list(doc, "temporalCoverage", times)
	if d.Attribution != "" {
		doc["citeAs"] = d.Attribution
	}
	published := d.Registered
	if w.v != nil {
		published = w.v.Published
		doc["version"] = string(w.v.Version)
	}
	day(doc, "datePublished", published)
	day(doc, "dateModified", d.Modified)
	w.tell(doc)
	doc["distribution"], doc["isLiveDataset"] = w.files()
	doc["recordSet"] = w.recordSets()
	if d.Offer != nil {
		doc["usageInfo"], err = w.usage()
	}
	return doc, err
}

// contextOf is Croissant's context with the prefixes of terms.
func contextOf() (object, error) {
	b, err := schemas.JSONLDContext(Profile)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Context object `json:"@context"`
	}
	err = json.Unmarshal(b, &doc)
	if err != nil {
		return nil, fmt.Errorf("decode the context of Croissant: %w", err)
	}
	doc.Context["odrl"] = nsODRL
	return doc.Context, nil
}

// text is a text as a map of languages; English where it does not say in which it is.
func text(t schemas.Text) any {
	out := object{}
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		if tag == "" && t["en"] != "" {
			continue
		}
		out[cmp.Or(tag, "en")] = t[tag]
	}
	return out
}

// list sets a member to one value or several; none leave it out.
func list(o object, name string, values []string) {
	switch len(values) {
	case 0:
	case 1:
		o[name] = values[0]
	default:
		o[name] = values
	}
}

// day sets a day in UTC.
func day(o object, name string, t time.Time) {
	if !t.IsZero() {
		o[name] = t.UTC().Format(time.DateOnly)
	}
}

// licence is an SPDX id as the address of its text, which Croissant wants; other names stay.
func licence(l string) string {
	if strings.ContainsAny(l, ":/ ") || strings.HasPrefix(l, "LicenseRef-") {
		return l
	}
	return "https://spdx.org/licenses/" + l
}

// usage gives the offer's ODRL, expanded: the names of its vocabulary are not those of the
// document's context. Its target goes without saying: mlcroissant follows it back to the
// dataset without end.
func (w *writer) usage() (any, error) {
	b, err := odrl.Write(*w.d.Offer, "", string(w.d.Provider))
	if err != nil {
		return nil, err
	}
	doc, err := rdf.Expand(b, rdf.Options{Strict: true, Limits: rdf.Limits{Bytes: 64 << 20, Depth: 64, Values: 1 << 20}})
	if err != nil || len(doc.Nodes) != 1 {
		return nil, fmt.Errorf("expand the terms of %s: %w", w.d.ID, err)
	}
	doc.Nodes[0]["@id"] = cmp.Or(rdf.IRI(w.d.IRI), w.page) + "#offer"
	return short(doc.Nodes[0]), nil
}

// short writes names of ODRL by its prefix.
func short(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = short(v[i])
		}
		return out
	case object:
		out := object{}
		for k, value := range v {
			if k == "@type" {
				out[k] = names(value)
				continue
			}
			if k == "@id" || k == "@value" || k == "@language" {
				out[k] = value
				continue
			}
			out[strings.Replace(k, nsODRL, "odrl:", 1)] = short(value)
		}
		return out
	}
	return v
}

// names are types by ODRL's prefix.
func names(v any) any {
	items, several := v.([]any)
	if !several {
		return v
	}
	out := make([]any, len(items))
	for i := range items {
		name, _ := items[i].(string)
		out[i] = strings.Replace(name, nsODRL, "odrl:", 1)
	}
	return out
}

// size is a number of bytes as Croissant writes it.
func size(n int64) string { return strconv.FormatInt(n, 10) + " B" }
