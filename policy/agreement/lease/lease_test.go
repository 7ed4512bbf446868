package lease

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

// rig is a world with what mints its leases. Nobody asks for anything in it.
type rig struct {
	*agreementtest.World
	*Leases
	brake *stop.Brake
}

func newRig(t *testing.T, database *db.DB, rows, bytes int64) *rig {
	t.Helper()
	w := agreementtest.New(t, database, rows, bytes)
	brake := stop.NewBrake(database, nil)
	return &rig{w, New(Config{Agreements: w.Agreements, Catalogue: w.Shelf, Brake: brake, Key: []byte(strings.Repeat("k", 32))}), brake}
}

// agree gives the agreements on some datasets.
func (d *rig) agree(t *testing.T, datasets ...schemas.DatasetID) (out []schemas.AgreementID) {
	t.Helper()
	for _, id := range datasets {
		out = append(out, d.Agree(t, id, nil).ID)
	}
	return out
}

// draws of what a lease or a door may say.
func drawItem(t *rapid.T, ids []schemas.AgreementID) schemas.LeaseItem {
	return schemas.LeaseItem{
		Agreement: rapid.SampledFrom(ids).Draw(t, "agreement"),
		Version:   rapid.SampledFrom([]schemas.VersionID{"", "v1", "v1"}).Draw(t, "version"),
		Table:     rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "table"),
		Split:     rapid.SampledFrom([]string{"", "", "train", "test"}).Draw(t, "split"),
		Columns:   rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "columns"),
	}
}

func drawNumber(t *rapid.T, name string) *int {
	n := rapid.IntRange(-3, 2).Draw(t, name)
	if n < 0 {
		return nil
	}
	return &n
}

// drawWorld draws a world, more often one than a rank is drawn: ranks need it.
func drawWorld(t *rapid.T) *int {
	n := rapid.SampledFrom([]int{0, 1, 2, 3, 3}).Draw(t, "world")
	if n == 0 {
		return nil
	}
	return &n
}

// drawOrder draws one of a few orders, or none where there may be none.
func drawOrder(t *rapid.T, said bool) *schemas.Order {
	if !said && rapid.Bool().Draw(t, "no order") {
		return nil
	}
	return &schemas.Order{
		Seed: rapid.SampledFrom([]string{"", "7"}).Draw(t, "seed"), Start: rapid.SampledFrom([]string{"", "", "5@2"}).Draw(t, "start"),
	}
}

func drawWant(t *rapid.T, ids []schemas.AgreementID) policy.StreamRequest {
	it := drawItem(t, ids)
	return policy.StreamRequest{
		Door:      "http",
		Agreement: it.Agreement,
		Version:   it.Version,
		Table:     it.Table,
		Split:     it.Split,
		Columns:   it.Columns,
		Order:     *drawOrder(t, true),
		World:     rapid.IntRange(0, 3).Draw(t, "asked world"),
		Rank:      rapid.IntRange(0, 2).Draw(t, "asked rank"),
		Address:   netip.MustParseAddr("192.0.2.1"),
	}
}

