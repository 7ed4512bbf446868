package lease

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

func number(n int) *int { return &n }

func items(ids ...schemas.AgreementID) (out []schemas.LeaseItem) {
	for _, id := range ids {
		out = append(out, schemas.LeaseItem{Agreement: id})
	}
	return out
}

// at gives the same leases, seen at another time.
func (d *rig) at(now func() time.Time) *Leases {
	return New(Config{Agreements: agreement.New(d.DB, d.Parties, now), Catalogue: d.Shelf, Brake: d.brake, Key: d.key})
}

// A lease that would open nothing is not made, and the answer says which agreement, field
// or role it is for.
func TestWhatIsNotMinted(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	ids := d.agree(t, "ds-0", "ds-1")
	id := ids[0]
	hidden := d.Agree(t, "ds-0", func(a *schemas.Agreement) {
		a.Columns = []string{"x", "y"}
		a.Obligations = []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"y"}, Rule: "offer.hide", Source: "the terms"}}
	}).ID
	over := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Until = time.Now().Add(-time.Minute) }).ID
	others := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Project = "q" }).ID
	one := func(it schemas.LeaseItem) schemas.LeaseAsk { return schemas.LeaseAsk{Items: []schemas.LeaseItem{it}} }
	stranger := agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer)
	d.Join(t, stranger)
	agreementtest.Must(t, d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return db.Insert(ctx, tx, "run", "run-n", schemas.Run{ID: "run-n", Project: "p", ExternalID: "night"}, db.Columns{"project": "p"})
	}))
	for _, c := range []struct {
		name string
		by   schemas.Principal
		ask  schemas.LeaseAsk
		kind schemas.Kind
		text string
	}{
		{"nobody", schemas.Principal{}, schemas.LeaseAsk{}, schemas.Unauthenticated, "this needs a signed-in caller"},
		{"no organisation", schemas.Principal{Issuer: "i", Subject: "x"}, schemas.LeaseAsk{}, schemas.Denied, "your account belongs to no organisation yet"},
		{"no agreement", agreementtest.Trainer(), schemas.LeaseAsk{}, schemas.Invalid, "[/items: name at least one agreement]"},
		{"a rank alone", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Rank: number(0)}, schemas.Invalid,
			"[/world: a rank is one of a world"},
		{"a rank outside", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Rank: number(2), World: number(2)}, schemas.Invalid,
			"[/rank: a world of 2 has the ranks 0 to 1]"},
		{"an agreement that is not there", agreementtest.Trainer(), schemas.LeaseAsk{Items: items("agr-none")}, schemas.NotFound,
			"there is no agreement agr-none"},
		{"one of others", stranger, schemas.LeaseAsk{Items: items(id)}, schemas.NotFound, "there is no agreement " + string(id)},
		{"two projects", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id, others)}, schemas.Invalid,
			"[/items/1/agreement: the agreement is of project q; a lease is for one project]"},
		{"another project", agreementtest.Trainer(), schemas.LeaseAsk{Project: "z", Items: items(id)}, schemas.Invalid,
			"[/items/0/agreement: the agreement is of project p"},
		{"the provider", agreementtest.Owner(), schemas.LeaseAsk{Items: items(id)}, schemas.Denied,
			"your organisation is not one that may use the data"},
		{"no trainer", agreementtest.Person("ada", agreementtest.Lab, schemas.RoleProvider), schemas.LeaseAsk{Items: items(id)}, schemas.Denied,
			"only trainers of the project's partners lease its agreements"},
		{"one that ended", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(over)}, schemas.Denied, "agreement.ended"},
		{"a version outside", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: id, Version: "v2"}), schemas.Denied, "agreement.version"},
		{"a table that is not there", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: id, Table: "b"}), schemas.Invalid,
			`[/items/0/table: version v1 has no table "b"]`},
		{"a split that is not there", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: id, Table: "a", Split: "dev"}), schemas.Invalid,
			`[/items/0/split: version v1 has no split "dev" in table a]`},
		{"a column that is not there", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: id, Columns: []string{"x", "w"}}),
			schemas.Invalid,
			`[/items/0/columns/1: version v1 has no column "w"]`},
		{"a column outside", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: hidden, Columns: []string{"z"}}), schemas.Invalid,
			`[/items/0/columns/0: column "z" is outside the agreement; ask for it in a new request]`},
		{"a hidden column", agreementtest.Trainer(), one(schemas.LeaseItem{Agreement: hidden, Columns: []string{"y"}}), schemas.Invalid,
			`[/items/0/columns/0: column "y" is hidden by the agreement (offer.hide)]`},
		{"a run of nobody", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Run: "run-x"}, schemas.Invalid,
			`[/run: the project has no run "run-x"]`},
		{"a run by its name", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Run: "night"}, schemas.Invalid,
			`[/run: the project has no run "night": give the id of the one that goes by that name, run-n]`},
		{"a long life", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Until: time.Now().Add(time.Hour)}, schemas.Invalid,
			"[/until: a lease lasts at most 15m0s]"},
		{"no life", agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id), Until: time.Now().Add(-time.Second)}, schemas.Invalid,
			"[/until: the end lies in the past]"},
	} {
		out, err := d.Mint(ctx, c.by, c.ask)
		agreementtest.Refused(t, c.name, err, c.kind, c.text)
		if out.Token != "" && err != nil && c.kind != schemas.Denied {
			t.Errorf("%s: there is a token", c.name)
		}
	}
	if n := len(d.Entries(t, schemas.ChangeLease)); n != 0 {
		t.Errorf("the record has %d leases", n)
	}
}

