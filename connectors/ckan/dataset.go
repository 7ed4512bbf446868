package ckan

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"guichet/connectors/geo"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// dataset translates a package. Names of extras are those of ckanext-dcat, of ckanext-spatial and
// of data.gov.
func (p *pack) dataset() rdf.Node {
	n := rdf.Node{"@type": []any{nsDCAT + "Dataset"}}
	id := p.word("id")
	if iri := p.iri(id); iri != "" {
		n["@id"] = iri
	}
	title := p.text("title")
	name := p.word("name")
	if len(title) == 0 && name != "" {
		title = []any{said(name)}
	}
	put(n, nsDCT+"title", title...)
	put(n, nsDCT+"description", p.text("notes")...)
	for _, tag := range list(p.members["tags"]) {
		if s := cmp.Or(word(tag["display_name"]), word(tag["name"])); slices.Contains([]string{"", "active"}, word(tag["state"])) {
			put(n, nsDCAT+"keyword", said(s))
		}
	}
	for _, s := range words(p.value("theme", "themes")) {
		put(n, nsDCAT+"theme", link(s))
		if link(s) == nil {
			put(n, nsDCAT+"keyword", said(s))
		}
	}
	for _, g := range list(p.members["groups"]) {
		put(n, nsDCAT+"keyword", said(cmp.Or(word(g["display_name"]), word(g["title"]), word(g["name"]))))
	}
	p.people(n)
	put(n, nsDCT+"license", p.licence())
	p.place(n)
	p.times(n)
	put(n, nsDCT+"identifier", said(p.word("identifier", "guid")), said(id))
	for _, s := range words(p.value("alternate_identifier")) {
		put(n, nsADMS+"identifier", rdf.Node{"http://www.w3.org/2004/02/skos/core#notation": []any{said(s)}})
	}
	for _, s := range words(p.value("language", "metadata-language")) {
		put(n, nsDCT+"language", linkOr(s))
	}
	put(n, nsDCAT+"landingPage", link(p.word("landingPage", "landing_page", "url")))
	put(n, nsDCT+"accessRights", p.accessRight())
	p.further(n)
	p.resources(n)
	return n
}

// accessRight is the address of an access right, also of the level that the USA's schema has [DCAT-US].
func (p *pack) accessRight() any {
	levels := map[string]string{"public": "PUBLIC", "restricted public": "RESTRICTED", "non-public": "NON_PUBLIC"}
	level := levels[strings.ToLower(p.word("accessLevel"))]
	if at := link(p.word("access_rights")); at != nil || level == "" {
		return at
	}
	return rdf.Node{"@id": rdf.Authority + "access-right/" + level}
}

