package provide

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/gateway/web/publish"
	"guichet/schemas"
)

// descriptionPage is the form of a description, with what was typed and what it would come to.
type descriptionPage struct {
	ID       schemas.DatasetID // "" for one that is not registered yet
	Name     schemas.Text
	Typed    typed
	Spaces   []schemas.SpaceProfile
	Themes   []string
	Tables   []tableForm
	Types    []string
	Wide     bool // more tables than a form shows: they stay as they are
	Places   []owner.Place
	Others   []string         // languages in which it has words beside the form's
	Would    *schemas.Dataset // what it would come to
	Problem  *schemas.Error
	Faults   owner.Faults
	Key      string
	Revision int64
	at       map[string]string
}

// To is where the form is sent.
func (p *descriptionPage) To(what string) string {
	if p.ID == "" {
		return "/provide/new/" + what
	}
	return "/provide/" + url.PathEscape(string(p.ID)) + "/edit/" + what
}

// Wrong is what is wrong with a field; "" for nothing.
func (p *descriptionPage) Wrong(field string) string { return p.Faults.Wrong(field) }

// Visibilities are those that can be chosen, the usual one first.
func (p *descriptionPage) Visibilities() []schemas.Visibility {
	return []schemas.Visibility{schemas.VisibleToEveryone, schemas.VisibleToSignedIn, schemas.VisibleToListed, schemas.VisibleToOwn}
}

// Sensitivities are those of a column, none first.
func (p *descriptionPage) Sensitivities() []string {
	return []string{"", string(schemas.SensitivityIdentifies), string(schemas.SensitivityQuasi), string(schemas.SensitivitySensitive)}
}

// themes are the codes of the EU's data themes.
func themes() []string {
	return []string{"AGRI", "ECON", "EDUC", "ENER", "ENVI", "GOVE", "HEAL", "INTR", "JUST", "REGI", "SOCI", "TECH", "TRAN"}
}

// newDataset shows an empty form.
func newDataset(v *page.Visit) error {
	t := typed{}
	for name, values := range v.R.URL.Query() { // a prefix from the first page
		t[name] = values
	}
	if t.Get("lang") == "" {
		t.set("lang", v.Reader.Tag)
	}
	p := &descriptionPage{Typed: t}
	err := p.gather(v, schemas.Dataset{})
	if err != nil {
		return err
	}
	p.show(v, http.StatusOK)
	return nil
}

// edit shows the form of a dataset that is registered.
func edit(v *page.Visit) error {
	d, err := owner.Dataset(v)
	if err != nil {
		return err
	}
	lang := cmp.Or(v.R.URL.Query().Get("lang"), d.Title.For(v.Reader.Tag))
	p := &descriptionPage{Typed: typedOf(&d, lang), Revision: d.Revision}
	err = p.gather(v, d)
	if err != nil {
		return err
	}
	p.Would = &d
	p.show(v, http.StatusOK)
	return nil
}

// gather collects what the form offers; base is the dataset as it is, if it is.
func (p *descriptionPage) gather(v *page.Visit, base schemas.Dataset) error {
	p.ID, p.Name, p.Wide, p.Themes, p.Types = base.ID, base.Title, wide(&base), themes(), columnTypes()
	for tag := range base.Title {
		if tag != p.Typed.Get("lang") {
			p.Others = append(p.Others, tag)
		}
	}
	slices.Sort(p.Others)
	for _, code := range base.Themes {
		if !slices.Contains(p.Themes, code) { // such as IRIs of EuroVoc
			p.Themes = append(p.Themes, code)
		}
	}
	p.Key = cmp.Or(p.Typed.Get("key"), rand.Text())
	p.Tables = p.Typed.tables()
	var err error
	p.Spaces, err = client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err != nil || p.ID != "" {
		return err
	}
	p.Places, err = owner.Places(v)
	return err
}

func (p *descriptionPage) show(v *page.Visit, status int) {
	title := v.Reader.T("provide.new.title")
	if p.ID != "" {
		title = v.Reader.T("provide.edit.title", "Dataset", page.Cut(80, page.In(p.Name, v.Reader.Tag).Words))
	}
	v.Show(status, "describe", title, p)
}

// posted reads the form that was sent, and the dataset as it is; the description that they make is d.
func posted(v *page.Visit) (p *descriptionPage, d schemas.Dataset, err error) {
	p = &descriptionPage{Typed: typed(v.R.PostForm)}
	base := schemas.Dataset{}
	if v.ID != "" {
		base, err = owner.Dataset(v)
		if err != nil {
			return nil, d, err
		}
		p.Revision = revision(p.Typed, base.Revision)
	}
	err = p.gather(v, base)
	d, p.at = described(base, p.Typed)
	return p, d, err
}

