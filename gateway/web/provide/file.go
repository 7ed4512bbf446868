package provide

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"

	"guichet/connectors/client"
	"guichet/connectors/description"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// filePage is a description as a file: its text, and what it would come to.
type filePage struct {
	Text    string
	Name    string // of the file: its ending says what it is
	Space   string
	Country string
	Spaces  []schemas.SpaceProfile
	Would   *schemas.Dataset
	Problem *schemas.Error
	Key     string
}

// mostText is what a page shows of a file again, in bytes, for it to be sent once more.
const mostText = 1 << 20

// newFile shows the form.
func newFile(v *page.Visit) error { return showFile(v, http.StatusOK, &filePage{}) }

func showFile(v *page.Visit, status int, p *filePage) error {
	var err error
	p.Key = cmp.Or(p.Key, rand.Text())
	p.Spaces, err = client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err != nil {
		return err
	}
	v.Show(status, "file", v.Reader.T("provide.file.title"), p)
	return nil
}

// registerFile looks at a file, or registers what it says.
func registerFile(v *page.Visit) error {
	p := &filePage{Text: v.R.PostFormValue("text"), Name: v.R.PostFormValue("name"), Space: v.R.PostFormValue("space"),
		Country: v.R.PostFormValue("country"), Key: v.R.PostFormValue("key")}
	err := p.upload(v.R)
	if err == nil && strings.TrimSpace(p.Text) == "" {
		err = schemas.BadField("file", "/text", "%s", v.Reader.T("provide.file.none"))
	}
	if err == nil && len(p.Text) > mostText {
		p.Text, err = "", schemas.Errorf(schemas.TooLarge, "file", "%s", v.Reader.T("provide.file.large"))
	}
	if err != nil {
		return p.again(v, err)
	}
	doc := client.Document{Type: description.MediaType(p.Name, []byte(p.Text)), Text: []byte(p.Text)}
	if v.R.PostFormValue("do") != "send" {
		var would schemas.Dataset
		err = v.API.Post(v.Ctx(), "/datasets"+client.Query("check", "true", "space", p.Space, "country", p.Country), doc, &would)
		if err != nil {
			return p.again(v, err)
		}
		p.Would = &would
		return showFile(v, http.StatusOK, p)
	}
	id, err := registered(v, "/datasets"+client.Query("space", p.Space, "country", p.Country), cmp.Or(p.Key, rand.Text()), doc)
	if err != nil {
		p.Key = "" // under the old one the API keeps its no
		return p.again(v, err)
	}
	v.To("/provide/%s/terms", string(id))
	return nil
}

// upload takes the file that was sent, if one was: it stands in the place of the text.
func (p *filePage) upload(r *http.Request) error {
	f, head, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil
	}
	if err != nil {
		return schemas.Errorf(schemas.Invalid, "file", "the file cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(f) // bounded as the form is
	if err != nil {
		return schemas.Errorf(schemas.Invalid, "file", "the file cannot be read: %w", err)
	}
	if len(b) > 0 {
		p.Text, p.Name = string(b), head.Filename
	}
	return nil
}

// again shows the form with what is wrong.
func (p *filePage) again(v *page.Visit, err error) error {
	e, status := owner.Asked(err)
	if e == nil {
		return err
	}
	p.Problem = e
	return showFile(v, status, p)
}
