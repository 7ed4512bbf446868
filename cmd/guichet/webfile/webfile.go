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
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
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
	var d schemas.Dataset
	err := c.Get(ctx, "/datasets/"+url.PathEscape(id), &d)
	if err != nil {
		return id, err
	}
	name := ""
	for _, l := range d.Links {
		if l.URL == f.URL {
			name = named(&l)
		}
	}
	mine := d.Source != ""
	if mine {
		d, err = register(ctx, c, d)
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
		fmt.Fprintf(t.Out, "taken in as %s, under %s, with credit to %s\n", d.ID, d.Licence, d.Attribution)
	}
	if !t.JSON {
		fmt.Fprintf(t.Out, "%s: %s, SHA-256 %s\n", out.Name, terminal.Size(out.Bytes), out.SHA256)
	}
	p.Uploaded = true
	p.Tables = []schemas.PublicationTable{{Name: f.Table, Splits: []schemas.PublicationSplit{{Keys: []string{out.Name}}}}}
	return id, nil
}

// register makes a dataset of the caller's of one that is harvested, with its licence as terms.
func register(ctx context.Context, c *client.Client, d schemas.Dataset) (schemas.Dataset, error) {
	if !Open(d.Licensed()) {
		return d, &schemas.Error{
			Kind: schemas.Invalid, Subject: string(d.ID),
			Message: fmt.Sprintf("%s is not openly licensed (%s): it is not for you to give away", d.ID,
				cmp.Or(strings.Join(d.Licensed(), ", "), "no licence is known")),
			Remedy: "ask its holder: " + cmp.Or(d.Contact, d.IRI),
		}
	}
	d.Identifiers = slices.DeleteFunc(append([]string{d.IRI}, d.Identifiers...), func(s string) bool { return s == "" })
	d.Attribution = cmp.Or(d.Attribution, d.Publisher, d.IRI)
	d.ID, d.IRI, d.Source, d.Provider, d.AccessBody, d.Revision, d.RDF = "", "", "", "", "", 0, ""
	d.Offer, d.Latest, d.Tables = nil, nil, nil
	err := c.Post(ctx, "/datasets", d, &d)
	if err == nil {
		offer := map[string]any{"template": "open-with-attribution", "attribution": d.Attribution}
		err = c.Do(ctx, http.MethodPut, "/datasets/"+url.PathEscape(string(d.ID))+"/offer", offer, &d)
	}
	return d, err
}

// open are licences that let everybody use and pass on the data, credit or the same terms given
// [Open Definition 2.1, conformant licences].
var open = regexp.MustCompile(`^(CC0-1\.0|CC-BY-[0-9.]+(-[A-Z]{2,3})?|CC-BY-SA-[0-9.]+(-[A-Z]{2,3})?|PDDL-1\.0|ODC-By-1\.0|ODbL-1\.0|OGL-UK-[0-9.]+|` +
	`etalab-[0-9.]+|DL-DE-(BY|ZERO)-2\.0|NLOD-[0-9.]+|IODL-[0-9.]+)$`)

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
