package dcatap

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/odrl"
	"guichet/connectors/rdf"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

type object = map[string]any

// Write gives a dataset as DCAT-AP 3, the same statements in each format. publicURL is
// the gateway's own address, without a slash at its end. Whom a dataset is visible to is not
// written. A dataset without a description is described by its title, which
// DCAT-AP makes mandatory [DCAT-AP 3.0.1 Dataset]. Errors: Invalid for a format that is not
// written, and in RDF/XML for a text with characters that XML cannot say.
func Write(f rdf.Format, d schemas.Dataset, publicURL string) ([]byte, error) {
	b, err := writeLD(d, publicURL)
	if err != nil {
		return nil, err
	}
	return Serialised(f, b)
}

// Serialised gives JSON-LD in the terms of Context in a format. Errors as of Write.
func Serialised(f rdf.Format, b []byte) ([]byte, error) {
	if f == rdf.JSONLD {
		return b, nil
	}
	limits := rdf.Limits{Bytes: 64 << 20, Depth: maxDepth, Values: 1 << 22}
	doc, err := rdf.Expand(b, rdf.Options{Strict: true, Limits: limits})
	if err != nil {
		return nil, fmt.Errorf("expand what was written: %w", err)
	}
	prefixes := maps.Clone(about.Prefixes())
	prefixes["guichet-odrl"], prefixes["guichet"], prefixes["odrl"] = nsOurs+"odrl:", nsOurs, nsODRL
	return rdf.Write(f, doc, prefixes)
}

// Named is the name of a dataset in what leaves a site: the address of its page. Its provider's
// own IRI stands among its identifiers, since two providers may give the same.
func Named(id schemas.DatasetID, public string) string {
	if public == "" {
		return "urn:guichet:dataset:" + url.PathEscape(string(id))
	}
	return public + "/datasets/" + url.PathEscape(string(id))
}

// writeLD gives a dataset in JSON-LD.
func writeLD(d schemas.Dataset, publicURL string) ([]byte, error) {
	codes, err := rdf.LoadCodes()
	if err != nil {
		return nil, err
	}
	doc, err := describe(codes, d, publicURL)
	if err != nil {
		return nil, err
	}
	doc["@context"] = Context()
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode dataset %s: %w", d.ID, err)
	}
	return append(b, '\n'), nil
}

// describe gives a dataset in the terms of Context.
func describe(codes *rdf.Codes, d schemas.Dataset, publicURL string) (object, error) {
	w := writer{codes: codes, more: newFurther(), page: Named(d.ID, publicURL)}
	return w.dataset(&d)
}

// Context is the context of what is written. It begins with ODRL's, since the offer's
// terms are written bare.
func Context() []any { return []any{"http://www.w3.org/ns/odrl.jsonld", prefixes()} }

// prefixes are those of what is written.
func prefixes() object {
	out := object{"guichet": "urn:guichet:odrl:", "dqv": "http://www.w3.org/ns/dqv#"}
	for name, ns := range about.Prefixes() {
		out[name] = ns
	}
	return out
}

// writer writes datasets with the codes of the EU's tables.
type writer struct {
	codes *rdf.Codes
	more  *further
	page  string
}

