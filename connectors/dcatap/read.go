package dcatap

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/dcatap/licence"
	"guichet/connectors/rdf"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// Limits of a document of one dataset.
const (
	MaxBytes  = 4 << 20
	maxDepth  = 64
	maxValues = 1 << 15
	maxRead   = 1 << 17 // values that are looked at of one dataset, some of them more than once
)

// Item is one dataset of a document, or why it could not be read. IRI names it
// in both cases, where it has one.
type Item struct {
	IRI     string
	Dataset schemas.Dataset
	Err     error
}

// Read reads a document that describes one dataset. base is the address that it
// came from, http or https, or "" where there is none. Errors: Invalid with a
// pointer into the dataset (/title) or the document, TooLarge.
func Read(f rdf.Format, b []byte, base string) (schemas.Dataset, error) {
	items, err := ReadAll(f, b, base)
	if err != nil {
		return schemas.Dataset{}, err
	}
	if len(items) != 1 {
		return schemas.Dataset{}, schemas.BadField("dataset", "", "the document describes %d datasets (dcat:Dataset); one is wanted", len(items))
	}
	return items[0].Dataset, items[0].Err
}

// ReadAll reads every dataset of a document, in its order; a faulty one does
// not spoil the others. Errors: Invalid where the document is not of the format,
// TooLarge.
func ReadAll(f rdf.Format, b []byte, base string) ([]Item, error) {
	r, err := newReader(f, b, base, rdf.Limits{Bytes: MaxBytes, Depth: maxDepth, Values: maxValues})
	if err != nil {
		return nil, err
	}
	return r.all(), nil
}

// newReader parses a document within limits.
func newReader(f rdf.Format, b []byte, base string, l rdf.Limits) (*reader, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		base = ""
	}
	doc, err := rdf.Parse(f, b, rdf.Options{Base: base, Vocab: nsUnknown, Limits: l})
	if err != nil {
		return nil, err
	}
	return readerOf(doc)
}

// ReadNodes reads the datasets of a document that is parsed already, or was made of
// another description.
func ReadNodes(doc *rdf.Document) ([]Item, error) {
	r, err := readerOf(doc)
	if err != nil {
		return nil, err
	}
	return r.all(), nil
}

func readerOf(doc *rdf.Document) (*reader, error) {
	codes, err := rdf.LoadCodes()
	if err != nil {
		return nil, err
	}
	places, err := rdf.LoadPlaces()
	if err != nil {
		return nil, err
	}
	profiles, err := spaces.Profiles()
	if err != nil {
		return nil, err
	}
	return &reader{graph: newGraph(doc), codes: codes, places: places, profiles: profiles}, nil
}

// all reads every dataset.
func (r *reader) all() (out []Item) {
	for _, n := range r.ofType(nsDCAT + "Dataset") {
		out = append(out, r.item(n))
		r.spent += maxRead - r.budget
		if r.spent > maxPageSpent {
			break
		}
	}
	return out
}

// reader reads one dataset out of a graph, and notes what does not land.
type reader struct {
	*graph
	codes    *rdf.Codes
	places   *rdf.Places
	profiles []schemas.SpaceProfile
	faults   []schemas.FieldError
	notes    []string
	quiet    bool // nobody asks what is not kept
	left     map[value]left
	gather   int // values that may still be kept beside the fields
	room     int // bytes that the texts of distributions may still have
	spent    int // values of the datasets read so far
}

