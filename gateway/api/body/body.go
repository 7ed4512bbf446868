// Package body reads and writes the bodies of the HTTP API by their media type.
//
// In: bytes that huma hands on, nouns of schemas that operations answer with. Out: the nouns,
// and their forms in JSON, YAML and JSON-LD, which is DCAT-AP for a dataset and ODRL for an offer or an
// agreement; datasets also in Turtle and RDF/XML. Always: nothing is said twice in what is read, a fault has a pointer or a line, and
// nothing is fetched. It must not know operations.
package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	goyaml "github.com/goccy/go-yaml"

	"guichet/connectors/croissant"
	"guichet/connectors/dcatap"
	"guichet/connectors/description"
	"guichet/connectors/odrl"
	"guichet/connectors/rdf"
	"guichet/connectors/yaml"
	"guichet/gateway/problem"
	"guichet/schemas"
)

// Formats says how bodies are read and written, by media type: JSON; YAML, read
// strictly; JSON-LD, which is DCAT-AP for a dataset and ODRL for an offer or an
// agreement, and JSON for everything else; Turtle, N-Triples and RDF/XML, which are
// DCAT-AP of a dataset; N-Triples, TriG and N-Quads are only read. publicURL is the gateway's address, ""
// where it is not known.
//
// huma cuts the media type of a body at its plus sign, so bodies of
// application/ld+json arrive under json, those of application/rdf+xml under xml.
func Formats(publicURL string) map[string]huma.Format {
	yamlFormat := huma.Format{Marshal: writeYAML, Unmarshal: readYAML}
	ld := huma.Format{Marshal: writesRDF(rdf.JSONLD, publicURL), Unmarshal: readLD}
	return map[string]huma.Format{
		"application/json": {
			Marshal:   huma.DefaultJSONFormat.Marshal,
			Unmarshal: readJSON,
		}, "json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readLD},
		"application/yaml": yamlFormat, "application/x-yaml": yamlFormat, "yaml": yamlFormat,
		"application/ld+json": ld,
		Croissant:             {Marshal: writesCroissant(publicURL), Unmarshal: readJSON},
		string(rdf.Turtle):    {Marshal: writesRDF(rdf.Turtle, publicURL), Unmarshal: readRDF(rdf.Turtle)},
		string(rdf.NTriples):  {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readRDF(rdf.NTriples)},
		string(rdf.TriG):      {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readRDF(rdf.TriG)},
		string(rdf.NQuads):    {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readRDF(rdf.NQuads)},
		string(rdf.RDFXML):    {Marshal: writesRDF(rdf.RDFXML, publicURL), Unmarshal: readRDF(rdf.RDFXML)},
		"xml":                 {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readRDF(rdf.RDFXML)},
	}
}

// Croissant is the name under which huma, which knows no parameters, writes CroissantType.
const (
	Croissant     = "croissant"
	CroissantType = `application/ld+json;profile="` + croissant.Profile + `"`
)

