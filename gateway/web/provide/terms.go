package provide

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"guichet/connectors/client"
	"guichet/gateway/web/blocks"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/policy/call"
	"guichet/schemas"
)

// termsPage is the form of a dataset's terms, their reading, and who could use it under them.
type termsPage struct {
	Dataset   schemas.Dataset
	Typed     blocks.Form
	Foreign   bool // the terms in force are none that the form can say
	Templates []string
	Purposes  []string
	Never     []string // purposes that may be excluded: all
	Kinds     []schemas.ParticipantKind
	Factories []schemas.Factory
	Gone      []string // factories that terms name and that are not registered any more
	Calls     []callChoice
	Parts     []tablePart // what is done with columns
	More      bool        // columns that the form does not show
	Domains   []domainLine
	Rows      []compared
	Groups    []columnGroup // columns that can be compared
	Wide      bool          // they are too many for a list
	Tried     *tried
	Problem   *schemas.Error
	Faults    owner.Faults
	First     string // the field of the first of them, which the page opens at
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
func (p *termsPage) Treatments() []string { return blocks.Treatments() }

// TryPlaces are the made-up places at which terms are tried; factories stand beside them.
func (p *termsPage) TryPlaces() []string { return []string{"europe", "outside", "secure"} }

// callChoice is a call under which a project may have to run: one that is open, or that terms name.
type callChoice struct{ ID, Words string }

// calls are those to choose from, by their titles; of one that takes no more projects its state is said.
func (p *termsPage) calls(v *page.Visit) error {
	open, err := client.All[call.Call](v.Ctx(), v.API, "/calls?state=open&limit=100")
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for i := range open {
		have[open[i].ID], p.Calls = true, append(p.Calls, callChoice{open[i].ID, open[i].Name})
	}
	asked := 0
	for _, id := range p.Typed["call"] {
		if have[id] {
			continue
		}
		have[id] = true
		choice := callChoice{id, id}
		if asked++; schemas.IsSlug(id) && asked <= mostAsked {
			var one call.Call
			err := v.API.Get(v.Ctx(), "/calls/"+url.PathEscape(id), &one)
			if err == nil {
				choice.Words = v.Reader.T("provide.terms.callstate", "Name", one.Name, "State", page.Named(v.Reader, "called.", string(one.State)))
			} else if schemas.KindOf(err) != schemas.NotFound {
				return err
			}
		}
		p.Calls = append(p.Calls, choice)
	}
	return nil
}

// mostAsked is of how many calls that are not open the page asks for the title.
const mostAsked = 20

// beside adds to the choices of a block what terms name that is not among them: a box that is not there would be lost.
func beside[T ~string](have []T, typed []string) []T {
	for _, s := range typed {
		if !slices.Contains(have, T(s)) {
			have = append(have, T(s))
		}
	}
	return have
}

// tablePart is what is done with the columns of every table, or of one: open unless there is nothing to see.
type tablePart struct {
	blocks.Part
	Open bool
}

// domainLine is a line that says with whom a joint domain is shared; the last is to be filled in.
type domainLine struct {
	blocks.Domain
	I int
}

// Number is how the line is called.
func (d domainLine) Number() int { return d.I + 1 }

// columnGroup is columns to choose from: of one table, or ("") of every one that has them.
type columnGroup struct {
	Table   string
	Columns []columnChoice
}

// columnChoice is one of them, by its name in the form.
type columnChoice struct{ At, Name, Type string }

// compared is a line of the form that says which rows are shown.
type compared struct {
	blocks.Comparison
	I     int
	Other bool // it is about a column that is not among those of the data
}

// Number is how the line is called.
func (c compared) Number() int { return c.I + 1 }

// Comparisons are how a value of a row can be compared.
func (p *termsPage) Comparisons() []string { return blocks.Comparisons() }

// mostListed is how many columns a list to choose from has; more are typed.
const mostListed = 200

// compared lays out the lines that say which rows are shown, with one to fill in, or two.
func (p *termsPage) compared() {
	known, listed := map[string]bool{"": true}, 0
	groups, in := blocks.Groups(p.Dataset.Tables), map[string]int{}
	for _, g := range groups {
		for _, f := range g.Fields {
			in[f.Name]++
		}
	}
	for _, g := range groups {
		shown := columnGroup{Table: g.Table}
		for _, f := range g.Fields {
			if g.Table == "" && in[f.Name] < len(groups) { // a filter of every table needs the column in each
				continue
			}
			at := blocks.At(g.Table, f.Name)
			shown.Columns, known[at] = append(shown.Columns, columnChoice{at, f.Name, f.Type}), true
		}
		p.Groups, listed = append(p.Groups, shown), listed+len(shown.Columns)
	}
	p.Wide = listed > mostListed
	for i, c := range p.Typed.Rows() {
		p.Rows = append(p.Rows, compared{c, i, !known[c.At]})
	}
	if listed == 0 {
		return
	}
	if n := len(p.Rows); p.Typed.Get("do") == "more" {
		p.First = cmp.Or(p.First, fmt.Sprintf("row-column-%d", n))
		p.Rows = append(p.Rows, compared{I: n})
	}
	p.Rows = append(p.Rows, compared{I: len(p.Rows)})
}

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
	t, whole := blocks.Of(o, p.Dataset.Tables)
	if !whole {
		t, _ = blocks.Of(nil, p.Dataset.Tables)
	}
	if o == nil || !whole { // nothing is given away by a form that was only sent
		t.Set("attribute", p.Dataset.Attribution)
		t.Set("review", "yes")
	}
	if p.Dataset.Offer != nil { // whatever the form is filled with, who is barred stays so until somebody takes it out
		t.Set("barred", strings.Join(blocks.Barred(p.Dataset.Offer), "\n"))
	}
	if calls := t["call"]; len(calls) > 0 { // nobody else would be told yes
		t.Set("under", calls[0])
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
	_, whole := blocks.Of(p.Dataset.Offer, nil)
	p.Foreign = !whole
	p.Factories, err = client.All[schemas.Factory](v.Ctx(), v.API, "/factories?limit=100")
	return err
}

func (p *termsPage) at(what string) string {
	return "/datasets/" + url.PathEscape(string(p.Dataset.ID)) + what
}

// query says where the made-up askers would use the data, and under which call.
func (p *termsPage) query() string {
	place, under := p.Typed.Get("place"), p.Typed.Get("under")
	if i := slices.IndexFunc(p.Factories, func(f schemas.Factory) bool { return string(f.ID) == place }); i >= 0 {
		return client.Query("factory", place, "country", p.Factories[i].Country, "call", under)
	}
	switch place {
	case "outside":
		return client.Query("country", "US", "call", under)
	case "secure":
		return client.Query("country", "FR", "secure", "true", "call", under)
	}
	return client.Query("country", "FR", "call", under)
}

// try asks who could use the data under what was typed. Terms that have faults come to nothing, and the faults are kept.
func (p *termsPage) try(v *page.Visit) error {
	p.Typed.Set("place", cmp.Or(p.Typed.Get("place"), "europe"))
	made, err := blocks.Read(p.Typed)
	if err == nil {
		p.Tried = &tried{}
		err = v.API.Post(v.Ctx(), p.at("/offer/trial")+p.query(), made.Offer, p.Tried)
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

// wrong keeps what is wrong with what was typed, at the fields from which it comes.
func (p *termsPage) wrong(e *schemas.Error) {
	p.Problem, p.Faults, p.First = e, nil, ""
	made, _ := blocks.Read(p.Typed) // once: there may be a thousand faults; what cannot be made has its fields too
	for _, f := range e.Fields {
		field := made.Field(f.Pointer)
		p.Faults, p.First = append(p.Faults, owner.Fault{Field: field, Message: f.Message, Pointer: f.Pointer}), cmp.Or(p.First, field)
	}
}

func (p *termsPage) show(v *page.Visit, status int) error {
	err := p.calls(v)
	if err != nil {
		return err
	}
	p.Purposes, p.Never = beside(slices.Clone(p.Purposes), p.Typed["purpose"]), beside(p.Never, p.Typed["never"])
	p.Kinds = beside(p.Kinds, p.Typed["kind"])
	var known []string
	for _, f := range p.Factories {
		known = append(known, string(f.ID))
	}
	p.Gone = beside(known, p.Typed["factory"])[len(known):]
	p.More = blocks.More(p.Dataset.Tables, p.Typed.Treated())
	every := false
	for _, part := range p.Typed.Parts() {
		every = every || part.Table == ""
		p.Parts = append(p.Parts, tablePart{part, part.Said() || !every})
	}
	for _, d := range append(p.Typed.Domains(), blocks.Domain{}) {
		p.Domains = append(p.Domains, domainLine{d, len(p.Domains)})
	}
	p.compared()
	v.Show(status, "terms", v.Reader.T("provide.terms.title", "Dataset", owner.Name(v, &p.Dataset)), p)
	return nil
}

// postedTerms reads the form that was sent.
func postedTerms(v *page.Visit) (*termsPage, error) {
	p := &termsPage{Typed: blocks.Form(v.R.PostForm).Tidy()}
	err := p.gather(v)
	if err == nil {
		p.Revision = revision(typed(p.Typed), p.Dataset.Revision)
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
	if do := p.Typed.Get("do"); do == "look" || do == "more" || p.Problem != nil {
		status := http.StatusOK
		if p.Problem != nil {
			_, status = owner.Asked(p.Problem)
		}
		return p.show(v, status)
	}
	if p.Foreign && p.Typed.Get("replace") == "" {
		p.wrong(schemas.BadField("offer", "/replace", "%s", v.Reader.T("provide.terms.mustreplace")))
		p.Faults[0].Field, p.First = "replace", "replace"
		return p.show(v, http.StatusUnprocessableEntity)
	}
	made, err := blocks.Read(p.Typed)
	if err == nil {
		if have := p.Dataset.Offer; have != nil && !p.Foreign {
			made.Offer.Title = have.Title
		}
		err = v.API.Do(v.Ctx(), http.MethodPut, p.at("/offer"), made.Offer, nil, client.IfMatch(p.Revision))
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