// list are the objects of a JSON list.
func list(v any) []map[string]any {
	items, _ := v.([]any)
	var out []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// iri is what the package is called: by its own word, else by where its portal has it.
func (p *pack) iri(id string) string {
	if own := p.word("uri"); link(own) != nil {
		return own
	}
	if p.portal == "" || id == "" {
		return ""
	}
	return p.portal + "/dataset/" + url.PathEscape(id)
}

// people puts who gives the data and whom to ask.
func (p *pack) people(n rdf.Node) {
	organisation, _ := p.members["organization"].(map[string]any)
	publisher := rdf.Node{"@type": []any{nsFOAF + "Organization"}}
	name := cmp.Or(p.word("publisher_name", "publisher"), word(organisation["title"]), word(organisation["name"]))
	put(publisher, nsFOAF+"name", said(name))
	put(publisher, nsFOAF+"homepage", link(p.word("publisher_url")))
	if uri := p.word("publisher_uri"); link(uri) != nil {
		publisher["@id"] = rdf.IRI(uri)
	}
	if at := p.word("publisher_email"); schemas.IsContact(at) {
		put(publisher, nsFOAF+"mbox", rdf.Node{"@id": "mailto:" + rdf.IRI(at)})
	}
	if kind := link(p.word("publisher_type")); kind != nil {
		put(publisher, nsDCT+"type", kind)
	}
	if name != "" || publisher["@id"] != nil {
		put(n, nsDCT+"publisher", publisher)
	}
	at := strings.TrimPrefix(p.word("contact_email", "contact-email", "maintainer_email", "author_email"), "mailto:")
	who := p.word("contact_name", "maintainer", "author")
	if !schemas.IsContact(at) {
		if at+who != "" && who != "undefined" {
			p.note("maintainer, author: not carried over, as there is no address of mail: %s", schemas.Visible(strings.TrimSpace(who+" "+at)))
		}
		return
	}
	contact := rdf.Node{"@type": []any{nsCard + "Kind"}, nsCard + "hasEmail": []any{rdf.Node{"@id": "mailto:" + rdf.IRI(at)}}}
	if who != "undefined" {
		put(contact, nsCard+"fn", said(who))
	}
	put(n, nsDCAT+"contactPoint", contact)
}

// place puts where the data is about: words, an address, GeoJSON, or a box.
func (p *pack) place(n rdf.Node) {
	if at := link(p.word("spatial_uri")); at != nil {
		put(n, nsDCT+"spatial", at)
	}
	s := p.word("spatial")
	corners := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if s == "" {
		for _, name := range []string{"bbox-west-long", "bbox-south-lat", "bbox-east-long", "bbox-north-lat"} {
			corners = append(corners, p.word(name))
		}
	}
	place := rdf.Node{"@type": []any{nsDCT + "Location"}}
	box, isBox := geo.OfCorners(corners)
	switch {
	case json.Valid([]byte(s)) && strings.HasPrefix(s, "{"):
		put(place, nsLocn+"geometry", typed(s, "https://www.iana.org/assignments/media-types/application/vnd.geo+json"))
	case isBox:
		put(place, nsDCAT+"bbox", typed(box.WKT(), "http://www.opengis.net/ont/geosparql#wktLiteral"))
	case link(s) != nil:
		put(n, nsDCT+"spatial", link(s))
	case s != "":
		put(place, nsRDFS+"label", said(cmp.Or(p.word("spatial_text"), s)))
	default:
		put(place, nsRDFS+"label", said(p.word("spatial_text")))
	}
	p.used["bbox-west-long"], p.used["bbox-south-lat"], p.used["bbox-east-long"], p.used["bbox-north-lat"] = true, true, true, true
	if len(place) > 1 {
		put(n, nsDCT+"spatial", place)
	}
}

// times puts when the data is about, when it was given out and changed, and how often that is.
func (p *pack) times(n rdf.Node) {
	from, until := p.word("temporal_start", "temporal-extent-begin"), p.word("temporal_end", "temporal-extent-end")
	if s := p.word("temporal"); s != "" {
		put(n, nsDCT+"temporal", said(s))
	} else if from+until != "" {
		period := rdf.Node{"@type": []any{nsDCT + "PeriodOfTime"}}
		put(period, nsDCAT+"startDate", instant(from))
		put(period, nsDCAT+"endDate", instant(until))
		put(n, nsDCT+"temporal", period)
	}
	put(n, nsDCT+"issued", instant(p.word("issued", "dcat_issued", "metadata_created")))
	put(n, nsDCT+"modified", instant(p.word("modified", "dcat_modified", "metadata_modified")))
	often := p.word("frequency", "accrualPeriodicity", "accrual_periodicity", "frequency-of-update")
	switch code := frequency(often); {
	case often == "":
	case link(often) != nil:
		put(n, nsDCT+"accrualPeriodicity", link(often))
	case code != "":
		put(n, nsDCT+"accrualPeriodicity", rdf.Node{"@id": rdf.Authority + "frequency/" + code})
	default:
		p.note("frequency: not carried over, as it is not known here: %.100s", schemas.Visible(often))
	}
}

// frequency is the code of the EU's table for how often data changes, of intervals of ISO 8601
// and of the words of ISO 19115 [MD_MaintenanceFrequencyCode].
func frequency(often string) string {
	return map[string]string{
		"continual": "CONT", "r/pt1s": "CONT", "hourly": "HOURLY", "r/pt1h": "HOURLY", "daily": "DAILY", "r/p1d": "DAILY", "weekly": "WEEKLY",
		"r/p1w": "WEEKLY", "r/p7d": "WEEKLY", "fortnightly": "BIWEEKLY", "r/p2w": "BIWEEKLY", "r/p0.5m": "BIWEEKLY", "monthly": "MONTHLY",
		"r/p1m": "MONTHLY", "r/p2m": "BIMONTHLY", "quarterly": "QUARTERLY", "r/p3m": "QUARTERLY", "biannually": "ANNUAL_2", "r/p6m": "ANNUAL_2",
		"annually": "ANNUAL", "annual": "ANNUAL", "yearly": "ANNUAL", "r/p1y": "ANNUAL", "r/p2y": "BIENNIAL", "r/p3y": "TRIENNIAL",
		"irregular": "IRREG", "asneeded": "IRREG", "notplanned": "NEVER", "never": "NEVER", "unknown": "UNKNOWN",
	}[strings.ToLower(often)]
}

// licence is the address of the licence's text, or its SPDX id; nil where the package names none.
func (p *pack) licence() any {
	id, address := p.word("license_id"), p.word("license_url", "licence_url")
	named := p.word("license")
	known := map[string]string{
		"cc-zero": "CC0-1.0", "cc0": "CC0-1.0", "odc-pddl": "PDDL-1.0", "odc-odbl": "ODbL-1.0", "odc-by": "ODC-By-1.0",
		"uk-ogl": "OGL-UK-3.0", "dl-de-by-2.0": "DL-DE-BY-2.0", "dl-de-zero-2.0": "DL-DE-ZERO-2.0",
	}[strings.ToLower(id)]
	none := id == "" || slices.ContainsFunc([]string{"other", "notspecified"}, func(s string) bool { return strings.HasPrefix(id, s) })
	switch {
	case known != "":
		return said(known)
	case link(address) != nil:
		return link(address)
	case link(id) != nil:
		return link(id)
	case none && link(named) != nil:
		return link(named)
	case none:
		if title := p.word("license_title"); title != "" {
			p.note("license_id: not carried over, as it names no licence: %s", schemas.Visible(title))
		}
		return nil
	case strings.HasPrefix(strings.ToLower(id), "cc-") && strings.ContainsAny(id, "0123456789"):
		return said(strings.ToUpper(id))
	case slices.Contains([]string{"cc-by", "cc-by-sa", "cc-nc"}, id): // of a version that nobody says
		return link("http://www.opendefinition.org/licenses/" + id)
	}
	return said(id)
}

// further puts what ckanext-dcat has names for, and we have no fields for.
func (p *pack) further(n rdf.Node) {
	properties := map[string]string{
		"conforms_to": nsDCT + "conformsTo", "conformsTo": nsDCT + "conformsTo", "documentation": nsFOAF + "page",
		"references": nsDCT + "references", "related_resource": nsDCT + "relation", "source": nsDCT + "source",
		"is_version_of": nsDCT + "isVersionOf", "has_version": nsDCT + "hasVersion",
		"is_referenced_by": nsDCT + "isReferencedBy", "applicable_legislation": "http://data.europa.eu/r5r/applicableLegislation",
		"hvd_category": "http://data.europa.eu/r5r/hvdCategory", "dcat_type": nsDCT + "type",
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		for _, s := range words(p.value(name)) {
			if link(s) == nil {
				p.note("%s: not carried over, as it is no address: %.100s", name, schemas.Visible(s))
			}
			put(n, properties[name], link(s))
		}
	}
	put(n, nsDCAT+"version", said(p.word("version", "dcat_version")))
	put(n, nsADMS+"versionNotes", said(p.word("version_notes")))
	if s := p.word("provenance"); s != "" {
		put(n, nsDCT+"provenance", rdf.Node{"@type": []any{nsDCT + "ProvenanceStatement"}, nsRDFS + "label": []any{said(s)}})
	}
	if s := p.word("rights"); s != "" && s != "None" {
		put(n, nsDCT+"rights", statement(s))
	}
}

// statement is what is said of rights.
func statement(s string) any {
	if at := link(s); at != nil {
		return at
	}
	return rdf.Node{"@type": []any{nsDCT + "RightsStatement"}, nsRDFS + "label": []any{said(s)}}
}
