// Package courses is the pages that teach what is done here, each step with what this person has.
//
// In: requests of browsers, by way of gateway/web/page, and the API's answers to the person. Out: six short courses;
// each step leads to the page where it is done, with the project, dataset or agreement of the person's own, and says
// whether it was done. Always: nothing is kept of who took a course: what was done is read from what is there.
// It must not hold a rule of its own.
//
//	/help         all courses, those of the reader's roles marked; who helps
//	/help/COURSE  one, step by step, on what the reader has: most of all her playground
package courses

import (
	"embed"
	"net/http"

	copied "guichet/gateway/web/lines"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

//go:embed templates/*.html
var templates embed.FS

// Part is all of them.
func Part() page.Part {
	return page.Part{
		Templates: templates,
		Pages:     map[string]func(v *page.Visit) error{"/help": all, "/help/:id": one},
	}
}

// step is one of a course: the message help.COURSE.N.
type step struct {
	N    int
	To   string // the page where it is done; "" where there is nothing yet to do it with
	Told bool   // it shows whether it was done
	Done bool
}

// lesson teaches one thing.
type lesson struct {
	ID    string
	Steps []step
	Lines string   // the same on the command line, after signing in
	Kit   []string // the same in Python: what is copied at once; nil for none
	Mine  bool     // of a role that the reader has
	Needs string   // the message that says what is missing to take it; "" for nothing
	On    *ground
}

// Next is the number of the first step that is not done, of those that show it; 0 where all are.
func (c lesson) Next() int {
	for _, s := range c.Steps {
		if s.Told && !s.Done {
			return s.N
		}
	}
	return 0
}

// to is a step that shows nothing of whether it was done.
func to(address string) step { return step{To: address} }

// done is a step that shows it.
func done(is bool, address string) step { return step{To: address, Told: true, Done: is} }

// courses are all of them. Each has the steps that its words tell, help.COURSE.1 and so on, in both languages; the lines
// are for who works in a terminal. They stand in the order in which data flows, on what a person has.
func courses(v *page.Visit, on *ground) []lesson {
	issuer := ""
	if v.Me != nil {
		issuer = v.Me.Issuer
	}
	login := copied.Login(v.Address(), issuer)
	course := func(id string, needs, lines string, role schemas.Role, steps ...step) lesson {
		for i := range steps {
			steps[i].N = i + 1
		}
		l := lesson{ID: id, Needs: needs, Lines: login + "\n" + lines, Mine: v.Has(role), Steps: steps, On: on}
		if id == "stream" {
			l.Kit = copied.Kit(copied.Use{Server: v.Address(), Agreement: schemas.AgreementID(on.agreement())})
		}
		return l
	}
	return []lesson{
		course("find", "", "guichet search wheat --project "+on.project(), schemas.RoleTrainer,
			to(on.results()), to(on.results("purpose", "scientific-research")), to(on.results("access", "now")), to(on.dataset("/sample"))),
		course("ask", on.needsProject(), "guichet explain "+on.id()+" --purpose train-model\n"+
			"guichet request "+on.id()+" --project "+on.project(), schemas.RoleTrainer,
			to(on.dataset("/ask")), to(on.dataset("/ask")), done(on.Asked, on.dataset("/ask")), to(on.results("access", "no"))),
		course("stream", on.needsAgreement(), "guichet stream "+on.agreement()+" --rows 20 --out some.arrows\n"+
			"guichet mount "+on.agreement()+" data", schemas.RoleTrainer,
			done(on.Agreement != "", on.agreed()), to(on.agreed()), done(on.Streamed, on.agreed()), to(on.dataset("/sample"))),
		course("publish", on.needs(v, schemas.RoleProvider, "help.needs.provider"), "guichet register dataset.yaml\n"+
			"guichet offer "+on.own()+" --file offer.yaml\nguichet publish "+on.own()+" --from s3://bucket/prefix/", schemas.RoleProvider,
			done(on.Own.ID != "", "/provide/new"), done(on.Own.Offer != nil, on.provide("/terms")), to(on.provide("/terms")),
			done(on.Published, on.provide("/publish")), to("/provide")),
		course("verify", on.needs(v, "", "help.needs.signin"), "guichet audit verify --key log.pub", schemas.RoleOfficer,
			to("/record/verify"), to("/record"), to("/record/verify"), to("/record")),
		course("operate", on.needs(v, schemas.RoleOperator, "help.needs.operator"), "guichet participant add participant.yaml",
			schemas.RoleOperator, to("/operate"), to("/operate"), to("/operate")),
	}
}

// all lists the courses.
func all(v *page.Visit) error {
	v.Show(http.StatusOK, "help", v.Reader.T("help.title"), courses(v, &ground{}))
	return nil
}

// one shows a course on what the reader has.
func one(v *page.Visit) error {
	known := false
	for _, c := range courses(v, &ground{}) {
		known = known || c.ID == v.ID
	}
	if !known {
		return schemas.Errorf(schemas.NotFound, "course", "there is no course of that name")
	}
	on, err := stand(v, v.ID)
	if err != nil {
		return err
	}
	for _, c := range courses(v, on) {
		if c.ID == v.ID {
			v.Show(http.StatusOK, "course", v.Reader.T("help."+c.ID), c)
		}
	}
	return nil
}