// Whatever a narrowed lease opens, its parent opens too, and it dies no later: over
// chains of narrowing and any ask at a door.
func TestNarrowingNeverWidens(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ids := d.agree(t, "ds-0", "ds-1", "ds-2")
	opened := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		ask := schemas.LeaseAsk{Rank: drawNumber(t, "rank"), World: drawWorld(t), Order: drawOrder(t, false)}
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, 3, rapid.ID).Draw(t, "agreements") {
			it := drawItem(t, ids)
			it.Agreement = id
			ask.Items = append(ask.Items, it)
		}
		parent, err := d.Mint(ctx, agreementtest.Trainer(), ask)
		if err != nil {
			t.Skipf("not minted: %v", err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "depth") {
			n := schemas.LeaseAsk{
				Rank: drawNumber(t, "rank"), World: drawWorld(t), Order: drawOrder(t, false),
				Until: time.Now().Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute),
			}
			if rapid.Bool().Draw(t, "no end said") {
				n.Until = time.Time{}
			}
			for range rapid.IntRange(0, 2).Draw(t, "items") {
				n.Items = append(n.Items, drawItem(t, ids))
			}
			child, err := d.Attenuate(ctx, parent.Token, n)
			if err != nil {
				if k := schemas.KindOf(err); k != schemas.Denied && k != schemas.Invalid {
					t.Fatalf("narrowing: %v", err)
				}
				continue
			}
			if child.Until.After(parent.Until) || child.Lease.Participant != parent.Lease.Participant || child.Lease.Run != parent.Lease.Run {
				t.Fatalf("the child %+v is more than %+v", child.Lease, parent.Lease)
			}
			for range 20 {
				w := drawWant(t, ids)
				got, err := policy.Authorize(ctx, d.Leases.LookUp, child.Token, w, time.Now())
				if err != nil {
					continue
				}
				opened++
				if child.OnePart != (child.Lease.Rank != nil && child.Lease.World != nil && child.Lease.Order != nil) ||
					child.OnePart && (*child.Lease.Rank != w.Rank || *child.Lease.World != w.World || *child.Lease.Order != w.Order) {
					t.Fatalf("a lease on one part, %+v, opens %+v", child.Lease, w)
				}
				// What it was granted, said in full, its parent grants as well.
				full := got.Asked()
				_, err = policy.Authorize(ctx, d.Leases.LookUp, parent.Token, full, time.Now())
				if err != nil {
					t.Fatalf("the child opens %+v and its parent does not: %v\nchild %+v\nparent %+v", full, err, child.Lease, parent.Lease)
				}
			}
			parent = child
		}
	})
	t.Logf("children opened %d streams", opened)
	if opened < 5 && !testing.Short() {
		t.Error("hardly any narrowed lease opened anything: the test tries too little")
	}
}

func look(ctx context.Context, d *rig, token string, id schemas.AgreementID) (policy.Grant, error) {
	return policy.Authorize(
		ctx, d.Leases.LookUp, token,
		policy.StreamRequest{Door: "http", Agreement: id, Table: "a", Split: "all", World: 1, Address: netip.MustParseAddr("192.0.2.1")},
		time.Now(),
	)
}

// An agreement stands in a lease once, in a new one and in a narrowed one, and a line of
// narrowed leases has an end.
func TestLeasesAreBounded(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ids := d.agree(t, "ds-0", "ds-1")
	items := []schemas.LeaseItem{{Agreement: ids[0]}, {Agreement: ids[1]}, {Agreement: ids[0]}}
	_, err := d.Mint(t.Context(), agreementtest.Trainer(), schemas.LeaseAsk{Items: items})
	l, good := d.Mint(t.Context(), agreementtest.Trainer(), schemas.LeaseAsk{Items: items[:2]})
	agreementtest.Must(t, good)
	_, narrowed := d.Attenuate(t.Context(), l.Token, schemas.LeaseAsk{Items: items})
	for _, err := range []error{err, narrowed} {
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "/items/2/agreement") {
			t.Errorf("one agreement twice in a lease: %v", err)
		}
	}
	var line []schemas.LeaseID
	for range maxAttenuations {
		line = append(line, l.Lease.ID)
		l, err = d.Attenuate(t.Context(), l.Token, schemas.LeaseAsk{})
		agreementtest.Must(t, err)
		if !slices.Equal(l.Lease.Line, line) || l.Lease.Subject != "ada" || l.Lease.Issuer != "i" {
			t.Fatalf("a child says %+v", l.Lease)
		}
	}
	_, err = d.Attenuate(t.Context(), l.Token, schemas.LeaseAsk{})
	if schemas.KindOf(err) != schemas.Denied {
		t.Errorf("one narrowing too many: %v", err)
	}
}