// writesCroissant writes a dataset as a Croissant, and all else as JSON.
func writesCroissant(publicURL string) func(w io.Writer, v any) error {
	return func(w io.Writer, v any) error {
		d, ok := v.(schemas.Dataset)
		if !ok {
			return huma.DefaultJSONFormat.Marshal(w, v)
		}
		b, err := croissant.Write(&d, d.Content, publicURL)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
}

// inputFault carries our error through huma, which keeps an error's text alone:
// the text is the problem's JSON behind a mark that no text of a caller's
// reaches.
type inputFault struct{ err *schemas.Error }

const faultMark = "\x00guichet-problem:"

func (f inputFault) Error() string {
	b, err := json.Marshal(problem.Of(f.err, nil))
	if err != nil {
		return f.err.Message
	}
	return faultMark + string(b)
}

func (f inputFault) Unwrap() error { return f.err }

// faulty wraps what a reader said. An error without a Kind stays as it is and
// becomes an internal one at the door.
func faulty(err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind == schemas.Internal || e.Kind == schemas.Unavailable {
		return err
	}
	return inputFault{e}
}

// carried finds the problem in what huma made of a fault of a body.
func carried(err error) (*schemas.Problem, bool) {
	d, ok := errors.AsType[*huma.ErrorDetail](err)
	if !ok {
		return nil, false
	}
	text, ok := strings.CutPrefix(d.Message, faultMark)
	if !ok {
		return nil, false
	}
	var p schemas.Problem
	err = json.Unmarshal([]byte(text), &p)
	return &p, err == nil
}

// readYAML reads any body. What looks like a dataset is held against its closed
// schema here, so that faults have lines; everything else is held against the
// operation's schema by huma.
func readYAML(b []byte, v any) error {
	y, err := yaml.Parse(b)
	if err != nil {
		return faulty(err)
	}
	if bytes.Contains(y.JSON, []byte(`\u0000`)) {
		return faulty(schemas.BadField("document", "", "the document holds the character NUL, which no text here has"))
	}
	var members map[string]json.RawMessage
	_, isDataset := v.(*schemas.Dataset)
	if json.Unmarshal(y.JSON, &members) == nil {
		isDataset = isDataset || looksLikeDataset(members)
	}
	if isDataset {
		err = y.CheckDataset()
		if err != nil {
			return faulty(err)
		}
	}
	return readJSON(y.JSON, v)
}

// readJSON reads plain JSON, in which nothing is said twice; terms say nothing by null,
// which would open to all what a constraint was meant for. Huma reads a body into any
// first, whatever it is.
func readJSON(b []byte, v any) error {
	if is, err := readForeign(b, v); is || err != nil {
		return err
	}
	var err error
	switch v.(type) {
	case *OfferBody:
		err = rdf.Names(b, true)
	case *any, *schemas.Dataset:
		if json.Valid(b) { // else huma says what is wrong
			err = rdf.Names(b, false)
		}
	}
	if err != nil {
		return faulty(err)
	}
	return json.Unmarshal(b, v)
}

// readForeign reads a dataset that is described in JSON as others do: a package of CKAN, a data
// package, OEMetadata; false for another document, or where no dataset is wanted.
func readForeign(b []byte, v any) (is bool, err error) {
	target, isDataset := v.(*schemas.Dataset)
	plain, isAny := v.(*any)
	if !isDataset && !isAny {
		return false, nil
	}
	d, is, err := description.Foreign(b)
	if !is {
		return false, err
	}
	if twice := rdf.Names(b, false); twice != nil {
		return true, faulty(twice)
	}
	if err != nil {
		return true, faulty(err)
	}
	if isDataset {
		*target = d
		return true, nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(text, plain)
}

// ReadDataset reads a document as the operations on datasets read their bodies, for
// whoever wants to know its faults before it is sent. Errors: Invalid, TooLarge.
func ReadDataset(mediaType string, b []byte) (schemas.Dataset, error) {
	var d schemas.Dataset
	read := readLD
	f, isRDF := rdf.FormatOf(mediaType)
	switch {
	case mediaType == "application/yaml":
		read = readYAML
	case isRDF && f != rdf.JSONLD:
		read = readRDF(f)
	}
	err := read(b, &d)
	if _, ours := errors.AsType[*schemas.Error](err); err != nil && !ours {
		err = schemas.BadField("dataset", "", "this is not a dataset: %v", err)
	}
	return d, err
}

// looksLikeDataset knows a dataset by members that no other body has.
func looksLikeDataset(members map[string]json.RawMessage) bool {
	for _, name := range []string{"space", "keywords", "themes", "countries", "licence", "publisher", "visibility"} {
		if _, ok := members[name]; ok {
			return true
		}
	}
	return false
}

// writeYAML writes a noun as people edit it.
func writeYAML(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	out, err := goyaml.JSONToYAML(b)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// readLD reads a dataset or an offer, told apart by what the document holds; an
// object without any keyword of JSON-LD is plain JSON.
func readLD(b []byte, v any) error {
	if plainJSON(b) {
		return readJSON(b, v)
	}
	if is, err := readForeign(b, v); is || err != nil {
		return err
	}
	switch target := v.(type) {
	case *schemas.Dataset:
		d, err := ofJSONLD(b)
		if err != nil {
			return faulty(err)
		}
		*target = d
		return nil
	case *OfferBody:
		o, err := odrl.Parse(b)
		if err != nil {
			return faulty(err)
		}
		*target = bodyOf(o)
		return nil
	case *any:
		plain, err := fromLD(b)
		if err != nil {
			return faulty(err)
		}
		return json.Unmarshal(plain, v)
	}
	return faulty(
		schemas.BadField("document", "", "only a dataset (DCAT-AP) or an offer (ODRL) is read from JSON-LD here; send application/json"))
}

func plainJSON(b []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(b, &members) != nil {
		return false
	}
	for name := range members {
		if strings.HasPrefix(name, "@") {
			return false
		}
	}
	return true
}

// fromLD gives the JSON of the noun that a JSON-LD document describes.
func fromLD(b []byte) ([]byte, error) {
	doc, err := rdf.Expand(b,
		rdf.Options{Vocab: "urn:guichet:unknown:", Limits: rdf.Limits{Bytes: dcatap.MaxBytes, Depth: 64, Values: 1 << 15}})
	if err != nil {
		return nil, err
	}
	if odrl.IsPolicy(doc.Nodes) {
		o, err := odrl.Parse(b)
		if err != nil {
			return nil, err
		}
		return json.Marshal(bodyOf(o))
	}
	d, err := ofJSONLD(b)
	if err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// ofJSONLD reads the dataset of a document in JSON-LD: a Croissant, or DCAT-AP.
func ofJSONLD(b []byte) (schemas.Dataset, error) {
	d, is, err := croissant.Read(b, "")
	if is || err != nil {
		return d, err
	}
	return dcatap.Read(rdf.JSONLD, b, "")
}

// readRDF gives the reader of datasets in another serialisation of RDF.
func readRDF(f rdf.Format) func(b []byte, v any) error {
	return func(b []byte, v any) error {
		d, err := dcatap.Read(f, b, "")
		if err != nil {
			return faulty(err)
		}
		switch target := v.(type) {
		case *schemas.Dataset:
			*target = d
			return nil
		case *any: // what huma holds against the operation's schema
			plain, err := json.Marshal(d)
			if err != nil {
				return err
			}
			return json.Unmarshal(plain, v)
		}
		return faulty(schemas.BadField("document", "", "only a dataset (DCAT-AP) is read from %s; terms are read from JSON-LD", f))
	}
}

// OfferBody is an offer: typed rules, or the name of a template with its words.
type OfferBody struct {
	Template    string         `json:"template,omitempty" doc:"open-with-attribution, research-only, non-commercial, research-and-development, ask-the-holder, health-with-review"`
	Attribution string         `json:"attribution,omitempty" doc:"for a template: the words to give; the dataset's when left out"`
	Hide        []string       `json:"hide,omitempty" doc:"for a template: columns never shown"`
	Rows        int64          `json:"rows,omitempty" minimum:"0" doc:"for a template: budget of each project, in rows"`
	Title       schemas.Text   `json:"title,omitempty"`
	Rules       []schemas.Rule `json:"rules,omitempty"`
	Review      bool           `json:"review,omitempty"`
	Stage       bool           `json:"stage,omitempty" doc:"for a template: jobs may keep the data as an encrypted copy that opens by lease"`
	Direct      bool           `json:"direct,omitempty" doc:"for a template: jobs may read ranges of bytes by URL, straight from S3"`
	Follow      bool           `json:"follow,omitempty"`
}

// bodyOf is an offer as the body that PUT …/offer takes. Its template, which
// would be filled anew, is left out: the rules are there.
func bodyOf(o schemas.Offer) OfferBody {
	return OfferBody{Title: o.Title, Rules: o.Rules, Review: o.Review, Follow: o.Follow}
}

// writesRDF writes datasets, and agreements in JSON-LD, in their own vocabularies. Problems
// and everything else are JSON, which is JSON-LD without a context.
func writesRDF(f rdf.Format, publicURL string) func(w io.Writer, v any) error {
	return func(w io.Writer, v any) error {
		var b []byte
		var err error
		switch t := v.(type) {
		case schemas.Dataset:
			b, err = dcatap.Write(f, t, publicURL)
		case *schemas.Dataset:
			b, err = dcatap.Write(f, *t, publicURL)
		case schemas.Agreement:
			b, err = odrl.WriteAgreement(t)
		case *schemas.Agreement:
			b, err = odrl.WriteAgreement(*t)
		default:
			return huma.DefaultJSONFormat.Marshal(w, v)
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(w, bytes.NewReader(b))
		return err
	}
}