// A lease says what it was asked for, of the newest version that its agreements cover and
// no longer than any of them, and stands in the record item by item.
func TestMint(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 0, 0)
		ctx := t.Context()
		ends := time.Now().Add(5 * time.Minute).UTC()
		old := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Versions = []schemas.VersionID{"v0", "v1"} }).ID
		follows := d.Agree(t, "ds-1", func(a *schemas.Agreement) { a.Follow, a.Until = true, ends }).ID
		ds := d.Shelf["ds-1"]
		ds.Latest = &schemas.VersionSummary{Version: "v7"}
		d.Shelf["ds-1"] = ds
		order := &schemas.Order{Seed: "7"}
		out, err := d.Mint(
			ctx, agreementtest.Trainer(),
			schemas.LeaseAsk{Items: items(old, follows), Run: "run-a", Rank: number(1), World: number(2), Order: order},
		)
		agreementtest.Must(t, err)
		l := out.Lease
		if l.Items[0].Version != "v1" || l.Items[1].Version != "v7" || l.Project != "p" || l.Run != "run-a" ||
			l.Participant != agreementtest.Lab ||
			l.Subject != "ada" {
			t.Errorf("it says %+v", l)
		}
		if !out.OnePart || !out.EndsAt.Equal(ends) || !out.Until.Equal(ends) || !strings.HasPrefix(out.Token, string(l.ID)+".") {
			t.Errorf("the answer is %+v, want the end %s", out, ends)
		}
		found, err := d.Find(ctx, out.Token)
		if err != nil || found.ID != l.ID || len(found.Items) != 2 {
			t.Errorf("found %+v, %v", found, err)
		}
		for i, e := range d.Entries(t, schemas.ChangeLease) {
			want := map[string]string{
				"lease":       string(l.ID),
				"agreement":   string(l.Items[i].Agreement),
				"project":     "p",
				"participant": string(agreementtest.Lab),
				"run":         "run-a",
				"provider":    string(agreementtest.Holder),
				"dataset":     fmt.Sprint("ds-", i),
				"by":          string(agreementtest.Lab),
				"subject":     "i#ada",
			}
			if fmt.Sprint(e.Values) != fmt.Sprint(want) || e.Numbers["until"] != l.Until.Unix() {
				t.Errorf("item %d stands as %v, want %v", i, e.Values, want)
			}
		}
		short, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(old), Rank: number(0), World: number(1)})
		if err != nil || short.OnePart || short.Until.After(time.Now().Add(MaxLease)) {
			t.Errorf("without an order it is %+v, %v", short, err)
		}
	})
}

