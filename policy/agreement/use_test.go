package agreement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/schemas"
)

// Seeing an agreement is not using it: a trainer of a partner whom the terms do not admit
// leases nothing and opens nothing, also when another role of the same person sees all.
func TestWhoSeesAnAgreementMayNotUseIt(t *testing.T) {
	t.Parallel()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := agreed(t, d, "ds-0")[0]
	other := schemas.ParticipantID("https://two.example")
	for _, also := range []schemas.Role{"", schemas.RoleOfficer, schemas.RoleOperator} {
		roles := []schemas.Role{schemas.RoleTrainer}
		if also != "" {
			roles = append(roles, also)
		}
		by := schemas.Principal{Issuer: "i", Subject: "eve", Participant: other, Roles: roles}
		have, err := d.agreements.Parties.Participant(ctx, other)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			t.Fatal(err)
		}
		_, err = d.agreements.Parties.PutParticipant(ctx, boss(), schemas.Participant{ID: other, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: roles, Members: []schemas.Member{{Issuer: "i", Subject: "eve", Roles: roles}}}, have.Revision)
		must(t, err)
		p, err := d.agreements.Parties.Project(ctx, "p")
		must(t, err)
		p.Partners = []schemas.ParticipantID{other}
		_, err = d.agreements.Parties.PutProject(ctx, boss(), p, p.Revision)
		must(t, err)
		want := schemas.Denied
		if also == "" {
			want = schemas.NotFound
		}
		_, err = d.leases.Mint(ctx, by, LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		if schemas.KindOf(err) != want {
			t.Errorf("%s: a lease of what others may use: %v", roles, err)
		}
		// A lease from before the rule, or from a hand behind the gateway.
		l, err := d.leases.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		must(t, err)
		l.Lease.ID, l.Lease.Participant, l.Lease.Subject = schemas.NewLeaseID(), other, "eve"
		sealed(t, d, &l.Lease)
		token := d.leases.token(l.Lease.ID)
		_, err = look(ctx, d, token, id)
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "may use") {
			t.Errorf("%s: it opens: %v", roles, err)
		}
		_, err = d.leases.Narrow(ctx, token, LeaseAsk{})
		if schemas.KindOf(err) != schemas.Denied {
			t.Errorf("%s: it is narrowed: %v", roles, err)
		}
	}
}

func sealed(t *testing.T, d *desk, l *schemas.Lease) {
	t.Helper()
	must(t, d.agreements.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return d.leases.seal(ctx, tx, trainer(), l) }))
}

// A provider ends a lease that is for its data alone, and learns nothing of the person who
// holds it; of a lease that is also for data of others it ends its agreement. The record
// of each item names the provider.
func TestAProviderEndsNoLeaseOfOthers(t *testing.T) {
	t.Parallel()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	all := d.catalogue.(shelf)
	ds := all["ds-1"]
	ds.Provider = "https://two.example"
	all["ds-1"] = ds
	ids := agreed(t, d, "ds-0", "ds-1")
	both, err := d.leases.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0]}, {Agreement: ids[1], Columns: []string{"x"}}}})
	must(t, err)
	l, err := d.leases.Revoke(ctx, owner(), both.Lease.ID, "not all mine")
	if schemas.KindOf(err) != schemas.Denied || l.Subject != "" || len(l.Items) > 0 {
		t.Errorf("a provider of one item ends the lease: %+v, %v", l, err)
	}
	_, err = look(ctx, d, both.Token, ids[1])
	must(t, err)
	one, err := d.leases.Mint(ctx, trainer(), LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0]}}})
	must(t, err)
	l, err = d.leases.Revoke(ctx, owner(), one.Lease.ID, "all mine")
	if err != nil || l.Subject != "" || l.Issuer != "" || l.Revoked.IsZero() {
		t.Errorf("the provider of all is answered %+v, %v", l, err)
	}
	for provider, want := range map[schemas.ParticipantID]int{holder: 3, "https://two.example": 1} {
		n := 0
		must(t, d.agreements.DB.QueryRow(ctx, `SELECT count(*) FROM change_value v JOIN change c ON c.position = v.position WHERE v.name = 'provider' AND v.value = ? AND c.kind LIKE 'lease%'`, string(provider)).Scan(&n))
		if n != want {
			t.Errorf("%d records of leases name the provider %s, want %d", n, provider, want)
		}
	}
}