// dataset writes a dataset with what DCAT-AP 3.0.1 makes mandatory: a description is
// never left out, the title stands in for it.
func (w *writer) dataset(d *schemas.Dataset) (object, error) {
	iri := rdf.IRI(cmp.Or(d.IRI, w.page))
	description := d.Description
	if len(description) == 0 {
		description = d.Title
	}
	doc := object{"@id": iri, "@type": "dcat:Dataset", "dct:title": text(d.Title), "dct:description": text(description),
		"dcat:landingPage": object{"@id": w.page}, "urn:guichet:page": object{"@id": w.page},
		"urn:guichet:visibility": cmp.Or(d.Visibility, schemas.VisibleToEveryone)}
	doc["dct:accessRights"] = authority("access-right", accessRight(d))
	doc["urn:guichet:accessRights"] = doc["dct:accessRights"]
	set(doc, "dct:identifier", string(d.ID))
	if len(d.Identifiers) > 0 { // the first publisher's stays the first, others are adms' [DCAT-AP, usage of identifiers]
		doc["dct:identifier"] = d.Identifiers[0]
		each(doc, "adms:identifier", d.Identifiers[1:], func(id string) any { return object{"@type": "adms:Identifier", "skos:notation": id} })
	}
	set(doc, "urn:guichet:space", string(d.Space))
	if words := keywords(d); len(words) > 0 {
		doc["dcat:keyword"] = words
	}
	each(doc, "dcat:theme", d.Themes, func(code string) any { return authority("data-theme", code) })
	each(doc, "dct:spatial", d.Countries, w.place)
	each(doc, "dct:language", d.Languages, w.language)
	if d.Publisher != "" {
		doc["dct:publisher"] = object{"@type": "foaf:Agent", "foaf:name": d.Publisher}
	}
	switch {
	case strings.Contains(d.Contact, "://"):
		doc["dcat:contactPoint"] = object{"@type": nsVCard + "Kind", nsVCard + "hasURL": object{"@id": rdf.IRI(d.Contact)}}
	case d.Contact != "":
		doc["dcat:contactPoint"] = object{"@type": nsVCard + "Kind", nsVCard + "hasEmail": object{"@id": rdf.IRI("mailto:" + d.Contact)}}
	}
	switch {
	case len(d.Periods) > 0:
		var periods []object
		for _, p := range d.Periods {
			periods = append(periods, period(p.From, p.Until))
		}
		doc["dct:temporal"] = periods
	case d.From != "" || d.Until != "":
		doc["dct:temporal"] = period(d.From, d.Until)
	}
	if q := d.Quality; q != nil { // points of the EU's assessment, in its terms [W3C DQV]
		doc["dqv:hasQualityMeasurement"] = object{"@type": "dqv:QualityMeasurement",
			"dqv:isMeasurementOf": object{"@id": nsOurs + "mqa-points"},
			"dqv:value":           object{"@value": strconv.Itoa(q.Points), "@type": "xsd:integer"}}
	}
	instant(doc, "dct:issued", d.Registered)
	instant(doc, "dct:modified", d.Modified)
	if len(d.Tables)+len(d.Links) == 0 {
		maps.Copy(doc, terms(d, d.Licensed()))
	} else if alone := documents(unlinked(d)); len(alone) > 0 {
		doc["dct:license"] = alone
	}
	if d.Offer != nil {
		policy, err := odrl.Object(*d.Offer, iri, string(d.Provider))
		if err != nil {
			return nil, err
		}
		doc["odrl:hasPolicy"] = policy
	}
	err := w.more.dataset(doc, d)
	if err == nil {
		err = w.distributions(doc, d)
	}
	return doc, err
}

// keywords writes keywords, each in all of its languages.
func keywords(d *schemas.Dataset) (out []any) {
	tags := map[string][]string{}
	for _, tag := range slices.Sorted(maps.Keys(d.KeywordsIn)) {
		for _, word := range d.KeywordsIn[tag] {
			tags[word] = append(tags[word], tag)
		}
	}
	for _, word := range d.Keywords {
		for _, tag := range tags[word] {
			out = append(out, object{"@value": word, "@language": tag})
		}
		if len(tags[word]) == 0 {
			out = append(out, word)
		}
	}
	return out
}

// set sets a member that has a value.
func set(o object, name, value string) {
	if value != "" {
		o[name] = value
	}
}

// each sets a member to as many values as there are; none leave it out, since an empty
// list is a statement in JSON-LD.
func each(o object, name string, values []string, f func(string) any) {
	var out []any
	for _, v := range values {
		out = append(out, f(v))
	}
	if len(out) > 0 {
		o[name] = out
	}
}

// instant sets a typed instant in UTC.
func instant(o object, name string, t time.Time) {
	if !t.IsZero() {
		o[name] = object{"@value": t.UTC().Format(time.RFC3339), "@type": "xsd:dateTime"}
	}
}

// authority names an entry of an EU authority table.
func authority(table, code string) object {
	return object{"@id": rdf.Authority + table + "/" + code}
}

