// Package webfile is the command line's way to data that is held elsewhere: a file of the web
// becomes one of a dataset here.
//
// In: an address, and the dataset that it is for. Out: the file at the gateway, to be published. Always: what
// is harvested is taken in only where its licence is an open one, as a dataset of who takes it in, with the
// licence and the credit that it asks for. It must not fetch: the gateway does, by its own rules.
package webfile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/rdf/about"
	"guichet/schemas"
)

// File is a file of the web that is taken in.
type File struct {
	URL    string // http or https
	Table  string
	SHA256 string // that it must have; "" for any
}

// Is says whether what is published comes from the web.
func Is(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// taken is the gateway's answer.
type taken struct {
	URL    string `json:"url"`
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Take has the gateway take in a file for a dataset, and adds it to a publication. Of a dataset
// that is harvested a new one is registered, whose id it gives. Errors: Invalid for a licence that is not
// an open one; those of the gateway.
func Take(ctx context.Context, t *terminal.Terminal, c *client.Client, id string, f File, p *schemas.Publication) (string, error) {
	var raw []byte // as it is: what is shown on terminals could not be registered
	err := c.Get(ctx, "/datasets/"+url.PathEscape(id), &raw)
	if err != nil {
		return id, err
	}
	var d schemas.Dataset
	err = json.Unmarshal(raw, &d)
	if err != nil {
		return id, fmt.Errorf("read the answer about %s: %w", id, err)
	}
	at := slices.IndexFunc(d.Links, func(l schemas.Link) bool { return l.URL == f.URL })
	name, mine := "", false
	if at >= 0 {
		name = named(&d.Links[at])
	}
	own := false
	if d.Source != "" {
		err = takable(&d, at, p.DryRun)
		if err == nil {
			several := len(d.Licences) > 0
			own = only(&d, at)
			d, mine, err = register(ctx, c, d, several)
		}
		if err != nil {
			return id, err
		}
		id = string(d.ID)
	}
	in := map[string]string{"url": f.URL}
	for key, value := range map[string]string{"name": name, "sha256": f.SHA256} {
		if value != "" {
			in[key] = value
		}
	}
	bar := terminal.NewProgress(t, "the gateway takes in "+f.URL)
	var out taken
	err = c.Post(ctx, "/datasets/"+url.PathEscape(id)+"/files/"+url.PathEscape(f.Table)+"/all", in, &out)
	bar.Done()
	if err != nil && mine { // nothing of it is here
		err = errors.Join(err, c.Do(context.WithoutCancel(ctx), http.MethodDelete, "/datasets/"+url.PathEscape(id), nil, nil))
	}
	if err != nil {
		return id, err
	}
	if mine && !t.JSON {
		fmt.Fprintf(t.Out, "taken in as %s, under %s, with credit to %s\n", d.ID, d.Licence, schemas.Visible(d.Attribution))
	}
	if mine && len(d.Links) > 1 && !own && !t.JSON {
		fmt.Fprintln(t.Out, "note: the licence is that of the dataset, which has several files: see that it is this one's too")
	}
	if !t.JSON {
		fmt.Fprintf(t.Out, "%s: %s, SHA-256 %s\n", out.Name, terminal.Size(out.Bytes), out.SHA256)
	}
	p.Uploaded = true
	p.Tables = []schemas.PublicationTable{{Name: f.Table, Splits: []schemas.PublicationSplit{{Keys: []string{out.Name}}}}}
	return id, nil
}

// takable says why a file, the link at a place, cannot be taken in of a dataset that is harvested.
// Errors: Invalid.
func takable(d *schemas.Dataset, at int, dry bool) error {
	e := &schemas.Error{Kind: schemas.Invalid, Subject: string(d.ID)}
	licences, what := d.Licensed(), string(d.ID)
	if at >= 0 && d.Links[at].Licence != "" {
		licences, what = d.LicensedLink(&d.Links[at]), "the file"
	}
	switch {
	case at < 0:
		e.Message = fmt.Sprintf("the address is none of %s, so its licence is not the file's", d.ID)
		e.Remedy = "take one of its own: guichet show " + string(d.ID)
	case !Open(licences):
		e.Message = fmt.Sprintf("%s is not openly licensed (%s): it is not for you to give away", what,
			schemas.Visible(cmp.Or(strings.Join(licences, ", "), "no licence is known")))
		e.Remedy = "ask its holder: " + schemas.Visible(cmp.Or(d.Contact, d.IRI))
	case about.RightInWords(about.AccessRight(d)) != "":
		e.Message = fmt.Sprintf("%s is not for everybody, whatever its licence: %s", d.ID, about.RightInWords(about.AccessRight(d)))
		e.Remedy = "ask its holder: " + schemas.Visible(cmp.Or(d.Contact, d.IRI))
	case dry:
		e.Message = "to take a dataset in is to register one, which a dry run does not do"
		e.Remedy = "leave --dry-run out, or try it on a dataset of yours"
	default:
		return nil
	}
	return e
}

// only leaves of a dataset what has the licence of a link, where that has its own; it says whether it
// has.
func only(d *schemas.Dataset, at int) bool {
	own := d.Links[at].Licence
	if own == "" {
		return false
	}
	d.Links = slices.DeleteFunc(d.Links, func(l schemas.Link) bool { return l.Licence != own })
	for i := range d.Links {
		d.Links[i].Licence = ""
	}
	d.Licence, d.Licences = own, nil
	return true
}

// register makes a dataset of the caller's of one that is harvested, with its licence as terms; one
// that was made of it before is gone on with, where of several licences it has the same. made says
// which it was.
func register(ctx context.Context, c *client.Client, d schemas.Dataset, several bool) (_ schemas.Dataset, made bool, err error) {
	d.Attribution = cmp.Or(d.Attribution, d.Publisher, d.IRI)
	d.ID, d.Source, d.Provider, d.AccessBody, d.Revision = "", "", "", "", 0
	d.Offer, d.Latest, d.Tables, d.Facts = nil, nil, nil, nil
	under := d.Licence
	err = c.Post(ctx, "/datasets", d, &d)
	e, refused := errors.AsType[*schemas.Error](err)
	if refused && e.Kind == schemas.Conflict && strings.HasPrefix(e.Subject, "ds-") {
		d.ID = schemas.DatasetID(e.Subject)
		if several {
			err = sameLicence(ctx, c, d.ID, under)
		} else {
			err = nil
		}
		return d, false, err
	}
	if refused && e.Kind == schemas.Conflict {
		e.Message = "another provider has taken this dataset in already: it is here, with its data"
		e.Remedy = "find it by its title (guichet search) and ask for it; " +
			"or register a dataset of yours without an iri, and publish --from into that"
	}
	if refused && e.Kind == schemas.Invalid {
		e.Remedy = "what is wrong stands in the portal's description: register a dataset of yours that says it, and publish --from into that"
	}
	if err == nil {
		offer := map[string]any{"template": "open-with-attribution", "attribution": d.Attribution}
		err = c.Do(ctx, http.MethodPut, "/datasets/"+url.PathEscape(string(d.ID))+"/offer", offer, &d)
	}
	return d, err == nil, err
}

// sameLicence says whether a dataset that stands already has a licence: its files are given under that.
// Errors: Invalid.
func sameLicence(ctx context.Context, c *client.Client, id schemas.DatasetID, licence string) error {
	var d schemas.Dataset
	err := c.Get(ctx, "/datasets/"+url.PathEscape(string(id)), &d)
	if err != nil || d.Licence == licence {
		return err
	}
	return &schemas.Error{
		Kind: schemas.Invalid, Subject: string(id),
		Message: fmt.Sprintf("the file's licence is %s, and %s, into which others of its dataset were taken, is under %s",
			schemas.Visible(licence), id, schemas.Visible(d.Licence)),
		Remedy: "register a dataset of yours under the file's licence, and publish --from into that",
	}
}

// open are licences that let everybody use and pass on the data, credit or the same terms given
// [Open Definition 2.1, conformant licences].
var open = regexp.MustCompile(`^(CC0-1\.0|CC-BY-[0-9.]+(-[A-Z]{2,3})?|CC-BY-SA-[0-9.]+(-[A-Z]{2,3})?|PDDL-1\.0|ODC-By-1\.0|ODbL-1\.0|OGL-UK-[0-9.]+|` +
	`etalab-[0-9.]+|DL-DE-(BY|ZERO)-2\.0|NLOD-[0-9.]+|IODL-[0-9.]+|https?://(www\.)?opendefinition\.org/licenses/cc-by(-sa)?)$`)

// Open says whether all licences of a dataset are open ones.
func Open(licences []string) bool {
	return len(licences) > 0 && !slices.ContainsFunc(licences, func(l string) bool { return !open.MatchString(l) })
}

// named is the name under which a link's file is read as what it is; "" where its own will do.
func named(l *schemas.Link) string {
	u, err := url.Parse(l.URL)
	if err != nil {
		return ""
	}
	last := u.Path[strings.LastIndex(u.Path, "/")+1:]
	kind := strings.ToLower(l.Format[strings.LastIndexAny(l.Format, "/.")+1:])
	if strings.Contains(last, ".") || !slices.Contains([]string{"csv", "tsv", "parquet", "jsonl", "arrow"}, kind) {
		return ""
	}
	return cmp.Or(last, "data") + "." + kind
}
