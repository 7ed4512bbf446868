package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// askPage is the form of a request, with what was typed, and what it would come to.
type askPage struct {
	Dataset   schemas.Dataset
	Typed     typed
	Projects  []schemas.Project
	Lost      bool // who asks belongs to no organisation
	Purposes  []string
	Factories []schemas.Factory
	Columns   []string
	Fields    []formField // of the data space, beside what every request says
	Decision  *schemas.Decision
	Helpers   []page.Helper    // where that is no yes
	Problem   *schemas.Problem // what is wrong with what was typed
	Key       string           // makes the request once, however often it is sent
}

// typed is what a form sent, as it was typed.
type typed url.Values

// Get gives a field.
func (t typed) Get(name string) string { return url.Values(t).Get(name) }

// Has says whether a box is ticked, of those with one name.
func (t typed) Has(name, value string) bool { return slices.Contains(t[name], value) }

// formField is a question of a data space's form, as the API tells it.
type formField struct {
	Name     string       `json:"name"`
	Label    schemas.Text `json:"label"`
	Help     schemas.Text `json:"help"`
	Required bool         `json:"required"`
	Choices  []string     `json:"choices"`
	Options  []struct {
		Code  string       `json:"code"`
		Label schemas.Text `json:"label"`
	} `json:"options"`
}

// form is what a request in a data space is asked.
type form struct {
	Fields []formField `json:"fields"`
}

// Field is the space's word on a member of a request; nil where it has none.
func (p *askPage) Field(name string) *formField {
	for i := range p.Fields {
		if p.Fields[i].Name == name {
			return &p.Fields[i]
		}
	}
	return nil
}

// Answers are the questions of the space that no member of a request answers.
func (p *askPage) Answers() []formField {
	return slices.DeleteFunc(slices.Clone(p.Fields), func(f formField) bool { return !strings.HasPrefix(f.Name, "answers/") })
}

// Wrong is what is wrong with a field; "" for nothing.
func (p *askPage) Wrong(field string) string {
	if p.Problem == nil {
		return ""
	}
	for _, e := range p.Problem.Errors {
		if strings.TrimPrefix(strings.TrimPrefix(e.Pointer, "/body"), "/") == field {
			return e.Message
		}
	}
	return ""
}

// ask shows the form of a request for a dataset.
func ask(v *page.Visit) error {
	p, err := gather(v, typed(v.R.URL.Query()))
	if err != nil {
		return err
	}
	p.Decision, err = wouldBe(v, p)
	if e := page.Asked(err); e != nil {
		p.Problem = &schemas.Problem{Detail: e.Message, Errors: e.Fields, Remedy: e.Remedy}
	} else if err != nil {
		return err
	}
	showAsk(v, http.StatusOK, p)
	return nil
}

func showAsk(v *page.Visit, status int, p *askPage) {
	v.Show(status, "ask", v.Reader.T("ask.title", "Dataset", page.Cut(80, page.In(p.Dataset.Title, v.Reader.Tag).Words)), p)
}

// gather collects what the form offers. Where there is one choice only, it is made.
func gather(v *page.Visit, t typed) (*askPage, error) {
	p := &askPage{Typed: t, Key: t.Get("key"), Lost: v.Me != nil && v.Me.Participant == ""}
	if p.Key == "" {
		p.Key = rand.Text()
	}
	err := v.API.Get(v.Ctx(), "/datasets/"+v.Param(), &p.Dataset)
	if err != nil {
		return nil, err
	}
	p.Projects, err = v.Projects()
	if err != nil {
		return nil, err
	}
	if t.Get("project") == "" && len(p.Projects) > 0 {
		purpose := cmp.Or(t.Get("purpose"), usual)
		i := slices.IndexFunc(p.Projects, func(x schemas.Project) bool { return slices.Contains(x.Purposes, purpose) })
		t["project"] = []string{string(p.Projects[max(0, i)].ID)}
	}
	p.Factories, err = client.All[schemas.Factory](v.Ctx(), v.API, "/factories?limit=100")
	if err != nil {
		return nil, err
	}
	var fields form
	err = v.API.Get(v.Ctx(), "/spaces/"+url.PathEscape(string(p.Dataset.Space))+"/request-form", &fields)
	if err != nil && schemas.KindOf(err) != schemas.NotFound {
		return nil, err
	}
	p.Fields = fields.Fields
	i := slices.IndexFunc(p.Projects, func(x schemas.Project) bool { return string(x.ID) == t.Get("project") })
	if i >= 0 {
		p.Purposes = p.Projects[i].Purposes
		if t.Get("factory") == "" {
			t["factory"] = []string{string(p.Projects[i].Factory)}
		}
	}
	if !slices.Contains(p.Purposes, t.Get("purpose")) && len(p.Purposes) > 0 {
		t["purpose"] = p.Purposes[:1]
	}
	d := datasetPage{Dataset: p.Dataset}
	err = tables(v, &d)
	named := map[string]bool{}
	for _, table := range d.Tables {
		for _, c := range table.Columns {
			if !named[c.Name] {
				named[c.Name], p.Columns = true, append(p.Columns, c.Name)
			}
		}
	}
	return p, err
}

