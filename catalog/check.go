package catalog

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"guichet/connectors/dcatap/check"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

var (
	tagPattern      = regexp.MustCompile(`^([a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*)?$`)
	languagePattern = regexp.MustCompile(`^([a-zA-Z]{2,3}|[xXiI]-[a-zA-Z0-9]{1,8})(-[a-zA-Z0-9]{1,8})*$`)
)

// columnTypes are what a description may say of a column.
var columnTypes = []string{
	"", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "text",
	"binary", "date", "timestamp", "time", "decimal",
}

// check says everything that is wrong with a dataset's description, and calls its
// licence by the name that filters ask for.
func (c *Catalog) check(d *schemas.Dataset) error {
	normal(d)
	var faults []schemas.FieldError
	fault := func(pointer, format string, args ...any) {
		faults = append(faults, schemas.FieldError{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
	if d.Provider == "" {
		fault("/provider", "a dataset has a provider")
	}
	checkLines(fault, d)
	checkText(fault, "/title", d.Title, true)
	checkText(fault, "/description", d.Description, false)
	if d.IRI != "" {
		u, err := url.Parse(d.IRI)
		if err != nil || !u.IsAbs() || strings.ContainsAny(d.IRI, " <>\"{}|\\^`") {
			fault("/iri", "%q is not an absolute IRI", d.IRI)
		}
		if len(d.IRI) > 1024 { // it is looked up by, together with the provider
			fault("/iri", "an IRI has at most 1024 bytes here")
		}
	}
	d.Contact = strings.TrimPrefix(d.Contact, "mailto:")
	if d.Contact != "" && !schemas.IsContact(d.Contact) {
		fault("/contact", "%q is nowhere to ask: write an address of mail, or a URL", d.Contact)
	}
	checkLicences(fault, d)
	if !slices.Contains(
		[]schemas.Visibility{"", schemas.VisibleToEveryone, schemas.VisibleToSignedIn, schemas.VisibleToListed, schemas.VisibleToOwn},
		d.Visibility) {
		fault("/visibility", "%q is not a visibility; use everyone, signed-in, listed or own", d.Visibility)
	}
	codes, err := rdf.LoadCodes()
	if err != nil {
		return err
	}
	places, err := rdf.LoadPlaces()
	if err != nil {
		return err
	}
	d.Countries, d.Languages = slices.Clone(d.Countries), slices.Clone(d.Languages)
	for j, code := range d.Countries {
		if known, ok := places.Code(code); ok { // as filters ask for it
			d.Countries[j], code = known, known
		}
		if _, known := codes.PlaceIRI(code); !known {
			fault(fmt.Sprintf("/countries/%d", j), "%q is not a country's code; write ISO 3166-1 alpha-2, such as FR, or EU", code)
		}
	}
	for j, tag := range d.Languages {
		if known, ok := codes.LanguageTag(tag); ok {
			d.Languages[j], tag = known, known
		}
		if !languagePattern.MatchString(tag) {
			fault(fmt.Sprintf("/languages/%d", j), "%q is not a language tag; write BCP 47, such as en or pt-BR", tag)
		}
	}
	checkKeywords(fault, d)
	checkArea(fault, places, d)
	i := slices.IndexFunc(c.Spaces, func(p schemas.SpaceProfile) bool { return p.ID == d.Space })
	if i < 0 {
		ids := make([]string, len(c.Spaces))
		for j := range c.Spaces {
			ids[j] = string(c.Spaces[j].ID)
		}
		said := fmt.Sprintf("%q is not a data space", d.Space)
		if d.Space == "" {
			said = "missing: say in which data space the dataset is"
		}
		fault("/space", "%s; there are %s", said, strings.Join(ids, ", "))
	} else if d.Source == "" {
		checkProfile(fault, &c.Spaces[i], d)
	}
	checkPeriods(fault, d)
	for j, l := range d.Links {
		u, err := url.Parse(l.URL)
		if err != nil || !slices.Contains([]string{"http", "https", "ftp", "s3"}, strings.ToLower(u.Scheme)) || u.Host == "" {
			fault(fmt.Sprintf("/links/%d/url", j), "%q is not a web address (http, https, ftp, s3)", l.URL)
		}
	}
	checkTables(fault, d.Tables)
	if d.Source == "" && len(faults) == 0 { // of a catalogue of others it was read in its one form
		faults = append(faults, check.RDF(d)...)
	}
	if len(faults) == 0 {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.Invalid,
		Subject: "dataset",
		Message: "the dataset's description has faults",
		Fields:  faults,
		Remedy:  "fix the fields named",
	}
}

// normal brings a description's texts into their one form. Names of columns stay: they
// are those of the data.
func normal(d *schemas.Dataset) {
	line := func(s string) string { // an end of a line in a name is a space
		if strings.ContainsAny(s, "\n\r\t") {
			s = strings.Join(strings.Fields(s), " ")
		}
		return schemas.Normal(s)
	}
	d.IRI, d.Title, d.Description, d.Publisher = schemas.Normal(d.IRI), d.Title.Normal(), d.Description.Normal(), line(d.Publisher)
	d.Licence, d.Attribution, d.Contact = line(d.Licence), line(d.Attribution), strings.TrimSpace(d.Contact)
	each := func(list []string) []string {
		list = slices.Clone(list)
		for i := range list {
			list[i] = line(list[i])
		}
		return list
	}
	if len(d.KeywordsIn) > 0 {
		in := schemas.KeywordsIn{}
		for tag, words := range d.KeywordsIn {
			in[tag] = each(words)
			slices.Sort(in[tag])
			in[tag] = slices.Compact(in[tag])
		}
		d.KeywordsIn = in
	}
	d.Keywords, d.Themes, d.Licences, d.Identifiers = each(d.Keywords), each(d.Themes), each(d.Licences), each(d.Identifiers)
	d.Links, d.Tables = slices.Clone(d.Links), slices.Clone(d.Tables)
	for i := range d.Links {
		d.Links[i].Title, d.Links[i].Format, d.Links[i].Licence = line(d.Links[i].Title), line(d.Links[i].Format), line(d.Links[i].Licence)
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		t.Title, t.Fields = t.Title.Normal(), slices.Clone(t.Fields)
		for j := range t.Fields {
			t.Fields[j].Unit, t.Fields[j].Description = schemas.Normal(t.Fields[j].Unit), t.Fields[j].Description.Normal()
		}
	}
}

// faulter notes a fault by the JSON pointer of what is wrong.
type faulter func(pointer, format string, args ...any)

// checkText checks a text in its languages.
func checkText(fault faulter, at string, t schemas.Text, required bool) {
	words := false
	for tag, s := range t {
		if !tagPattern.MatchString(tag) {
			fault(at+"/"+tag, "%q is not a language tag (BCP 47)", tag)
		}
		words = words || strings.TrimSpace(s) != ""
		if !schemas.IsProse(s) {
			fault(at+"/"+tag, "it holds control characters, which no text here has: %.200s", schemas.Visible(s))
		}
		if len(s) > 100_000 {
			fault(at+"/"+tag, "longer than 100,000 bytes")
		}
	}
	if required && !words {
		fault(at, "missing: a dataset has a title in at least one language [DCAT-AP 3.0.1 Dataset, dct:title 1..n]")
	}
}

// checkProfile checks what a data space demands beyond DCAT-AP.
func checkProfile(fault faulter, p *schemas.SpaceProfile, d *schemas.Dataset) {
	have := map[string]bool{
		"title":       len(d.Title) > 0,
		"description": len(d.Description) > 0,
		"licence":     d.Licence != "",
		"countries":   len(d.Countries) > 0,
	}
	for _, name := range p.Required {
		if !have[name] && name != "title" {
			beside := ""
			if name == "countries" {
				beside = "; or say it beside the document: --country FR, ?country=FR"
			}
			fault("/"+name, "missing: the %s space demands it%s%s", p.ID, seen(d.Notes, name), beside)
		}
	}
}

// seen says what was read in place of something that is missing.
func seen(notes []string, name string) string {
	property := map[string]string{"countries": "dct:spatial", "licence": "dct:license"}[name]
	for _, n := range notes {
		if strings.HasPrefix(n, property+":") && property != "" {
			return "; " + n
		}
	}
	return ""
}

// checkLines holds words of one line against what forges others on a terminal.
func checkLines(fault faulter, d *schemas.Dataset) {
	line := func(at, s string) {
		if !schemas.IsLine(s) {
			fault(at, "it holds control or direction characters, which no name here has: %.200s", schemas.Visible(s))
		}
	}
	line("/publisher", d.Publisher)
	line("/licence", d.Licence)
	line("/attribution", d.Attribution)
	line("/iri", d.IRI)
	lists := map[string][]string{"keywords": d.Keywords, "themes": d.Themes, "licences": d.Licences, "identifiers": d.Identifiers}
	for name, list := range lists {
		for i, s := range list {
			line(fmt.Sprintf("/%s/%d", name, i), s)
		}
	}
	for i, l := range d.Links {
		line(fmt.Sprintf("/links/%d/title", i), l.Title)
		line(fmt.Sprintf("/links/%d/format", i), l.Format)
		line(fmt.Sprintf("/links/%d/licence", i), l.Licence)
	}
	for i := range d.Tables {
		for j, f := range d.Tables[i].Fields {
			line(fmt.Sprintf("/tables/%d/fields/%d/unit", i, j), f.Unit)
		}
	}
}

// checkKeywords checks in which languages keywords are; one that is said there alone is a keyword too.
func checkKeywords(fault faulter, d *schemas.Dataset) {
	known := map[string]bool{} // some datasets have thousands
	for _, word := range d.Keywords {
		known[word] = true
	}
	for _, tag := range slices.Sorted(maps.Keys(d.KeywordsIn)) {
		if !languagePattern.MatchString(tag) {
			fault("/keywords_in/"+tag, "%q is not a language tag (BCP 47)", tag)
		}
		words := d.KeywordsIn[tag]
		if len(words) == 0 {
			delete(d.KeywordsIn, tag)
		}
		for i, word := range words {
			if !schemas.IsLine(word) || word == "" {
				fault(fmt.Sprintf("/keywords_in/%s/%d", tag, i), "it is no word: %.200s", schemas.Visible(word))
			}
			if !known[word] {
				d.Keywords, known[word] = append(d.Keywords, word), true
			}
		}
	}
	if len(d.KeywordsIn) == 0 {
		d.KeywordsIn = nil
	}
	if len(d.KeywordsIn) > 200 {
		fault("/keywords_in", "there are keywords in %d languages; at most 200 are kept", len(d.KeywordsIn))
	}
}

// checkPeriods checks the times covered and settles them.
func checkPeriods(fault faulter, d *schemas.Dataset) {
	period := func(at string, p schemas.Days) {
		days := checkDay(fault, at+"/from", p.From)
		days = checkDay(fault, at+"/until", p.Until) && days
		if n := min(len(p.From), len(p.Until)); days && p.Until[:n] < p.From[:n] { // 2020-06 to 2020 is part of a year
			fault(at+"/until", "the data ends (%s) before it begins (%s)", p.Until, p.From)
		}
	}
	said := schemas.Days{From: d.From, Until: d.Until}
	if len(d.Periods) == 0 {
		period("", said)
		return
	}
	for i, p := range d.Periods {
		period(fmt.Sprintf("/periods/%d", i), p)
		if p == (schemas.Days{}) {
			fault(fmt.Sprintf("/periods/%d", i), "a period has a first or a last day")
		}
	}
	d.Settle()
	if said != (schemas.Days{}) && said != (schemas.Days{From: d.From, Until: d.Until}) {
		fault("/periods", "from (%s) and until (%s) are not those of the periods together (%s, %s): leave them out",
			said.From, said.Until, d.From, d.Until)
	}
}

// checkDay checks a year, a month or a day, and says whether it is one.
func checkDay(fault faulter, at, s string) bool {
	if s == "" {
		return true
	}
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		_, err := time.Parse(layout, s)
		if err == nil {
			return true
		}
	}
	fault(at, "%q is not a day; write YYYY, YYYY-MM or YYYY-MM-DD", s)
	return false
}

// checkTables checks what is said of tables and columns before there are any.
func checkTables(fault faulter, tables []schemas.TableInfo) {
	seen := map[string]bool{}
	for i := range tables {
		t := &tables[i]
		at := fmt.Sprintf("/tables/%d", i)
		if !schemas.IsSlug(t.Name) {
			fault(at+"/name", "%q cannot name a table: a name has %s", t.Name, schemas.SlugInWords)
		}
		if seen[t.Name] {
			fault(at+"/name", "the table %q is given twice", t.Name)
		}
		seen[t.Name] = true
		if t.Objects && (len(t.Fields) > 0 || t.CSV != nil) {
			fault(at+"/objects", "the table %q is of objects, files that are given as they are: it has no columns and no CSV", t.Name)
		}
		fields := map[string]bool{}
		for j, f := range t.Fields {
			if f.Name == "" || len(f.Name) > 255 {
				fault(fmt.Sprintf("%s/fields/%d/name", at, j), "a column's name has between 1 and 255 bytes")
			}
			if fields[f.Name] {
				fault(fmt.Sprintf("%s/fields/%d/name", at, j), "the column %q is given twice", f.Name)
			}
			fields[f.Name] = true
			if !slices.Contains(columnTypes, f.Type) {
				fault(fmt.Sprintf("%s/fields/%d/type", at, j), "%q is not a type; there are%s", f.Type, strings.Join(columnTypes, " "))
			}
			if !slices.Contains(
				[]schemas.Sensitivity{schemas.SensitivityNone, schemas.SensitivityIdentifies, schemas.SensitivityQuasi, schemas.SensitivitySensitive},
				f.Sensitivity) {
				fault(fmt.Sprintf("%s/fields/%d/sensitivity", at, j), "%q is not a sensitivity; use identifies, quasi or sensitive", f.Sensitivity)
			}
		}
	}
}
