package provide

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// termsPage is the form of a dataset's terms, their reading, and who could use it under them.
type termsPage struct {
	Dataset   schemas.Dataset
	Typed     typed
	Foreign   bool // the terms in force are none that the form can say
	Templates []string
	Purposes  []string
	Never     []string // purposes that may be excluded: all
	Kinds     []schemas.ParticipantKind
	Factories []schemas.Factory
	Columns   []treatment
	More      bool // columns that the form does not show
	Tried     *tried
	Problem   *schemas.Error
	Faults    owner.Faults
	Revision  int64
}

// tried is what terms would come to, as the API tells it.
type tried struct {
	Offer schemas.Offer   `json:"offer"`
	ODRL  json.RawMessage `json:"odrl"`
	Notes []string        `json:"notes"`
	Tries []struct {
		Purpose string                  `json:"purpose"`
		Kind    schemas.ParticipantKind `json:"kind"`
		Verdict schemas.Verdict         `json:"verdict"`
		Reasons []schemas.Reason        `json:"reasons"`
	} `json:"tries"`
}

// triedRow is one purpose by each kind of organisation.
type triedRow struct {
	Purpose string
	Marks   []schemas.Mark
	Reasons []string
}

// Rows lays out what each made-up asker would be told.
func (t *tried) Rows() []triedRow {
	var out []triedRow
	for _, x := range t.Tries {
		if len(out) == 0 || out[len(out)-1].Purpose != x.Purpose {
			out = append(out, triedRow{Purpose: x.Purpose})
		}
		row := &out[len(out)-1]
		mark := schemas.MarkNo
		switch x.Verdict {
		case schemas.VerdictYes:
			mark = schemas.MarkNow
		case schemas.VerdictReview:
			mark = schemas.MarkAsk
		}
		row.Marks = append(row.Marks, mark)
		for _, r := range x.Reasons {
			if !slices.Contains(row.Reasons, r.Text) {
				row.Reasons = append(row.Reasons, r.Text)
			}
		}
	}
	return out
}

// lines is a document as text, indented.
func lines(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}

// JSON is the terms as they would be sent.
func (t *tried) JSON() string { return lines(t.Offer) }

// Linked is the same as ODRL.
func (t *tried) Linked() string { return lines(t.ODRL) }

// Wrong is what is wrong with a field; "" for nothing.
func (p *termsPage) Wrong(field string) string { return p.Faults.Wrong(field) }

// Uses are the actions that can be permitted, the widest first.
func (p *termsPage) Uses() []string { return []string{"use", "train", "read"} }

// Treatments are what can be done with a column.
func (p *termsPage) Treatments() []string { return []string{asItIs, hidden, pseudonymous, coarser} }

// TryPlaces are the made-up places at which terms are tried; factories stand beside them.
func (p *termsPage) TryPlaces() []string { return []string{"europe", "outside", "secure"} }

// templateNames are those of the ready-made terms, as the API knows them.
func templateNames() []string {
	return []string{"open-with-attribution", "research-only", "non-commercial", "research-and-development", "ask-the-holder",
		"health-with-review"}
}

// terms shows the form: of the terms in force, or of a template.
func terms(v *page.Visit) error {
	p := &termsPage{}
	err := p.gather(v)
	if err != nil {
		return err
	}
	o := p.Dataset.Offer
	if name := v.R.URL.Query().Get("template"); name != "" {
		var filled tried
		err = v.API.Post(v.Ctx(), p.at("/offer/trial"), map[string]string{"template": name}, &filled)
		if e, _ := owner.Asked(err); e != nil {
			p.Problem = e
		} else if err != nil {
			return err
		} else {
			o = &filled.Offer
		}
	}
	t, whole := blocksOf(o, p.names())
	if !whole {
		t, _ = blocksOf(nil, p.names())
	}
	if o == nil || !whole { // nothing is given away by a form that was only sent
		t.set("attribute", p.Dataset.Attribution)
		t.set("review", "yes")
	}
	if p.Dataset.Offer != nil { // whatever the form is filled with, who is barred stays so until somebody takes it out
		t.set("barred", strings.Join(barredIn(p.Dataset.Offer), "\n"))
	}
	p.Typed = t
	err = p.try(v)
	if err != nil {
		return err
	}
	return p.show(v, http.StatusOK)
}

// gather collects what the form offers.
func (p *termsPage) gather(v *page.Visit) error {
	var err error
	p.Dataset, err = owner.Dataset(v)
	if err != nil {
		return err
	}
	p.Revision, p.Templates, p.Purposes, p.Kinds = p.Dataset.Revision, templateNames(), v.Reader.Purposes(), schemas.ParticipantKinds()
	all, err := schemas.Purposes()
	if err != nil {
		return err
	}
	for _, x := range all {
		p.Never = append(p.Never, x.ID)
	}
	_, whole := blocksOf(p.Dataset.Offer, nil)
	p.Foreign = !whole
	p.Factories, err = client.All[schemas.Factory](v.Ctx(), v.API, "/factories?limit=100")
	return err
}

// names are the columns of all tables.
func (p *termsPage) names() []string {
	var out []string
	seen := map[string]bool{}
	for i := range p.Dataset.Tables {
		for j := range p.Dataset.Tables[i].Fields {
			if n := p.Dataset.Tables[i].Fields[j].Name; !seen[n] {
				seen[n], out = true, append(out, n)
			}
		}
	}
	return out
}

func (p *termsPage) at(what string) string {
	return "/datasets/" + url.PathEscape(string(p.Dataset.ID)) + what
}