// text writes a text in its languages, in the order of their tags: equal texts give
// equal bytes.
func text(t schemas.Text) []object {
	var out []object
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		v := object{"@value": t[tag]}
		set(v, "@language", tag)
		out = append(out, v)
	}
	return out
}

// accessRight is PUBLIC only where an offer permits everybody without a look at
// the request [EU authority table access-right].
func accessRight(d *schemas.Dataset) string {
	switch {
	case d.Visibility == schemas.VisibleToOwn || d.Visibility == schemas.VisibleToListed:
		return "NON_PUBLIC"
	case d.Offer.ForEveryone():
		return "PUBLIC"
	}
	return "RESTRICTED"
}

// place writes a country by its IRI in the EU's table where that has it.
func (w *writer) place(code string) any {
	iri, ok := w.codes.PlaceIRI(code)
	if ok {
		return object{"@id": iri, "@type": "dct:Location"}
	}
	return object{"@type": "dct:Location", "dct:identifier": code}
}

// language writes a language by its IRI in the EU's table where that has it.
func (w *writer) language(tag string) any {
	iri, ok := w.codes.LanguageIRI(tag)
	if ok {
		return object{"@id": iri, "@type": "dct:LinguisticSystem"}
	}
	return object{"@type": "dct:LinguisticSystem", "dct:identifier": tag}
}

// period writes years, months and days each with its own datatype: a year is not its
// first day.
func period(from, until string) object {
	out := object{"@type": "dct:PeriodOfTime"}
	for name, s := range map[string]string{"dcat:startDate": from, "dcat:endDate": until} {
		datatype := map[int]string{4: "xsd:gYear", 7: "xsd:gYearMonth", 10: "xsd:date"}[len(s)]
		if datatype != "" {
			out[name] = object{"@value": s, "@type": datatype}
		}
	}
	return out
}

var spdxID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]*$`)

// terms are the licences and rights of a distribution.
func terms(d *schemas.Dataset, licences []string) object {
	out := object{}
	switch documents := documents(licences); len(documents) {
	case 0:
	case 1:
		out["dct:license"] = documents[0]
	default:
		out["dct:license"] = documents
	}
	if d.Attribution != "" {
		out["dct:rights"] = object{"@type": "dct:RightsStatement", "odrs:attributionText": d.Attribution}
	}
	return out
}

// documents are licences as DCAT-AP has them.
func documents(licences []string) (out []any) {
	for _, l := range licences {
		switch {
		case spdxID.MatchString(l):
			out = append(out, object{"@id": "http://spdx.org/licenses/" + l, "@type": "dct:LicenseDocument"})
		case plainIRI(l):
			out = append(out, object{"@id": l, "@type": "dct:LicenseDocument"})
		default:
			out = append(out, object{"@type": "dct:LicenseDocument", "rdfs:label": l})
		}
	}
	return out
}

// unlinked are the licences of a dataset that none of its distributions has, as each has its own.
func unlinked(d *schemas.Dataset) (out []string) {
	if len(d.Tables) > 0 {
		return nil
	}
	for _, licence := range d.Licensed() {
		if !slices.ContainsFunc(d.Links, func(l schemas.Link) bool { return slices.Contains(d.LicensedLink(&l), licence) }) {
			out = append(out, licence)
		}
	}
	return out
}

// plainIRI says whether a text may stand as an IRI in JSON-LD: whatever is not one stays
// a literal.
func plainIRI(s string) bool {
	return (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune("<>\"{}|\\^`", r) })
}

