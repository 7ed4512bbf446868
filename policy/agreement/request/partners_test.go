package request

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/policy/agreement/terms"
	"guichet/schemas"
)

// rig is a world with what judges its requests.
type rig struct {
	*agreementtest.World
	*Requests
}

// maxPending is how many requests of a project wait in a rig.
const maxPending = 2

func newRig(t *testing.T, database *db.DB, rows, bytes int64) *rig {
	t.Helper()
	w := agreementtest.New(t, database, rows, bytes)
	engine, err := policy.New(t.Context())
	agreementtest.Must(t, err)
	return &rig{
		w,
		New(Config{Agreements: w.Agreements, Engine: engine, Catalogue: w.Shelf, Terms: terms.New(w.Shelf, nil), MaxPending: maxPending}),
	}
}

// A request tells how many of the partners whom a lead named may not use the data, and
// neither which nor why; partners are named once.
func TestPartnersAreNoOracle(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	other := schemas.ParticipantID("https://two.example")
	_, err := d.Parties.PutParticipant(
		ctx, agreementtest.Operator(),
		schemas.Participant{ID: other, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{schemas.RoleProvider}},
		0,
	)
	agreementtest.Must(t, err)
	p, err := d.Parties.Project(ctx, "p")
	agreementtest.Must(t, err)
	for _, partners := range [][]schemas.ParticipantID{
		{agreementtest.Lab}, {other, other}, slices.Repeat([]schemas.ParticipantID{other}, 65),
	} {
		p.Partners = partners
		_, err = d.Parties.PutProject(ctx, agreementtest.Trainer(), p, p.Revision)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/partners") {
			t.Errorf("%d partners: %v", len(partners), err)
		}
	}
	p.Partners = []schemas.ParticipantID{agreementtest.Holder, other}
	_, err = d.Parties.PutProject(ctx, agreementtest.Trainer(), p, p.Revision)
	agreementtest.Must(t, err)
	_, err = stop.New(d.Agreements, stop.NewBrake(d.DB, nil)).Stop(ctx, agreementtest.Operator(), other, "broke the terms")
	agreementtest.Must(t, err)
	r, err := d.Submit(ctx, agreementtest.Trainer(), schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
	agreementtest.Must(t, err)
	told := fmt.Sprint(r.Items[0].Decision.Reasons)
	if strings.Contains(told, string(other)) || strings.Contains(told, "stopped") || !strings.Contains(told, "not admitted") {
		t.Errorf("the asker is told %s", told)
	}
	a, err := d.Agreements.Get(ctx, agreementtest.Owner(), r.Items[0].Agreement)
	agreementtest.Must(t, err)
	a.Partners = []schemas.ParticipantID{agreementtest.Holder, other}
	a.Provider = "https://x.example"
	if shown := policy.ShownAgreement(agreementtest.Trainer(), a); len(shown.Partners) > 0 {
		t.Errorf("the asker reads that the terms admit %v", shown.Partners)
	}
}

// The partners of a project use what one of them asked for, each if the terms admit it
// too: of a kind that the offer is for, or one that it names.
func TestWhichPartnersAreAdmitted(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	ids := []schemas.ParticipantID{"https://one.example", "https://two.example", "https://three.example"}
	for i, kind := range []schemas.ParticipantKind{schemas.KindResearch, schemas.KindStartUp, schemas.KindResearch} {
		d.Organisation(t, ids[i], func(p *schemas.Participant) { p.Kind = kind })
	}
	d.Project(t, func(p *schemas.Project) { p.Partners = ids })
	open := d.Shelf["ds-0"]
	only := func(left string, right ...string) func(*schemas.Dataset) {
		return func(ds *schemas.Dataset) {
			o := *ds.Offer
			o.Rules = slices.Clone(o.Rules)
			o.Rules[0].Constraint = &schemas.Constraint{Left: left, Operator: "isAnyOf", Right: right}
			ds.Offer = &o
		}
	}
	for _, c := range []struct {
		name   string
		change func(*schemas.Dataset)
		want   []schemas.ParticipantID
		text   string
	}{
		{"open terms", func(*schemas.Dataset) {}, ids, ""},
		{"terms for some kinds", only("recipientKind", string(schemas.KindResearch)), []schemas.ParticipantID{ids[0], ids[2]},
			"1 partner of the project is not admitted"},
		{"terms for some that are named", only("recipient", string(agreementtest.Lab), string(ids[1])), []schemas.ParticipantID{ids[1]},
			"2 partners of the project are not admitted"},
	} {
		ds := open
		c.change(&ds)
		d.Shelf["ds-0"] = ds
		r, err := d.Submit(ctx, agreementtest.Trainer(), ask("ds-0"))
		agreementtest.Must(t, err)
		a, err := d.Agreements.Read(ctx, d.DB, r.Items[0].Agreement)
		if err != nil || !slices.Equal(a.Partners, c.want) {
			t.Errorf("%s: admitted are %v, want %v: %v", c.name, a.Partners, c.want, err)
		}
		told := ""
		for _, reason := range r.Items[0].Decision.Reasons {
			if reason.Rule == "request.partners" {
				told = reason.Text
			}
		}
		if told != c.text {
			t.Errorf("%s: the asker is told %q, want %q", c.name, told, c.text)
		}
	}
}
