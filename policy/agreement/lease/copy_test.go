package lease

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// staging permits it in an agreement.
func staging(a *schemas.Agreement) { a.Stage = true }

// mine is the Lab's trainer.
func mine() Caller {
	return Caller{By: agreementtest.Trainer(), From: netip.MustParseAddr("192.0.2.1")}
}

// by is a job that signs a body.
func (j *job) by(t *testing.T, body any) Caller {
	t.Helper()
	b, err := json.Marshal(body)
	agreementtest.Must(t, err)
	return Caller{Token: j.signFor(j.now(), "/copies", b), Path: "/copies", Body: b, From: j.from}
}

// A staged copy is filled by leases that say so, opened for an hour at a time with the one key that
// its files are for, and handed back what was read of it; all of it is in the record.
func TestAStagedCopy(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newRig(t, dbtest.Open(t, kind), 0, 0)
			ctx := t.Context()
			id := d.Agree(t, "ds-0", staging).ID
			c, err := d.Stage(ctx, mine(), schemas.CopyAsk{Agreement: id, Table: "a", Name: "/scratch/wheat"})
			agreementtest.Must(t, err)
			l, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Copy: c.Copy.ID})
			agreementtest.Must(t, err)
			e, err := d.Leases.LookUp(ctx, l.Token, id)
			agreementtest.Must(t, err)
			if e.Lease.CopyFilled() != c.Copy.ID || e.Lease.IsCopy() || e.Lease.Items[0].Table != "a" || e.Lease.Items[0].Version != "v1" {
				t.Errorf("it is filled with %+v", e.Lease)
			}
			if time.Until(l.Until) > MaxLease || !c.Copy.IsCopy() || !c.Copy.Until.Equal(l.EndsAt) {
				t.Errorf("a lease until %s of a copy until %s", l.Until, c.Copy.Until)
			}
			var keys []string
			for range 2 {
				open, err := d.Open(ctx, mine(), c.Copy.ID, schemas.OpenAsk{})
				agreementtest.Must(t, err)
				identity, err := age.ParseHybridIdentity(open.Identity)
				agreementtest.Must(t, err)
				if identity.Recipient().String() != c.Recipient || time.Until(open.Until) > time.Hour {
					t.Errorf("it opens until %s with another key than its own", open.Until)
				}
				keys = append(keys, open.Identity)
			}
			read := schemas.ReadOfCopy{At: time.Now(), By: "n1 4711", File: "a/train/0.arrow", Rows: 10, Bytes: 100}
			want := schemas.ReadsOfCopy{}.Then(read).Then(read)
			got, err := d.HandBack(ctx, mine(), c.Copy.ID, schemas.ReadsAsk{Reads: []schemas.ReadOfCopy{read, read}})
			agreementtest.Must(t, err)
			if got != want || got.Rows != 20 {
				t.Errorf("handed back %+v, want %+v", got, want)
			}
			listed, _, err := d.Copies(ctx, agreementtest.Owner(), "", 10)
			agreementtest.Must(t, err)
			if len(listed) != 1 || listed[0].Subject != "" || *listed[0].Reads != want {
				t.Errorf("its provider sees %+v", listed)
			}
			_, err = d.Copy(ctx, agreementtest.Owner(), c.Copy.ID)
			agreementtest.Must(t, err)
			for kind, n := range map[string]int{schemas.ChangeCopy: 1, schemas.ChangeCopyOpen: 2, schemas.ChangeCopyReads: 1} {
				if e := d.Entries(t, kind); len(e) != n || e[0].Subject != string(c.Copy.ID) || e[0].Values["provider"] == "" {
					t.Errorf("the record says of %s: %+v", kind, e)
				}
			}
			for _, row := range []string{"copy", "lease"} { // what is stored opens nothing by itself
				var n int
				column := map[string]string{"copy": "sealed", "lease": "doc"}[row]
				agreementtest.Must(t, d.DB.QueryRow(ctx, "SELECT count(*) FROM "+row+" WHERE "+column+" LIKE ?", "%"+keys[0][20:60]+"%").Scan(&n))
				if n != 0 || keys[0] != keys[1] {
					t.Errorf("the key stands in %s", row)
				}
			}
		})
	}
}