// Who takes part in very many projects still reads its agreements and runs.
func TestManyProjectsBreakNoList(t *testing.T) {
	t.Parallel()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	ids := []schemas.AgreementID{agreed(t, d, "ds-0")[0], agreed(t, d, "ds-1")[0]}
	must(t, d.agreements.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range inOneLook + 1 {
			id := fmt.Sprintf("a-%d", i)
			err := db.Insert(ctx, tx, "project", id, schemas.Project{ID: schemas.ProjectID(id), Lead: holder, Partners: []schemas.ParticipantID{lab}}, db.Columns{"lead": string(holder)})
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeParty, Subject: "project/" + id})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	var got []schemas.AgreementID
	after := ""
	for {
		page, next, err := d.agreements.List(ctx, trainer(), "", after, 1)
		must(t, err)
		for _, a := range page {
			got = append(got, a.ID)
		}
		after = next
		if next == "" {
			break
		}
	}
	slices.Sort(ids)
	runs, _, err := d.runs.List(ctx, trainer(), "", "", 10)
	if err != nil || len(runs) != 2 || !slices.Equal(got, ids) {
		t.Errorf("%d runs, the agreements %v, want 2 and %v: %v", len(runs), got, ids, err)
	}
}

// A request tells how many of the partners whom a lead named may not use the data, and
// neither which nor why; partners are named once.
func TestPartnersAreNoOracle(t *testing.T) {
	t.Parallel()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	other := schemas.ParticipantID("https://two.example")
	_, err := d.agreements.Parties.PutParticipant(ctx, boss(), schemas.Participant{ID: other, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{schemas.RoleProvider}}, 0)
	must(t, err)
	p, err := d.agreements.Parties.Project(ctx, "p")
	must(t, err)
	for _, partners := range [][]schemas.ParticipantID{{lab}, {other, other}, slices.Repeat([]schemas.ParticipantID{other}, 65)} {
		p.Partners = partners
		_, err = d.agreements.Parties.PutProject(ctx, trainer(), p, p.Revision)
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/partners") {
			t.Errorf("%d partners: %v", len(partners), err)
		}
	}
	p.Partners = []schemas.ParticipantID{holder, other}
	_, err = d.agreements.Parties.PutProject(ctx, trainer(), p, p.Revision)
	must(t, err)
	_, err = d.stops.Stop(ctx, boss(), other, "broke the terms")
	must(t, err)
	r, err := d.requests.Submit(ctx, trainer(), schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: "ds-0"}}})
	must(t, err)
	told := fmt.Sprint(r.Items[0].Decision.Reasons)
	if strings.Contains(told, string(other)) || strings.Contains(told, "stopped") || !strings.Contains(told, "not admitted") {
		t.Errorf("the asker is told %s", told)
	}
	a, err := d.agreements.Get(ctx, owner(), r.Items[0].Agreement)
	must(t, err)
	a.Partners = []schemas.ParticipantID{holder, other}
	a.Provider = "https://x.example"
	if shown := policy.ShownAgreement(trainer(), a); len(shown.Partners) > 0 {
		t.Errorf("the asker reads that the terms admit %v", shown.Partners)
	}
}

// A run has at most so many outputs, as whoever reads it reads them all; the same one
// again is still no error.
func TestARunHasABoundOfOutputs(t *testing.T) {
	t.Parallel()
	d := newDeskOn(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	r := schemas.Run{ID: "run-full", Project: "p"}
	output := func(i int) schemas.Output {
		return schemas.Output{Name: fmt.Sprintf("o-%d", i), Digest: fmt.Sprintf("sha256:%064x", i)}
	}
	for i := range maxOutputs {
		r.Outputs = append(r.Outputs, output(i))
	}
	must(t, d.agreements.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return db.Insert(ctx, tx, "run", string(r.ID), r, db.Columns{"project": "p"})
	}))
	_, err := d.runs.AddOutput(t.Context(), trainer(), r.ID, output(0))
	must(t, err)
	_, err = d.runs.AddOutput(t.Context(), trainer(), r.ID, output(maxOutputs))
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Errorf("one output too many: %v", err)
	}
}