func (r *reader) fault(at, format string, args ...any) {
	r.faults = append(r.faults, schemas.FieldError{Pointer: at, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) item(n rdf.Node) Item {
	r.faults, r.notes = nil, nil
	r.used, r.lost = map[uintptr]map[string]bool{}, map[string]string{}
	r.budget, r.left, r.gather, r.room = maxRead, map[value]left{}, maxRead, maxLinks
	d := r.dataset(n)
	if r.budget < 0 {
		r.fault("", "it has more than %d values", maxRead)
	}
	if !r.quiet {
		r.leftover(n)
	}
	for _, property := range slices.Sorted(maps.Keys(r.lost)) {
		r.note("/"+property, "%s", r.lost[property])
	}
	d.Notes = r.notes
	out := Item{IRI: d.IRI, Dataset: d}
	if len(r.faults) > 0 {
		out.Dataset = schemas.Dataset{}
		out.Err = &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: cmp.Or(d.IRI, "dataset"),
			Message: "the dataset cannot be read: " + r.faults[0].Message,
			Fields:  r.faults,
		}
	}
	return out
}

func (r *reader) dataset(n rdf.Node) schemas.Dataset {
	d := schemas.Dataset{
		IRI: r.iri(n), Title: r.text(n, nsDCT+"title"), Description: r.text(n, nsDCT+"description"),
		Themes: r.themes(n), Languages: r.languages(n), Publisher: r.publisher(n), Contact: r.contact(n),
		Attribution: r.attribution(n), Visibility: r.visibility(n),
	}
	d.Space = r.space(n, d.Themes)
	r.area(n, &d)
	r.keywords(n, &d)
	d.Identifiers = r.identifiers(n, d.IRI)
	d.Periods = r.periods(n)
	d.Settle()
	if len(d.Title) == 0 {
		r.fault("/title", "the dataset has no title (dct:title is mandatory in DCAT-AP)")
	}
	licences := r.fewLicences(nil, r.licences(n))
	r.where = "dcat:distribution/"
	defer func() { r.where = "" }()
	for _, dist := range r.values(n, nsDCAT+"distribution") {
		own := r.licences(dist)
		licences = r.fewLicences(licences, own)
		d.Attribution = cmp.Or(d.Attribution, r.attribution(dist))
		if t, ok := r.table(dist); ok {
			d.Tables = append(d.Tables, t)
			continue
		}
		l, ok := r.link(dist)
		if ok {
			l.RDF = r.restOfLink(dist, d.IRI)
			if len(own) == 1 {
				l.Licence = licence.ID(own[0])
			}
			d.Links = append(d.Links, l)
		}
	}
	r.where = ""
	page := r.landing(n)
	if page != "" && len(d.Links)+len(d.Tables) == 0 { // where nothing else leads to the data [DCAT 3 §6.8.12]
		d.Links = []schemas.Link{{URL: page}}
	}
	d.RDF = r.rest(n, "", MaxRDF)
	d.Licence, d.Licences = licence.Strictest(licences)
	if len(d.Licences) > 0 {
		r.note("/dct:license", "%d licences are kept, %s; the strictest holds for the whole: %s", len(d.Licences),
			strings.Join(d.Licences, ", "), d.Licence)
		return d
	}
	for i := range d.Links { // all have the dataset's
		d.Links[i].Licence = ""
	}
	return d
}

// keywords reads keywords, each once, with the languages in which they are.
func (r *reader) keywords(n rdf.Node, d *schemas.Dataset) {
	known, in := map[string]bool{}, map[[2]string]bool{} // some datasets have thousands
	for _, v := range r.list(n, nsDCAT+"keyword") {
		s, language, _, ok := rdf.Literal(v)
		if !ok || s == "" {
			continue
		}
		if !known[s] {
			d.Keywords, known[s] = append(d.Keywords, s), true
		}
		if language == "" || in[[2]string{language, s}] {
			continue
		}
		in[[2]string{language, s}] = true
		if d.KeywordsIn == nil {
			d.KeywordsIn = schemas.KeywordsIn{}
		}
		d.KeywordsIn[language] = append(d.KeywordsIn[language], s)
	}
	for _, words := range d.KeywordsIn {
		slices.Sort(words)
	}
}

// iri is the node's IRI; of a blank node its dct:identifier where that is one.
func (r *reader) iri(n rdf.Node) string {
	id := rdf.ID(n)
	if id == "" || strings.HasPrefix(id, "_:") {
		id = r.word(n, nsDCT+"identifier")
		if !absolute(id) {
			return ""
		}
		return id
	}
	if !absolute(id) {
		r.fault("/iri", "the dataset's IRI %q is relative, or of a kind that names nothing elsewhere", id)
		return ""
	}
	return id
}

// identifiers are what the dataset is called elsewhere: dct:identifier first, which is the
// first publisher's, then those of adms:identifier.
func (r *reader) identifiers(n rdf.Node, iri string) []string {
	var out []string
	for _, property := range []string{nsDCT + "identifier", nsADMS + "identifier"} {
		for _, v := range r.values(n, property) {
			s, _, _, literal := rdf.Literal(v)
			if !literal {
				s = r.word(v, nsSkos+"notation")
				if id := rdf.ID(v); s == "" && !strings.HasPrefix(id, "_:") {
					s = id
				}
				if len(v) > 1 && property == nsADMS+"identifier" {
					r.leaveNamed(property, v, nsADMS+"Identifier")
					r.leaveTyped(property, v, nsSkos+"notation")
				}
			}
			s = strings.TrimSpace(s)
			switch {
			case s == "" && property == nsADMS+"identifier":
				r.leave(property, v)
			case s == "":
				r.note("/"+short(property), "not kept, as it has no skos:notation")
			case s != iri && !slices.Contains(out, s) && len(out) < maxIdentifiers:
				out = append(out, s)
			case len(out) == maxIdentifiers:
				r.note("/"+short(property), "only %d are kept", maxIdentifiers)
			}
		}
	}
	return out
}

// As a dataset has at most [schemas.Dataset].
const (
	maxIdentifiers = 100
	maxLicences    = 100
)

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:.`)

func absolute(iri string) bool {
	return scheme.MatchString(iri) && !strings.HasPrefix(strings.ToLower(iri), "file:")
}

func (r *reader) themes(n rdf.Node) []string {
	var out []string
	for _, v := range r.list(n, nsDCAT+"theme") {
		iri := strings.Replace(rdf.ID(v), "https://publications", "http://publications", 1)
		code, ok := strings.CutPrefix(iri, rdf.Authority+"data-theme/")
		switch {
		case !ok:
			r.leave(nsDCAT+"theme", v)
		case !slices.Contains(out, code):
			out = append(out, code)
		}
	}
	return out
}

// space is what our own term says, else the only space whose theme is there.
func (r *reader) space(n rdf.Node, themes []string) schemas.SpaceID {
	said := r.word(n, nsOurs+"space")
	if said != "" {
		return schemas.SpaceID(said)
	}
	var found schemas.SpaceID
	for _, p := range r.profiles {
		if !slices.Contains(themes, p.Theme) {
			continue
		}
		if found != "" {
			return ""
		}
		found = p.ID
	}
	return found
}

// publisher gives the first name of a publisher: as a literal, or the foaf:name of an
// agent.
func (r *reader) publisher(n rdf.Node) string {
	values := r.values(n, nsDCT+"publisher")
	if len(values) > 1 {
		r.note("/dct:publisher", "of %d publishers only the first that has a name is kept", len(values))
	}
	for _, v := range values {
		s, _, _, _ := rdf.Literal(v)
		name := cmp.Or(s, r.oneOf(v, nsFOAF+"name"))
		if name != "" {
			r.leaveNamed(nsDCT+"publisher", v, nsFOAF+"Agent")
			r.leaveTyped(nsDCT+"publisher", v, nsFOAF+"name")
			return name
		}
	}
	if len(values) > 0 {
		r.note("/dct:publisher", "kept as it stands, as it has no name (foaf:name)%s", quoted(values[0]))
		r.leave(nsDCT+"publisher", values[0])
	}
	return ""
}

// contact is whom to ask about the dataset: an address of mail or of the web.
func (r *reader) contact(n rdf.Node) string {
	found := ""
	for _, v := range r.values(n, nsDCAT+"contactPoint") {
		at := ""
		for _, property := range []string{nsVCard + "hasEmail", nsVCard + "email", nsVCard + "hasURL", nsVCard + "url"} {
			for _, w := range r.values(v, property) {
				s, _, _, _ := rdf.Literal(w)
				address := strings.TrimPrefix(cmp.Or(s, rdf.ID(w)), "mailto:")
				if at != "" || !schemas.IsContact(address) {
					r.leave(nsDCAT+"contactPoint", v)
				}
				if at == "" && schemas.IsContact(address) {
					at = address
				}
			}
		}
		if id := strings.TrimPrefix(rdf.ID(v), "mailto:"); at == "" && schemas.IsContact(id) {
			at = id
		}
		if found != "" || at == "" {
			r.leave(nsDCAT+"contactPoint", v)
		}
		if len(v) > 1 {
			r.leaveNamed(nsDCAT+"contactPoint", v, nsVCard+"Kind")
		}
		found = cmp.Or(found, at)
	}
	return found
}

// attribution gives the text that users must show, which some portals put into a rights
// statement [ODRS].
func (r *reader) attribution(n rdf.Node) string {
	found := ""
	for _, v := range r.values(n, nsDCT+"rights") {
		s := r.oneOf(v, nsODRS+"attributionText")
		if s == "" || found != "" {
			r.leave(nsDCT+"rights", v)
		}
		r.leaveNamed(nsDCT+"rights", v, nsDCT+"RightsStatement")
		r.leaveTyped(nsDCT+"rights", v, nsODRS+"attributionText")
		found = cmp.Or(found, s)
	}
	return found
}

// visibility is what our own term says, else what the access right implies:
// whoever calls a dataset not public does not want it known to all.
func (r *reader) visibility(n rdf.Node) schemas.Visibility {
	said := r.word(n, nsOurs+"visibility")
	rights, ours := r.list(n, nsDCT+"accessRights"), r.list(n, nsOurs+"accessRights")
	for _, v := range rights {
		if !slices.ContainsFunc(ours, func(o rdf.Node) bool { return rdf.ID(o) == rdf.ID(v) }) { // else it follows from the terms here
			r.leave(nsDCT+"accessRights", v)
		}
	}
	if said != "" {
		return schemas.Visibility(said)
	}
	for _, v := range rights {
		switch path.Base(rdf.ID(v)) {
		case "NON_PUBLIC":
			return schemas.VisibleToOwn
		case "RESTRICTED":
			return schemas.VisibleToSignedIn
		}
	}
	return ""
}