// revision is the one that the form was filled with.
func revision(t typed, now int64) int64 {
	n := int64(0)
	for _, r := range t.Get("revision") {
		if r < '0' || r > '9' || n > 1<<50 {
			return now
		}
		n = 10*n + int64(r-'0')
	}
	return cmp.Or(n, now)
}

// would asks what the description would come to.
func (p *descriptionPage) would(v *page.Visit, d schemas.Dataset) error {
	var out schemas.Dataset
	var err error
	if p.ID == "" {
		err = v.API.Post(v.Ctx(), "/datasets?check=true", d, &out)
	} else {
		err = v.API.Do(v.Ctx(), http.MethodPut, "/datasets/"+url.PathEscape(string(p.ID))+"?check=true", d, &out, client.IfMatch(p.Revision))
	}
	if err == nil {
		p.Would = &out
	}
	return err
}

// wrong keeps what is wrong with what was typed.
func (p *descriptionPage) wrong(e *schemas.Error) {
	p.Problem, p.Faults = e, nil
	for _, f := range e.Fields {
		p.Faults = append(p.Faults, owner.Fault{Field: fieldOf(f.Pointer, p.at), Message: f.Message, Pointer: f.Pointer})
	}
}

// check is the part of the form that says what it would come to, as it is typed.
func check(v *page.Visit) error {
	p, d, err := posted(v)
	if err == nil {
		err = p.would(v, d)
	}
	if e, _ := owner.Asked(err); e != nil {
		p.wrong(e)
	} else if err != nil {
		return err
	}
	v.Part("describe", "check", p)
	return nil
}

// register sends a new description, once for each form that was shown. Where it names a prefix, its files are read for
// a report at once.
func register(v *page.Visit) error {
	p, d, err := posted(v)
	if err != nil {
		return err
	}
	if only, err := p.only(v, d); only || err != nil {
		return err
	}
	id, err := registered(v, "/datasets", p.Key, d)
	if err != nil {
		return p.again(v, err)
	}
	if p.Typed.Get("place") == "" {
		v.To("/provide/%s/terms", string(id))
		return nil
	}
	return publish.Try(v, id, url.Values(p.Typed), p.Key)
}

// madeAt finds where a dataset was made in what the API says when it is sent again: long answers are not kept.
var madeAt = regexp.MustCompile(`/api/v1/datasets/(ds-[a-z0-9]+)$`)

// registered registers a description once, however often it is sent, and gives the id of the dataset.
func registered(v *page.Visit, path, key string, in any) (schemas.DatasetID, error) {
	var made schemas.Dataset
	err := v.Once(path, key, in, &made)
	if e, is := errors.AsType[*schemas.Error](err); is && e.Kind == schemas.Conflict && e.Subject == "Idempotency-Key" {
		if m := madeAt.FindStringSubmatch(e.Remedy); m != nil {
			return schemas.DatasetID(m[1]), nil
		}
	}
	return made.ID, err
}

// change sends a changed description, if nobody changed it meanwhile.
func change(v *page.Visit) error {
	p, d, err := posted(v)
	if err != nil {
		return err
	}
	if only, err := p.only(v, d); only || err != nil {
		return err
	}
	err = v.API.Do(v.Ctx(), http.MethodPut, "/datasets/"+v.Param(), d, nil, client.IfMatch(p.Revision))
	if err != nil {
		return p.again(v, err)
	}
	v.To("/datasets/%s", v.ID)
	return nil
}

// only answers where another button than the one that sends was pressed: for more rows, or for a look.
func (p *descriptionPage) only(v *page.Visit, d schemas.Dataset) (bool, error) {
	do := p.Typed.Get("do")
	if do == "" || do == "send" {
		return false, nil
	}
	status := http.StatusOK
	if !strings.HasPrefix(do, "more-") {
		err := p.would(v, d)
		if e, s := owner.Asked(err); e != nil {
			p.wrong(e)
			status = s
		} else if err != nil {
			return true, err
		}
	}
	p.show(v, status)
	return true, nil
}

// again shows the form with what is wrong.
func (p *descriptionPage) again(v *page.Visit, err error) error {
	e, status := owner.Asked(err)
	if e == nil {
		return err
	}
	p.wrong(e)
	p.Key = rand.Text() // under the old one the API keeps its no
	p.show(v, status)
	return nil
}