// What is not minted here, or is over, opens nothing, and the answer says which it is.
func TestTokens(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.agree(t, "ds-0")[0]
	l, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
	agreementtest.Must(t, err)
	last := l.Token[len(l.Token)-1]
	for name, token := range map[string]string{
		"none": "", "an id alone": string(l.Lease.ID), "another MAC": l.Token[:len(l.Token)-1] + string('0'+(last-'0'+1)%10),
		"half a MAC": l.Token[:len(l.Token)-2],
		"no hex":     l.Token[:len(l.Token)-1] + "x", "another id": "lease-x" + l.Token[strings.Index(l.Token, "."):], "a JWT": "ey.ey.ey",
		"a long one": l.Token + strings.Repeat("0", 200),
	} {
		if d.Minted(token) {
			t.Errorf("%s is minted", name)
		}
		_, err := d.Find(ctx, token)
		agreementtest.Refused(t, name, err, schemas.Unauthenticated, "the token is not a lease of this gateway")
		_, err = d.Holder(ctx, token)
		agreementtest.Refused(t, name, err, schemas.Unauthenticated, "the token is not a lease of this gateway")
	}
	if !d.Minted(l.Token) || !IsLease(l.Token) || IsLease("ey.ey.ey") {
		t.Error("a lease does not look like one")
	}
	_, err = d.Find(ctx, d.token("lease-gone"))
	agreementtest.Refused(t, "forgotten", err, schemas.Unauthenticated, "the lease is not known any more")
	later := d.at(func() time.Time { return time.Now().Add(MaxLease + time.Second) })
	_, err = later.Find(ctx, l.Token)
	agreementtest.Refused(t, "over", err, schemas.Unauthenticated, "the lease expired at "+l.Until.Format(time.RFC3339))
	_, err = d.Leases.LookUp(ctx, l.Token, "agr-other")
	agreementtest.Refused(t, "another agreement", err, schemas.NotFound, "the lease names no agreement agr-other")
	other := New(Config{Agreements: d.Agreements, Catalogue: d.Shelf, Brake: d.brake, Key: []byte(strings.Repeat("o", 32))})
	if other.Minted(l.Token) {
		t.Error("another site's key has minted it")
	}
}

// An answer that was lost is given again: the same token, for as long as it opens anything.
func TestReissue(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.agree(t, "ds-0")[0]
	l, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
	agreementtest.Must(t, err)
	again, err := d.Reissue(ctx, l.Lease.ID)
	if err != nil || again != l.Token {
		t.Errorf("%q again for %q, %v", again, l.Token, err)
	}
	_, err = stop.New(d.Agreements, d.brake).Revoke(ctx, agreementtest.Owner(), id, "breach")
	agreementtest.Must(t, err)
	_, err = d.Reissue(ctx, l.Lease.ID)
	agreementtest.Refused(t, "an agreement that ended", err, schemas.Denied, "agreement.revoked")
	_, err = d.Reissue(ctx, "lease-none")
	agreementtest.Refused(t, "none", err, schemas.Unauthenticated, "the lease is not known any more")
}

// All leases of a line have one holder: the member for whom the first was made.
func TestHolder(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.agree(t, "ds-0")[0]
	parent, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
	agreementtest.Must(t, err)
	child, err := d.Attenuate(ctx, parent.Token, schemas.LeaseAsk{})
	agreementtest.Must(t, err)
	early := child.Lease // leases from before said nobody
	early.ID, early.Subject, early.Issuer = schemas.NewLeaseID(), "", ""
	sealed(t, d, &early)
	lone := early
	lone.ID, lone.Line = schemas.NewLeaseID(), nil
	sealed(t, d, &lone)
	for token, want := range map[string]string{
		parent.Token: "member\x00i\x00ada", child.Token: "member\x00i\x00ada", d.token(early.ID): "lease\x00" + string(parent.Lease.ID),
		d.token(lone.ID): "lease\x00" + string(lone.ID), d.token("lease-gone"): "lease\x00lease-gone",
	} {
		holder, err := d.Holder(ctx, token)
		if err != nil || holder != want {
			t.Errorf("the holder is %q, want %q: %v", holder, want, err)
		}
	}
}