// distributions writes one for each table, held at the dataset's own page, and
// one for each link [DCAT-AP 3.0.1 Distribution].
func (w *writer) distributions(doc object, d *schemas.Dataset) error {
	var out []object
	under := func(licences []string) object { // the terms in force, and these licences
		dist := terms(d, licences)
		if policy, ok := doc["odrl:hasPolicy"].(object); ok {
			dist["odrl:hasPolicy"] = object{"@id": policy["uid"]}
		}
		return dist
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		dist := under(d.Licensed())
		dist["@id"] = w.page + "#table-" + url.PathEscape(t.Name)
		dist["dcat:accessURL"] = object{"@id": w.page}
		dist["urn:guichet:table"] = t.Name
		if len(t.Title) > 0 {
			dist["dct:title"] = text(t.Title)
		}
		schema(dist, t)
		objects(dist, t)
		dist["@type"] = "dcat:Distribution"
		out = append(out, dist)
	}
	for i := range d.Links {
		l := &d.Links[i]
		dist := under(d.LicensedLink(l))
		dist["@type"] = "dcat:Distribution"
		dist["dcat:accessURL"] = object{"@id": rdf.IRI(l.URL)}
		set(dist, "dct:title", l.Title)
		format(dist, l.Format)
		err := w.more.link(dist, l, d.Attribution)
		if err != nil {
			return err
		}
		out = append(out, dist)
	}
	if len(out) > 0 {
		doc["dcat:distribution"] = out
	}
	return nil
}

// objects says of a table of objects what they are. Of several media types, which a distribution
// has one of, the others stand in words of our own.
func objects(dist object, t *schemas.TableInfo) {
	if !t.Objects {
		return
	}
	dist["urn:guichet:objects"] = "true"
	if len(t.Media) == 1 {
		dist["dcat:mediaType"] = object{"@id": mediaTypes + t.Media[0]}
	} else if len(t.Media) > 1 {
		dist["urn:guichet:media"] = t.Media
	}
	if t.Bytes > 0 {
		dist["dcat:byteSize"] = object{"@type": "xsd:nonNegativeInteger", "@value": strconv.FormatInt(t.Bytes, 10)}
	}
}

var mediaType = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+_-]*$`)

// fileTypes are the codes of the EU file-type table that people write most.
func fileTypes() []string {
	return strings.Fields("CSV TSV JSON JSON_LD XML XLS XLSX ODS ZIP PDF TXT HTML GEOJSON GML KML SHP NETCDF HDF TIFF RDF_XML RDF_TURTLE SQL")
}

// format writes codes of the EU file-type table and media types as IRIs, other
// words as a label.
func format(dist object, f string) {
	switch {
	case f == "":
	case slices.Contains(fileTypes(), f):
		dist["dct:format"] = authority("file-type", f)
	case mediaType.MatchString(f):
		dist["dcat:mediaType"] = object{"@id": mediaTypes + f}
	default:
		dist["dct:format"] = object{"@type": "dct:MediaTypeOrExtent", "rdfs:label": f}
	}
}

// schema writes columns and dialect [W3C CSVW metadata vocabulary]; column is a
// repeated property, as HealthDCAT-AP wants it.
func schema(dist object, t *schemas.TableInfo) {
	var columns []object
	for i := range t.Fields {
		f := &t.Fields[i]
		c := object{"@type": "csvw:Column", "csvw:name": f.Name}
		set(c, "csvw:datatype", f.Type)
		set(c, "csvw:format", f.Format)
		set(c, "csvw:propertyUrl", f.Concept)
		set(c, "urn:guichet:unit", f.Unit)
		set(c, "urn:guichet:sensitivity", string(f.Sensitivity))
		if len(f.Description) > 0 {
			c["dct:description"] = text(f.Description)
		}
		columns = append(columns, c)
	}
	if len(columns) > 0 {
		dist["csvw:tableSchema"] = object{"@type": "csvw:Schema", "csvw:column": columns}
	}
	if t.CSV == nil {
		return
	}
	dialect := object{"@type": "csvw:Dialect"}
	set(dialect, "csvw:delimiter", t.CSV.Delimiter)
	set(dialect, "csvw:decimalChar", t.CSV.DecimalChar)
	set(dialect, "csvw:groupChar", t.CSV.GroupChar)
	set(dialect, "csvw:encoding", t.CSV.Encoding)
	if t.CSV.NoHeader {
		dialect["csvw:header"] = false
	}
	if len(t.CSV.Null) > 0 {
		dialect["csvw:null"] = t.CSV.Null
	}
	dist["csvw:dialect"] = dialect
}