// What is not staged, filled or opened, and why.
func TestWhatIsNotStaged(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ctx := t.Context()
	id := d.Agree(t, "ds-0", staging).ID
	plain := d.Agree(t, "ds-0", nil).ID
	counted := d.Agree(t, "ds-0", func(a *schemas.Agreement) {
		a.Stage, a.Obligations = true, append(a.Obligations, schemas.Duty{Kind: schemas.DutyBudget, Rows: 5})
	}).ID
	there := d.Agree(t, "ds-0", func(a *schemas.Agreement) {
		a.Stage, a.Obligations = true, append(a.Obligations, schemas.Duty{Kind: schemas.DutyFactory, Enforced: true})
	}).ID
	eve := Caller{By: agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer)}
	d.Join(t, eve.By)
	for _, c := range []struct {
		name string
		by   Caller
		ask  schemas.CopyAsk
		kind schemas.Kind
		text string
	}{
		{"nobody", Caller{}, schemas.CopyAsk{Agreement: id}, schemas.Unauthenticated, "signed-in"},
		{"a lease", Caller{Token: "lease-x.y"}, schemas.CopyAsk{Agreement: id}, schemas.Unauthenticated, "signed-in"},
		{"a stranger", eve, schemas.CopyAsk{Agreement: id}, schemas.NotFound, "there is no agreement"},
		{"streams alone", mine(), schemas.CopyAsk{Agreement: plain}, schemas.Denied, "its terms permit no staging"},
		{"a budget", mine(), schemas.CopyAsk{Agreement: counted}, schemas.Denied, "counted only afterwards"},
		{"elsewhere", mine(), schemas.CopyAsk{Agreement: there}, schemas.Denied, "streams open only from the network of f"},
		{"no such table", mine(), schemas.CopyAsk{Agreement: id, Table: "c"}, schemas.Invalid, `has no table "c"`},
		{"another version", mine(), schemas.CopyAsk{Agreement: id, Version: "v9"}, schemas.Denied, `does not cover version "v9"`},
		{"two lines", mine(), schemas.CopyAsk{Agreement: id, Name: "a\nb"}, schemas.Invalid, "/name"},
	} {
		_, err := d.Stage(ctx, c.by, c.ask)
		agreementtest.Refused(t, c.name, err, c.kind, c.text)
	}
	if e := d.Entries(t, schemas.ChangeCopy); len(e) != 0 {
		t.Errorf("the record has %+v", e)
	}
	c, err := d.Stage(ctx, mine(), schemas.CopyAsk{Agreement: id, Columns: []string{"x"}})
	agreementtest.Must(t, err)
	lease, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(id)})
	agreementtest.Must(t, err)
	mint := func(by schemas.Principal, ask schemas.LeaseAsk) func() error {
		return func() error { _, err := d.Mint(ctx, by, ask); return err }
	}
	open := func(by Caller, id schemas.LeaseID, until time.Duration) func() error {
		return func() error { _, err := d.Open(ctx, by, id, schemas.OpenAsk{Until: time.Now().Add(until)}); return err }
	}
	read := schemas.ReadOfCopy{At: time.Now(), By: "n", File: "a/train/0.arrow", Rows: 1}
	back := func(by Caller, after schemas.ReadsOfCopy, reads ...schemas.ReadOfCopy) func() error {
		return func() error {
			_, err := d.HandBack(ctx, by, c.Copy.ID, schemas.ReadsAsk{After: after, Reads: reads})
			return err
		}
	}
	for _, c := range []struct {
		name string
		try  func() error
		kind schemas.Kind
		text string
	}{
		{"another's copy is filled", mint(eve.By, schemas.LeaseAsk{Copy: c.Copy.ID}), schemas.NotFound, "there is no staged copy"},
		{"no copy is filled", mint(agreementtest.Trainer(), schemas.LeaseAsk{Copy: "copy-x"}), schemas.NotFound, "there is no staged copy"},
		{"a lease is filled", mint(agreementtest.Trainer(), schemas.LeaseAsk{Copy: lease.Lease.ID}), schemas.NotFound, "there is no staged copy"},
		{"more columns", mint(agreementtest.Trainer(), schemas.LeaseAsk{Copy: c.Copy.ID, Items: []schemas.LeaseItem{{Agreement: id, Columns: []string{"y"}}}}),
			schemas.Denied, "column y"},
		{"another agreement", mint(agreementtest.Trainer(), schemas.LeaseAsk{Copy: c.Copy.ID, Items: items(plain)}), schemas.Denied, string(plain)},
		{"by a lease", func() error { _, err := d.Attenuate(ctx, lease.Token, schemas.LeaseAsk{Copy: c.Copy.ID}); return err }, schemas.Invalid, "/copy"},
		{"another's copy is opened", open(eve, c.Copy.ID, time.Hour), schemas.NotFound, "there is no staged copy"},
		{"a lease is opened", open(mine(), lease.Lease.ID, time.Hour), schemas.NotFound, "there is no staged copy"},
		{"for two days", open(mine(), c.Copy.ID, 48*time.Hour), schemas.Invalid, "at most 24 hours"},
		{"the past", open(mine(), c.Copy.ID, -time.Hour), schemas.Invalid, "lies in the past"},
		{"reads of another's copy", back(eve, schemas.ReadsOfCopy{}, read), schemas.NotFound, "there is no staged copy"},
		{"fewer rows than none", back(mine(), schemas.ReadsOfCopy{}, read, schemas.ReadOfCopy{At: time.Now(), Rows: -1}), schemas.Invalid, "/reads/1"},
		{"a read after all time", back(mine(), schemas.ReadsOfCopy{}, schemas.ReadOfCopy{At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}), schemas.Invalid, "/reads/0"},
		{"after what never was", back(mine(), schemas.ReadsOfCopy{}.Then(read), read), schemas.Conflict, "do not go on from the 0"},
	} {
		agreementtest.Refused(t, c.name, c.try(), c.kind, c.text)
	}
}