// Seeing an agreement is not using it: a trainer of a partner whom the terms do not admit
// leases nothing and opens nothing, also when another role of the same person sees all.
func TestWhoSeesAnAgreementMayNotUseIt(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.agree(t, "ds-0")[0]
	other := schemas.ParticipantID("https://two.example")
	for _, also := range []schemas.Role{"", schemas.RoleOfficer, schemas.RoleOperator} {
		roles := []schemas.Role{schemas.RoleTrainer}
		if also != "" {
			roles = append(roles, also)
		}
		by := schemas.Principal{Issuer: "i", Subject: "eve", Participant: other, Roles: roles}
		have, err := d.Parties.Participant(ctx, other)
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			t.Fatal(err)
		}
		_, err = d.Parties.PutParticipant(
			ctx,
			agreementtest.Operator(),
			schemas.Participant{
				ID: other, Name: "T", Country: "FR", Kind: schemas.KindResearch, Roles: roles,
				Members: []schemas.Member{{Issuer: "i", Subject: "eve", Roles: roles}},
			},
			have.Revision,
		)
		agreementtest.Must(t, err)
		p, err := d.Parties.Project(ctx, "p")
		agreementtest.Must(t, err)
		p.Partners = []schemas.ParticipantID{other}
		_, err = d.Parties.PutProject(ctx, agreementtest.Operator(), p, p.Revision)
		agreementtest.Must(t, err)
		want := schemas.Denied
		if also == "" {
			want = schemas.NotFound
		}
		_, err = d.Mint(ctx, by, schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		if schemas.KindOf(err) != want {
			t.Errorf("%s: a lease of what others may use: %v", roles, err)
		}
		// A lease from before the rule, or from a hand behind the gateway.
		l, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: id}}})
		agreementtest.Must(t, err)
		l.Lease.ID, l.Lease.Participant, l.Lease.Subject = schemas.NewLeaseID(), other, "eve"
		sealed(t, d, &l.Lease)
		token := d.token(l.Lease.ID)
		_, err = look(ctx, d, token, id)
		if schemas.KindOf(err) != schemas.Denied || !strings.Contains(err.Error(), "may use") {
			t.Errorf("%s: it opens: %v", roles, err)
		}
		_, err = d.Attenuate(ctx, token, schemas.LeaseAsk{})
		if schemas.KindOf(err) != schemas.Denied {
			t.Errorf("%s: it is narrowed: %v", roles, err)
		}
	}
}

func sealed(t *testing.T, d *rig, l *schemas.Lease) {
	t.Helper()
	agreementtest.Must(
		t, d.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return d.issue(ctx, tx, agreementtest.Trainer(), schemas.ChangeLease, l)
		}),
	)
}

// A provider ends a lease that is for its data alone, and learns nothing of the person who
// holds it; of a lease that is also for data of others it ends its agreement. The record
// of each item names the provider.
func TestAProviderEndsNoLeaseOfOthers(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	all := d.Shelf
	ds := all["ds-1"]
	ds.Provider = "https://two.example"
	all["ds-1"] = ds
	ids := d.agree(t, "ds-0", "ds-1")
	both, err := d.Mint(
		ctx, agreementtest.Trainer(),
		schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0]}, {Agreement: ids[1], Columns: []string{"x"}}}},
	)
	agreementtest.Must(t, err)
	l, err := d.Revoke(ctx, agreementtest.Owner(), both.Lease.ID, "not all mine")
	if schemas.KindOf(err) != schemas.Denied || l.Subject != "" || len(l.Items) > 0 {
		t.Errorf("a provider of one item ends the lease: %+v, %v", l, err)
	}
	_, err = look(ctx, d, both.Token, ids[1])
	agreementtest.Must(t, err)
	one, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0]}}})
	agreementtest.Must(t, err)
	l, err = d.Revoke(ctx, agreementtest.Owner(), one.Lease.ID, "all mine")
	if err != nil || l.Subject != "" || l.Issuer != "" || l.Revoked.IsZero() {
		t.Errorf("the provider of all is answered %+v, %v", l, err)
	}
	for provider, want := range map[schemas.ParticipantID]int{agreementtest.Holder: 3, "https://two.example": 1} {
		n := 0
		agreementtest.Must(
			t,
			d.DB.QueryRow(ctx, `SELECT count(*) FROM change_value v JOIN change c ON c.position = v.position
				WHERE v.name = 'provider' AND v.value = ? AND c.kind LIKE 'lease%'`, string(provider)).
				Scan(&n),
		)
		if n != want {
			t.Errorf("%d records of leases name the provider %s, want %d", n, provider, want)
		}
	}
}