// query says where the made-up askers would use the data.
func (p *termsPage) query() string {
	place := p.Typed.Get("place")
	if i := slices.IndexFunc(p.Factories, func(f schemas.Factory) bool { return string(f.ID) == place }); i >= 0 {
		return client.Query("factory", place, "country", p.Factories[i].Country)
	}
	switch place {
	case "outside":
		return client.Query("country", "US")
	case "secure":
		return client.Query("country", "FR", "secure", "true")
	}
	return client.Query("country", "FR")
}

// try asks who could use the data under what was typed. Terms that have faults come to nothing, and the faults are kept.
func (p *termsPage) try(v *page.Visit) error {
	p.Typed.set("place", cmp.Or(p.Typed.Get("place"), "europe"))
	o, err := offerOf(p.Typed)
	if err == nil {
		p.Tried = &tried{}
		err = v.API.Post(v.Ctx(), p.at("/offer/trial")+p.query(), o, p.Tried)
	}
	if err == nil {
		return nil
	}
	p.Tried = nil
	e, _ := owner.Asked(err)
	if own, is := errors.AsType[*schemas.Error](err); e == nil && is && own.Kind == schemas.Invalid {
		e = own
	}
	if e == nil {
		return err
	}
	p.wrong(e)
	return nil
}

// inRules finds what a pointer into the rules is about: their conditions and duties stand in an order that the form knows.
var inRules = regexp.MustCompile(`^/rules/(\d+)/(constraint|duties)(?:/(?:and/)?(\d+))?`)

// wrong keeps what is wrong with what was typed.
func (p *termsPage) wrong(e *schemas.Error) {
	p.Problem, p.Faults = e, nil
	o, _ := offerOf(p.Typed) // once: there may be a thousand faults; one that cannot be made has no rules
	for _, f := range e.Fields {
		p.Faults = append(p.Faults, owner.Fault{Field: field(&o, f.Pointer), Message: f.Message, Pointer: f.Pointer})
	}
}

// field finds the field of the form that a pointer into its offer is about; "" for none.
func field(o *schemas.Offer, pointer string) string {
	switch pointer {
	case "/rows", "/bytes":
		return pointer[1:]
	}
	m := inRules.FindStringSubmatch(pointer)
	if m == nil {
		return ""
	}
	i := int(m[1][0] - '0')
	if len(m[1]) != 1 || i >= len(o.Rules) {
		return ""
	}
	r, k := &o.Rules[i], 0
	if len(m[3]) > 0 {
		k = int(m[3][0] - '0')
	}
	switch {
	case isBar(r):
		return "barred"
	case r.Kind == schemas.Prohibition:
		return "never"
	case m[2] == "duties" && k < len(r.Duties):
		switch d := &r.Duties[k]; {
		case d.Kind == schemas.DutyAttribute:
			return "attribute"
		case d.Bytes > 0:
			return "bytes"
		case d.Kind == schemas.DutyBudget:
			return "rows"
		case d.Kind == schemas.DutyFactory:
			return "proof"
		}
		return "columns"
	case m[2] == "duties" || r.Constraint == nil:
		return ""
	}
	left := r.Constraint.Left
	if k < len(r.Constraint.And) {
		left = r.Constraint.And[k].Left
	}
	for _, c := range conditions() {
		if c.left == left {
			return c.field
		}
	}
	return ""
}

func (p *termsPage) show(v *page.Visit, status int) error {
	p.Columns = p.Typed.treated()
	p.More = len(p.names()) > len(p.Columns)
	v.Show(status, "terms", v.Reader.T("provide.terms.title", "Dataset", owner.Name(v, &p.Dataset)), p)
	return nil
}

// postedTerms reads the form that was sent.
func postedTerms(v *page.Visit) (*termsPage, error) {
	p := &termsPage{Typed: typed(v.R.PostForm)}
	err := p.gather(v)
	if err == nil {
		p.Revision = revision(p.Typed, p.Dataset.Revision)
	}
	return p, err
}

// tryTerms is the part of the form that reads the terms and says who could use the data, as it is typed.
func tryTerms(v *page.Visit) error {
	p, err := postedTerms(v)
	if err == nil {
		err = p.try(v)
	}
	if err != nil {
		return err
	}
	v.Part("terms", "tried", p)
	return nil
}

// putTerms sets terms, or only looks at what they would come to.
func putTerms(v *page.Visit) error {
	p, err := postedTerms(v)
	if err == nil {
		err = p.try(v)
	}
	if err != nil {
		return err
	}
	if p.Typed.Get("do") == "look" || p.Problem != nil {
		status := http.StatusOK
		if p.Problem != nil {
			_, status = owner.Asked(p.Problem)
		}
		return p.show(v, status)
	}
	if p.Foreign && p.Typed.Get("replace") == "" {
		p.wrong(schemas.BadField("offer", "/replace", "%s", v.Reader.T("provide.terms.mustreplace")))
		p.Faults[0].Field = "replace"
		return p.show(v, http.StatusUnprocessableEntity)
	}
	o, err := offerOf(p.Typed)
	if err == nil {
		if have := p.Dataset.Offer; have != nil && !p.Foreign {
			o.Title = have.Title
		}
		err = v.API.Do(v.Ctx(), http.MethodPut, p.at("/offer"), o, nil, client.IfMatch(p.Revision))
	}
	if e, status := owner.Asked(err); e != nil {
		p.wrong(e)
		return p.show(v, status)
	}
	if err != nil {
		return err
	}
	if p.Dataset.Latest == nil {
		v.To("/provide/%s/publish", v.ID)
		return nil
	}
	v.To("/datasets/%s", v.ID)
	return nil
}
