// Package publish is the pages with which a provider publishes versions of her dataset.
//
// In: visits of providers. Out: forms that publish from places in stores (publish.go, rows.go) which are looked into
// (browse.go), or from files that she sends (upload.go); and how far a version is (version.go). Always: what was typed
// stays in the form and goes along in every link, what is wrong stands at its field, and nothing is published
// before its button was pressed. It must not read files: the API does.
//
//	form ─▶ dry run ─▶ its report, with all that was typed ─▶ publication
//	 │ ▲
//	 ▼ │ a folder, a file, folders as splits or tables
//	places
package publish

import (
	"cmp"
	"crypto/rand"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is all of them.
func Part() page.Part {
	signed := page.Signed
	return page.Part{
		Templates: templates,
		Pages: map[string]func(v *page.Visit) error{
			"/provide/:id/publish":           signed(publish),
			"/provide/:id/publish/browse":    signed(browse),
			"/provide/:id/upload":            signed(upload),
			"/provide/:id/versions/:version": signed(version),
		},
		Forms: map[string]func(v *page.Visit) error{
			"/provide/:id/publish/begin":               signed(begin),
			"/provide/:id/upload/begin":                signed(beginUploaded),
			"/provide/:id/versions/:version/give-up":   signed(giveUp),
			"/provide/:id/versions/:version/take-back": signed(takeBack),
		},
		Streams: map[string]func(v *page.Visit) error{
			"/provide/:id/upload/send": sendFile,
		},
	}
}

// tryName is the version that a dry run is called by: the name of the one that is to come stays free.
const tryName = "dry-run"

// form is what both forms of a publication have in common.
type form struct {
	Dataset  schemas.Dataset
	Typed    url.Values
	Versions []schemas.VersionSummary
	Problem  *schemas.Error
	Faults   owner.Faults
	Key      string
}

// Wrong is what is wrong with a field; "" for nothing.
func (p *form) Wrong(field string) string { return p.Faults.Wrong(field) }

// Bases are the versions that a new one can add to.
func (p *form) Bases() []schemas.VersionSummary {
	return slices.DeleteFunc(slices.Clone(p.Versions), func(s schemas.VersionSummary) bool { return s.State != schemas.VersionPublished })
}

// gather reads what every form of a publication offers.
func (p *form) gather(v *page.Visit) error {
	var err error
	p.Key = cmp.Or(p.Typed.Get("key"), rand.Text())
	p.Dataset, err = owner.Dataset(v)
	if err != nil {
		return err
	}
	p.Versions, err = client.All[schemas.VersionSummary](v.Ctx(), v.API, "/datasets/"+v.Param()+"/versions")
	return err
}

// wrong keeps what is wrong with what was typed; at finds the field of a pointer.
func (p *form) wrong(e *schemas.Error, at func(pointer string) string) {
	p.Problem, p.Faults, p.Key = e, nil, rand.Text() // under the old key the API keeps its no
	for _, f := range e.Fields {
		p.Faults = append(p.Faults, owner.Fault{Field: at(f.Pointer), Message: f.Message, Pointer: f.Pointer})
	}
}

// publishPage is the form of a publication from granted places.
type publishPage struct {
	form
	Places []owner.Place
	Rows   []row
	Next   int // the row that the cursor is put into; -1 is none
}

// publish shows the form.
func publish(v *page.Visit) error {
	p := &publishPage{form: form{Typed: fromAddress(v.R.URL.Query())}, Next: -1}
	err := p.gather(v)
	if err != nil {
		return err
	}
	p.show(v, http.StatusOK)
	return nil
}

func (p *publishPage) gather(v *page.Visit) error {
	err := p.form.gather(v)
	if err == nil {
		p.Places, err = owner.Places(v)
	}
	return err
}

func (p *publishPage) show(v *page.Visit, status int) {
	p.Rows = rowsOf(p.Typed)
	v.Show(status, "publish", v.Reader.T("provide.publish.title", "Dataset", owner.Name(v, &p.Dataset)), p)
}

// carried are the fields of a publication, which its report carries on to the button that publishes.
func carried() []string {
	return append(rowFields(), "file", "version", "base", "dist", "distcolumns")
}

// finish adds to a publication what both forms ask for.
func finish(p *schemas.Publication, t url.Values) {
	p.Version, p.Base = schemas.VersionID(strings.TrimSpace(t.Get("version"))), schemas.VersionID(t.Get("base"))
	p.Distributions = consent(t, p.Tables)
}

// consent is of which columns the provider lets be told how values are distributed: none, unless she says so.
func consent(t url.Values, tables []schemas.PublicationTable) (asked []string) {
	switch t.Get("dist") {
	case "all":
		for i := range tables {
			asked = append(asked, tables[i].Name+"/*")
		}
	case "some":
		for name := range strings.SplitSeq(t.Get("distcolumns"), ",") {
			name = strings.TrimSpace(name)
			switch {
			case name == "":
			case len(tables) == 1 && !strings.HasPrefix(name, tables[0].Name+"/"):
				asked = append(asked, tables[0].Name+"/"+name)
			default:
				asked = append(asked, name)
			}
		}
	}
	return asked
}

// fieldOf finds the field that both forms have for a fault; "" where it is about none of them.
func fieldOf(pointer string) string {
	switch pointer = strings.TrimPrefix(pointer, "/body"); {
	case strings.HasPrefix(pointer, "/version"):
		return "version"
	case strings.HasPrefix(pointer, "/base"):
		return "base"
	case strings.HasPrefix(pointer, "/distributions"):
		return "distcolumns"
	}
	return ""
}

// start asks for a publication, or for its report alone, once for each form that was shown; it gives the version by
// which it is watched.
func start(v *page.Visit, id schemas.DatasetID, p schemas.Publication, key string, dry bool) (schemas.VersionID, error) {
	if p.DryRun = dry; dry {
		p.Version, key = tryName, key+"-dry"
	} else if p.Version == tryName { // a version never changes: no dry run could be called so any more
		return "", schemas.BadField("publication", "/version", "%s", v.Reader.T("provide.publish.tryname", "Name", tryName))
	}
	var begun schemas.VersionSummary
	err := v.Once("/datasets/"+url.PathEscape(string(id))+"/versions", key, p, &begun)
	return begun.Version, err
}

// begin begins a publication or its dry run, which go on when the browser leaves; or changes the rows of the form.
func begin(v *page.Visit) error {
	p := &publishPage{form: form{Typed: v.R.PostForm}, Next: -1}
	err := p.gather(v)
	if err != nil {
		return err
	}
	do, which, _ := strings.Cut(p.Typed.Get("do"), "-")
	i, _ := strconv.Atoi(which) // of none it is the first
	switch do {
	case "add":
		p.Next = addRow(p.Typed)
		p.show(v, http.StatusOK)
		return nil
	case "remove":
		removeRow(p.Typed, i)
		p.show(v, http.StatusOK)
		return nil
	case "browse":
		if to, fits := address(p.Dataset.ID, "/publish/browse", p.Typed, "row", strconv.Itoa(i)); fits {
			http.Redirect(v.W, v.R, to, http.StatusSeeOther)
			return nil
		}
		p.wrong(schemas.BadField("publication", "/tables", "%s", v.Reader.T("publish.toolong")), func(string) string { return at("path", i) })
		p.show(v, http.StatusUnprocessableEntity)
		return nil
	}
	ask, where, err := publication(v, p.Typed)
	dry := do != "send"
	var name schemas.VersionID
	if err == nil {
		name, err = start(v, p.Dataset.ID, ask, p.Key, dry)
	}
	if err == nil {
		watch(v, p.Dataset.ID, name, p.Typed, dry)
		return nil
	}
	e, status := refused(err)
	if e == nil {
		return err
	}
	p.wrong(e, where.field)
	p.show(v, status)
	return nil
}

// refused is an error that leads back to the form of a publication, with its status; nil for any other. What is not
// there is a fault of what was typed.
func refused(err error) (*schemas.Error, int) {
	e, status := owner.Asked(err)
	if own, is := err.(*schemas.Error); e == nil && is && own.Kind == schemas.NotFound { //nolint:errorlint // the client's, which wraps none
		return own, http.StatusUnprocessableEntity
	}
	return e, status
}

// mostAddress bounds what an address carries of a form, in bytes: longer ones are not taken everywhere.
const mostAddress = 8 << 10

// address is a page of a dataset's with all that was typed, and with further fields; it is false where that is too much
// for an address. An address names each field once: the i-th value of a field, from 1 on, is called FIELD-i there.
func address(id schemas.DatasetID, page string, t url.Values, more ...string) (string, bool) {
	q := url.Values{}
	for _, name := range carried() {
		for i, s := range t[name] {
			if s != "" && i == 0 {
				q.Set(name, s)
			} else if s != "" {
				q.Set(at(name, i), s)
			}
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	to := "/provide/" + url.PathEscape(string(id)) + page
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	return to, len(to) <= mostAddress
}

// fromAddress reads what address wrote.
func fromAddress(q url.Values) url.Values {
	t := url.Values{}
	for name, values := range q {
		field, number, numbered := strings.Cut(name, "-")
		i, err := strconv.Atoi(number)
		if !numbered {
			field, i = name, 0
		} else if err != nil || i < 1 || i >= mostFiles || !slices.Contains(carried(), field) {
			continue // nothing that a form has
		}
		for len(t[field]) < i+len(values) {
			t[field] = append(t[field], "")
		}
		copy(t[field][i:], values)
	}
	return t
}

// watch sends the browser to where a publication is watched; after a dry run what was typed goes with it, where an address
// can hold it.
func watch(v *page.Visit, id schemas.DatasetID, version schemas.VersionID, t url.Values, dry bool) {
	at := "/versions/" + url.PathEscape(string(version))
	to, fits := address(id, at, t)
	if !dry || !fits {
		to, _ = address(id, at, nil)
	}
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
}

// Try reads the files of a dataset that was registered with a place; where that cannot begin, the form of the
// publication says why.
func Try(v *page.Visit, id schemas.DatasetID, t url.Values, key string) error {
	only := url.Values{"place": {t.Get("place")}, "path": {t.Get("path")}}
	ask, _, err := publication(v, only)
	var name schemas.VersionID
	if err == nil {
		name, err = start(v, id, ask, key, true)
	}
	if err == nil {
		watch(v, id, name, only, true)
		return nil
	}
	if e, _ := refused(err); e == nil {
		return err
	}
	to, _ := address(id, "/publish", only)
	http.Redirect(v.W, v.R, to, http.StatusSeeOther)
	return nil
}