// Reads are handed back once, however often they are sent, and never fewer than before.
func TestReadsAreAChain(t *testing.T) {
	t.Parallel()
	var reads []schemas.ReadOfCopy
	chain := []schemas.ReadsOfCopy{{}}
	for i := range 6 {
		reads = append(reads, schemas.ReadOfCopy{At: time.Unix(1_800_000_000+int64(i), 5), By: "n", File: "a/b/0.arrow", Rows: int64(i), Bytes: 7})
		chain = append(chain, chain[i].Then(reads[i]))
	}
	for had := range chain {
		for after := range chain {
			for end := after; end < len(chain); end++ {
				got, err := extended("copy-x", chain[had], schemas.ReadsAsk{After: chain[after], Reads: reads[after:end]})
				good := after <= had && had <= end
				if good != (err == nil) || good && got != chain[end] {
					t.Fatalf("had %d, sent %d to %d: %+v, %v", had, after, end, got, err)
				}
			}
		}
	}
	other := reads[2]
	other.Rows = 0
	_, err := extended("copy-x", chain[3], schemas.ReadsAsk{After: chain[2], Reads: []schemas.ReadOfCopy{other, reads[3]}})
	agreementtest.Refused(t, "another read in its place", err, schemas.Conflict, "its log is not the one")
	forged := chain[2]
	forged.Rows = 0
	_, err = extended("copy-x", chain[3], schemas.ReadsAsk{After: forged, Reads: reads[2:]})
	agreementtest.Refused(t, "fewer rows before", err, schemas.Conflict, "its log is not the one")
	instant := reads[0]
	instant.At = instant.At.In(time.FixedZone("", 3600)).Add(time.Millisecond)
	if (schemas.ReadsOfCopy{}).Then(instant) != chain[1] {
		t.Error("the chain depends on the zone of a time, or on less than a second")
	}
}