// A child has what its parent has where nothing else is said, and whatever would be more is
// refused and named.
func TestAttenuate(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	ids := d.agree(t, "ds-0", "ds-1", "ds-2")
	order := &schemas.Order{Seed: "7"}
	parent, err := d.Mint(
		ctx,
		agreementtest.Trainer(),
		schemas.LeaseAsk{Run: "run-a", World: number(4), Rank: number(1), Order: order, Items: []schemas.LeaseItem{
			{Agreement: ids[0], Version: "v1", Table: "a", Split: "train", Columns: []string{"x", "y"}}, {Agreement: ids[1]}}},
	)
	agreementtest.Must(t, err)
	child, err := d.Attenuate(ctx, parent.Token, schemas.LeaseAsk{Items: items(ids[0])})
	agreementtest.Must(t, err)
	if l := child.Lease; fmt.Sprint(l.Items) != fmt.Sprint(parent.Lease.Items[:1]) || *l.Rank != 1 || *l.World != 4 ||
		*l.Order != *order || l.Run != "run-a" ||
		l.Parent != parent.Lease.ID ||
		!child.Until.Equal(parent.Until) ||
		!child.OnePart {
		t.Errorf("the child is %+v", l)
	}
	less, err := d.Attenuate(
		ctx, parent.Token,
		schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0], Columns: []string{"y"}}}, Until: time.Now().Add(time.Minute)},
	)
	if err != nil || len(less.Lease.Items[0].Columns) != 1 || !less.Until.Before(parent.Until) {
		t.Errorf("a column and a minute are %+v, %v", less, err)
	}
	item := func(it schemas.LeaseItem) schemas.LeaseAsk {
		it.Agreement = ids[0]
		return schemas.LeaseAsk{Items: []schemas.LeaseItem{it}}
	}
	for what, ask := range map[string]schemas.LeaseAsk{
		"another project":             {Project: "q"},
		"another run":                 {Run: "run-b"},
		"agreement " + string(ids[2]): {Items: items(ids[2])},
		"another version":             item(schemas.LeaseItem{Version: "v2"}),
		"another table":               item(schemas.LeaseItem{Table: "b"}),
		"another split":               item(schemas.LeaseItem{Split: "test"}),
		"column z":                    item(schemas.LeaseItem{Columns: []string{"x", "z"}}),
		"rank":                        {Rank: number(2)},
		"world":                       {World: number(2)},
		"another order":               {Order: &schemas.Order{Seed: "8"}},
		"a longer life":               {Until: parent.Until.Add(time.Second)},
	} {
		_, err := d.Attenuate(ctx, parent.Token, ask)
		agreementtest.Refused(t, what, err, schemas.Denied, "lease.wider", "a lease can be narrowed, never widened: "+what)
	}
	_, err = d.Attenuate(ctx, "lease-x.00", schemas.LeaseAsk{})
	agreementtest.Refused(t, "no parent", err, schemas.Unauthenticated, "the token is not a lease of this gateway")
	_, err = d.Attenuate(ctx, parent.Token, schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[1], Split: "dev"}}})
	agreementtest.Refused(t, "what is not there", err, schemas.Invalid, `[/items/0/split: version v1 has no split "dev"]`)
}