// until is the end that was typed: the last day that is meant.
func (t typed) until() (time.Time, error) {
	s := t.Get("until")
	if s == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, s)
	end := day.AddDate(0, 0, 1)
	if err != nil || end.IsZero() || end.Year() > 9999 { // the first is no end, and the other no time that JSON writes
		return end, schemas.BadField("request", "/until", "%q is not a day; write it like 2027-06-30", page.Cut(40, s))
	}
	return end, nil
}

// wanted are the columns that were ticked; nil for all of them.
func (p *askPage) wanted() []string {
	return p.Typed["column"]
}

// wouldBe is what the request would come to, nil while there is no project to ask for; with who helps where it is no
// yes. What sending would find wrong is an error here too.
func wouldBe(v *page.Visit, p *askPage) (*schemas.Decision, error) {
	if p.Typed.Get("project") == "" {
		return nil, nil
	}
	r, err := p.request()
	if err != nil {
		return nil, err
	}
	var would schemas.Request
	err = v.API.Post(v.Ctx(), "/requests?check=true", r, &would)
	if err != nil || len(would.Items) == 0 || would.Items[0].Decision == nil {
		return nil, err // an empty decision would read as a refusal
	}
	d := would.Items[0].Decision
	if d.Verdict != schemas.VerdictYes {
		p.Helpers = v.Helpers(&p.Dataset, schemas.FactoryID(p.Typed.Get("factory")))
	}
	return d, nil
}

// decision is the part of the form that says what it would come to, as it is typed.
func decision(v *page.Visit) error {
	p, err := gather(v, typed(v.R.PostForm))
	if err != nil {
		return err
	}
	p.Decision, err = wouldBe(v, p)
	if e := page.Asked(err); e != nil {
		p.Problem = &schemas.Problem{Detail: e.Message, Errors: e.Fields, Remedy: e.Remedy}
	} else if err != nil {
		return err
	}
	v.Part("ask", "live", p)
	return nil
}

// askFor sends the request. What is wrong comes back with all that was typed.
func askFor(v *page.Visit) error {
	p, err := gather(v, typed(v.R.PostForm))
	if err != nil {
		return err
	}
	if p.Typed.Get("look") != "" { // no request yet: without scripts, what it would come to
		p.Decision, err = wouldBe(v, p)
	} else {
		var made schemas.Request
		made, err = submit(v, p)
		if err == nil {
			toMade(v, &made)
			return nil
		}
	}
	status := http.StatusOK
	switch e := page.Asked(err); {
	case e != nil:
		p.Problem, status = &schemas.Problem{Detail: e.Message, Errors: e.Fields, Remedy: e.Remedy}, http.StatusUnprocessableEntity
		p.Key = rand.Text() // under the old one the API keeps its no: what is sent next is another request
	case err != nil:
		return err
	}
	showAsk(v, status, p)
	return nil
}

// asking is a request as the API takes it.
type asking struct {
	Project string            `json:"project"`
	Purpose string            `json:"purpose,omitempty"`
	Factory string            `json:"factory,omitempty"`
	Until   time.Time         `json:"until,omitzero"`
	Answers map[string]string `json:"answers,omitempty"`
	Message string            `json:"message,omitempty"`
	Contact string            `json:"contact,omitempty"`
	Items   []askedItem       `json:"items"`
}

type askedItem struct {
	Dataset schemas.DatasetID `json:"dataset"`
	Columns []string          `json:"columns,omitempty"`
}

// request makes one of what was typed.
func (p *askPage) request() (asking, error) {
	until, err := p.Typed.until()
	r := asking{
		Project: p.Typed.Get("project"), Purpose: p.Typed.Get("purpose"), Factory: p.Typed.Get("factory"), Until: until,
		Message: p.Typed.Get("message"), Contact: p.Typed.Get("contact"), Items: []askedItem{{p.Dataset.ID, p.wanted()}},
	}
	for name, values := range p.Typed {
		if key, is := strings.CutPrefix(name, "answers/"); is && values[0] != "" {
			if r.Answers == nil {
				r.Answers = map[string]string{}
			}
			r.Answers[key] = values[0]
		}
	}
	return r, err
}

// submit asks, once for each form that was shown.
func submit(v *page.Visit, p *askPage) (made schemas.Request, err error) {
	r, err := p.request()
	if err != nil {
		return made, err
	}
	return made, v.Once("/requests", p.Key, r, &made)
}

// toMade leads to what came of a request: where it was granted at once to the agreement, which is what the person wants.
func toMade(v *page.Visit, made *schemas.Request) {
	if len(made.Items) == 1 && made.Items[0].State == schemas.RequestGranted && made.Items[0].Agreement != "" {
		v.To("/agreements/%s", string(made.Items[0].Agreement))
		return
	}
	v.To("/requests/%s", string(made.ID))
}