// A staged copy dies with its agreement, with the revocation of itself, and with the key of the job
// that made it; what was read is still handed back.
func TestAStagedCopyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
		ctx := t.Context()
		id := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Stage, a.Until = true, time.Now().Add(100*time.Hour) }).ID
		j, k := register(t, d.Leases, schemas.JobKeyAsk{Items: items(id), Until: time.Now().Add(50 * time.Hour)})
		other, _ := register(t, d.Leases, schemas.JobKeyAsk{Items: items(d.Agree(t, "ds-1", staging).ID)})
		ask := schemas.CopyAsk{Agreement: id}
		c, err := d.Stage(ctx, j.by(t, ask), ask)
		agreementtest.Must(t, err)
		if !c.Copy.Until.Equal(k.Until) {
			t.Errorf("it ends %s, its job key %s", c.Copy.Until, k.Until)
		}
		fill := schemas.LeaseAsk{Copy: c.Copy.ID}
		l, err := j.lease(t, fill)
		agreementtest.Must(t, err)
		if len(l.Lease.Line) != 2 || l.Lease.CopyFilled() != c.Copy.ID {
			t.Errorf("its line is %v", l.Lease.Line)
		}
		_, err = other.lease(t, fill)
		agreementtest.Refused(t, "a key for other data", err, schemas.NotFound, "there is no staged copy")
		open := schemas.OpenAsk{Until: time.Now().Add(20 * time.Hour)}
		o, err := d.Open(ctx, j.by(t, open), c.Copy.ID, open)
		agreementtest.Must(t, err)
		if !o.Until.Equal(open.Until) || !o.EndsAt.Equal(k.Until) {
			t.Errorf("it is open until %s of %s", o.Until, o.EndsAt)
		}
		open = schemas.OpenAsk{Until: time.Now().Add(MaxOpen + time.Minute)} // by a clock that is ahead
		o, err = d.Open(ctx, j.by(t, open), c.Copy.ID, open)
		if err != nil || !o.Until.Equal(time.Now().Add(MaxOpen).UTC()) {
			t.Errorf("a day by a clock that is ahead: until %s, %v", o.Until, err)
		}
		own, err := d.Stage(ctx, mine(), ask)
		agreementtest.Must(t, err)
		open = schemas.OpenAsk{}
		_, err = d.Open(ctx, j.by(t, open), own.Copy.ID, open)
		agreementtest.Must(t, err) // a person staged it, a job opens it
		time.Sleep(51 * time.Hour)
		_, err = d.Open(ctx, mine(), c.Copy.ID, schemas.OpenAsk{})
		agreementtest.Refused(t, "after its end", err, schemas.Denied, "the staged copy ended on")
		_, err = d.Revoke(ctx, agreementtest.Owner(), own.Copy.ID, "a mistake")
		agreementtest.Must(t, err)
		_, err = d.Open(ctx, mine(), own.Copy.ID, schemas.OpenAsk{})
		agreementtest.Refused(t, "revoked", err, schemas.Denied, "the staged copy was revoked on", "a mistake")
		var n int
		agreementtest.Must(t, d.DB.QueryRow(ctx, "SELECT count(*) FROM copy WHERE id = ? AND sealed <> ''", string(own.Copy.ID)).Scan(&n))
		if n != 0 {
			t.Error("its key is kept")
		}
		listed, _, err := d.Copies(ctx, agreementtest.Owner(), "", 100)
		if err != nil || !slices.ContainsFunc(listed, func(l schemas.Lease) bool { return l.ID == own.Copy.ID && !l.Revoked.IsZero() }) {
			t.Errorf("the provider does not see the copy that ended: %v, %v", listed, err)
		}
		time.Sleep(200 * time.Hour) // long after, and after others staged
		later, err := d.Stage(ctx, mine(), schemas.CopyAsk{Agreement: d.Agree(t, "ds-2", func(a *schemas.Agreement) {
			a.Stage, a.Until = true, time.Now().Add(time.Hour)
		}).ID})
		agreementtest.Must(t, err)
		read := schemas.ReadOfCopy{At: time.Now(), By: "n", File: "a/train/0.arrow", Rows: 3}
		for _, id := range []schemas.LeaseID{own.Copy.ID, c.Copy.ID} {
			got, err := d.HandBack(ctx, mine(), id, schemas.ReadsAsk{Reads: []schemas.ReadOfCopy{read}})
			if err != nil || got.Rows != 3 {
				t.Errorf("what was read of an ended copy is not taken: %+v, %v", got, err)
			}
		}
		listed, _, err = d.Copies(ctx, agreementtest.Owner(), "", 10)
		if err != nil || len(listed) != 3 {
			t.Errorf("its provider sees %d of 3 copies, the last one %s, with %v", len(listed), later.Copy.ID, err)
		}
	})
}

// What is sealed by one site opens at no other, and not where it was edited.
func TestKeysOfCopiesAreSealed(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	c, err := d.Stage(t.Context(), mine(), schemas.CopyAsk{Agreement: d.Agree(t, "ds-0", staging).ID})
	agreementtest.Must(t, err)
	elsewhere := *d.Leases
	elsewhere.key = []byte(strings.Repeat("x", 32))
	_, err = elsewhere.Open(t.Context(), mine(), c.Copy.ID, schemas.OpenAsk{})
	agreementtest.Refused(t, "another key", err, schemas.Unavailable, "another key than the one that made it")
	other, err := d.Stage(t.Context(), mine(), schemas.CopyAsk{Agreement: d.Agree(t, "ds-1", staging).ID})
	agreementtest.Must(t, err)
	d.Exec(t, `UPDATE copy SET sealed = (SELECT sealed FROM copy WHERE id = '`+string(c.Copy.ID)+`')`)
	_, err = d.Open(t.Context(), mine(), other.Copy.ID, schemas.OpenAsk{})
	agreementtest.Refused(t, "that of another copy", err, schemas.Unavailable, "the database was edited")
	d.Exec(t, `UPDATE copy SET sealed = 'eA=='`)
	_, err = d.Open(t.Context(), mine(), c.Copy.ID, schemas.OpenAsk{})
	agreementtest.Refused(t, "edited", err, schemas.Unavailable, "the database was edited")
	d.Exec(t, `DELETE FROM copy`)
	_, err = d.Open(t.Context(), mine(), c.Copy.ID, schemas.OpenAsk{})
	agreementtest.Refused(t, "gone", err, schemas.Denied, "the key of the staged copy was destroyed")
}
