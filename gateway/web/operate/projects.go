package operate

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// projects are undertakings of organisations.
func projects() *kind[schemas.Project] {
	return &kind[schemas.Project]{
		name: "projects", named: []string{"lead", "partners"},
		columns: []string{"operate.lead", "ask.factory", "ask.purpose", "operate.call", "agreement.until"},
		revised: func(p *schemas.Project) int64 { return p.Revision },
		row: func(v *page.Visit, p *schemas.Project) row {
			var for_ []string
			for _, x := range p.Purposes {
				for_ = append(for_, v.Reader.Purpose(x))
			}
			until := ""
			if !p.Until.IsZero() {
				until = v.Reader.Last(p.Until)
			}
			return row{ID: string(p.ID), Name: p.Title, Cells: []string{string(p.Lead), string(p.Factory), v.Reader.List(for_), p.Call, until}}
		},
		fields: projectFields,
		read:   readProject,
		more: func(v *page.Visit, p *schemas.Project) []form {
			f := newForm(v, "end", "/operate/projects/end", "operate.end", "operate.end", about(string(p.ID), p.Revision)...)
			f.Stop = true
			return []form{f}
		},
		change: map[string]func(url.Values, *schemas.Project, *page.Visit){
			"end": func(_ url.Values, p *schemas.Project, _ *page.Visit) {
				p.Until = time.Now().UTC().Truncate(time.Second)
			},
		},
	}
}

// projectFields are the fields of a project's form. A purpose may be stored by its IRI or its id: the box of the id
// is ticked for both.
func projectFields(v *page.Visit, p *schemas.Project) ([]field, error) {
	places, err := factories().all(v)
	if err != nil {
		return nil, err
	}
	var at []option
	for i := range places {
		at = append(at, option{string(places[i].ID), places[i].Name, places[i].ID == p.Factory})
	}
	spaces, err := client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err != nil {
		return nil, err
	}
	var in []option
	for i := range spaces {
		in = append(in, option{string(spaces[i].ID), page.Named(v.Reader, "space.", string(spaces[i].ID)), spaces[i].ID == p.Domain})
	}
	list, err := schemas.Purposes()
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, x := range list {
		for _, have := range p.Purposes {
			if have == x.ID || have == x.IRI {
				taken = append(taken, x.ID)
			}
		}
	}
	var money schemas.Funding
	if p.Funding != nil {
		money = *p.Funding
	}
	return []field{
		{Name: "id", Kind: line, Value: string(p.ID), Required: true}, {Name: "title", Kind: line, Value: p.Title, Required: true},
		{Name: "description", Kind: area, Value: p.Description}, {Name: "lead", Kind: organisation, Value: string(p.Lead), Required: true},
		{Name: "partners", Kind: area, Value: strings.Join(texts(p.Partners), "\n")}, {Name: "factory", Kind: pick, Options: at},
		{Name: "purposes", Kind: boxes, Options: choices(v.Reader.Purposes(), v.Reader.Purpose, taken...)},
		{Name: "domain", Kind: pick, Options: none("", in)},
		{Name: "from", Kind: day, Value: shownDay(p.From, false)}, {Name: "until", Kind: day, Value: shownDay(p.Until, true)},
		{Name: "funding/programme", Kind: line, Value: money.Programme}, {Name: "funding/call", Kind: line, Value: money.Call},
		{Name: "funding/grant", Kind: line, Value: money.Grant},
	}, nil
}

// boxedPurposes are the ids and IRIs of the purposes that have a box in forms: those that no law excludes.
func boxedPurposes() (map[string]bool, error) {
	all, err := schemas.Purposes()
	boxed := map[string]bool{}
	for _, p := range all {
		if p.Excluded == "" {
			boxed[p.ID], boxed[p.IRI] = true, true
		}
	}
	return boxed, err
}

// readProject reads what was typed of a project. A day that was not touched stays the moment that it was: a project
// that runs until noon goes on doing so. Errors: Invalid for what is no day.
func readProject(sent url.Values, p *schemas.Project) error {
	p.ID, p.Title, p.Description = schemas.ProjectID(strings.TrimSpace(sent.Get("id"))), sent.Get("title"), sent.Get("description")
	p.Lead, p.Partners = schemas.ParticipantID(strings.TrimSpace(sent.Get("lead"))), as[schemas.ParticipantID](lines(sent.Get("partners")))
	p.Factory, p.Domain = schemas.FactoryID(sent.Get("factory")), schemas.SpaceID(sent.Get("domain"))
	boxed, err := boxedPurposes()
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(p.Purposes), func(have string) bool { return boxed[have] }) // no box shows them
	p.Purposes = append(append([]string{}, sent["purposes"]...), kept...)
	money := schemas.Funding{}
	if p.Funding != nil {
		money = *p.Funding
	}
	money.Programme, money.Call, money.Grant = sent.Get("funding/programme"), sent.Get("funding/call"), sent.Get("funding/grant")
	p.Funding = nil
	if money != (schemas.Funding{}) {
		p.Funding = &money
	}
	for name, was := range map[string]struct {
		at   *time.Time
		last bool
	}{"from": {&p.From, false}, "until": {&p.Until, true}} {
		if sent.Get(name) == shownDay(*was.at, was.last) { // which may be a moment within the day
			continue
		}
		var late error
		*was.at, late = dayOf(sent, name, was.last)
		if late != nil {
			err = late
		}
	}
	return err
}