// Who may end a lease: who holds it, who leads its project, who provides all of it, an
// operator; and once is enough. It is gone for everybody at once, with what was made of it.
func TestWhoEndsALease(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 0, 0)
		ctx := t.Context()
		id := d.agree(t, "ds-0")[0]
		lead := agreementtest.Person("lea", "https://lead.example", schemas.RoleTrainer)
		d.Join(t, lead)
		d.Project(t, func(p *schemas.Project) {
			p.Lead, p.Partners = lead.Participant, []schemas.ParticipantID{agreementtest.Lab}
		})
		for _, c := range []struct {
			name  string
			by    schemas.Principal
			kind  schemas.Kind // of the refusal; 0 is none
			text  string
			shown bool // whose lease it was
		}{
			{"nobody", schemas.Principal{}, schemas.Unauthenticated, "this needs a signed-in caller", false},
			{"its trainer", agreementtest.Trainer(), 0, "", true},
			{"another trainer of the Lab", agreementtest.Person("bob", agreementtest.Lab, schemas.RoleTrainer), 0, "", true},
			{"the lead", lead, 0, "", false},
			{"the provider", agreementtest.Owner(), 0, "", false},
			{"an operator", agreementtest.Operator(), 0, "", true},
			{"an officer", agreementtest.Officer(), schemas.NotFound, "there is no lease ", false},
			{"a provider of the Lab", agreementtest.Person("ada", agreementtest.Lab, schemas.RoleProvider), schemas.NotFound,
				"there is no lease ", false},
			{"a stranger", agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer, schemas.RoleProvider), schemas.NotFound,
				"there is no lease ", false},
		} {
			parent, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
			agreementtest.Must(t, err)
			child, err := d.Attenuate(ctx, parent.Token, schemas.LeaseAsk{})
			agreementtest.Must(t, err)
			l, err := d.Revoke(ctx, c.by, parent.Lease.ID, "leaked")
			if c.text != "" {
				agreementtest.Refused(t, c.name, err, c.kind, c.text)
				_, err = d.Leases.LookUp(ctx, child.Token, id)
				agreementtest.Must(t, err)
				continue
			}
			agreementtest.Must(t, err)
			if (l.Subject != "") != c.shown || l.Revoked.IsZero() || l.Reason != "leaked" {
				t.Errorf("%s is answered %+v", c.name, l)
			}
			for _, token := range []string{parent.Token, child.Token} {
				_, err = d.Leases.LookUp(ctx, token, id)
				agreementtest.Refused(t, c.name, err, schemas.Denied, "lease.revoked", "leaked")
			}
			_, err = d.Revoke(ctx, c.by, parent.Lease.ID, "again")
			agreementtest.Refused(t, c.name, err, schemas.Conflict, "the lease was revoked already, on ")
			ended := d.Entries(t, schemas.ChangeLeaseRevoked)
			if e := ended[len(ended)-1]; e.Subject != string(parent.Lease.ID) || e.Values["reason"] != "leaked" ||
				e.Values["provider"] != string(agreementtest.Holder) {
				t.Errorf("%s: the record says %+v", c.name, e)
			}
		}
		_, err := d.Revoke(ctx, agreementtest.Trainer(), "lease-none", "leaked")
		agreementtest.Refused(t, "none", err, schemas.NotFound, "there is no lease lease-none")
		_, err = d.Revoke(ctx, agreementtest.Trainer(), "lease-none", "no")
		agreementtest.Refused(t, "no reason", err, schemas.Invalid, "[/reason: say why, in at least 3 characters]")
	})
}

// Leases that ended a day ago are forgotten when another one is made.
func TestOldLeasesAreForgotten(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Until = time.Now().Add(100 * time.Hour) }).ID
	l, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
	agreementtest.Must(t, err)
	for _, c := range []struct {
		after time.Duration
		text  string
	}{{forgetLeases, "the lease expired"}, {forgetLeases + time.Hour, "the lease is not known any more"}} {
		later := d.at(func() time.Time { return time.Now().Add(c.after) })
		_, err = later.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
		agreementtest.Must(t, err)
		_, err = later.Find(ctx, l.Token)
		agreementtest.Refused(t, c.after.String(), err, schemas.Unauthenticated, c.text)
	}
}
