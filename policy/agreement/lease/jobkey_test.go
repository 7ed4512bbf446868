package lease

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

// job is who has the private half of a job key, and no person's token.
type job struct {
	*Leases
	key  ed25519.PrivateKey
	id   schemas.LeaseID
	from netip.Addr
}

// register makes a job key of the Lab's trainer and gives its job.
func register(t *testing.T, l *Leases, ask schemas.JobKeyAsk) (*job, schemas.Lease) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	agreementtest.Must(t, err)
	ask.PublicKey = public
	k, err := l.Register(t.Context(), agreementtest.Trainer(), ask)
	agreementtest.Must(t, err)
	return &job{l, private, k.ID, netip.MustParseAddr("192.0.2.1")}, k
}

// sign signs a body at a time.
func (j *job) sign(at time.Time, body []byte) string { return j.signFor(at, "/leases", body) }

// signFor signs for another path.
func (j *job) signFor(at time.Time, path string, body []byte) string {
	s := ed25519.Sign(j.key, schemas.SignedByJobKey(j.id, at.Unix(), path, body))
	return fmt.Sprintf("%s.%d.%s", j.id, at.Unix(), hex.EncodeToString(s))
}

// lease asks for a lease as a job does.
func (j *job) lease(t *testing.T, ask schemas.LeaseAsk) (schemas.LeaseAnswer, error) {
	t.Helper()
	body, err := json.Marshal(ask)
	agreementtest.Must(t, err)
	return j.MintSigned(t.Context(), j.sign(j.now(), body), body, j.from, ask)
}

// A job that waits for two days and runs for three has streams all the time, with nobody
// signed in: each of its leases is good for minutes, ends with the key at the latest, and
// stands in the record with the key that it was made with.
func TestAJobOutlivesItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
		id := d.Agree(t, "ds-0", func(a *schemas.Agreement) { a.Until = time.Now().Add(30 * 24 * time.Hour) }).ID
		j, k := register(t, d.Leases, schemas.JobKeyAsk{Items: items(id), Until: time.Now().Add(130 * time.Hour), Name: "night run"})
		began := time.Now()
		time.Sleep(48 * time.Hour)
		leases := 0
		for time.Since(began) < 120*time.Hour {
			l, err := j.lease(t, schemas.LeaseAsk{})
			agreementtest.Must(t, err)
			e, err := d.Leases.LookUp(t.Context(), l.Token, id)
			agreementtest.Must(t, err)
			if !e.Lease.Ends.Equal(k.Until) || time.Until(l.Until) > MaxLease || e.Lease.IsJobKey() || e.Lease.Items[0].Version != "v1" {
				t.Fatalf("the key makes %+v", e.Lease)
			}
			leases++
			time.Sleep(6 * time.Hour)
		}
		if leases != 12 {
			t.Errorf("it had %d leases", leases)
		}
		time.Sleep(9*time.Hour + 55*time.Minute)
		l, err := j.lease(t, schemas.LeaseAsk{})
		agreementtest.Must(t, err)
		if !l.Until.Equal(k.Until.UTC()) || !l.EndsAt.Equal(k.Until) {
			t.Errorf("a lease five minutes before the key's end lasts until %s, and says %s", l.Until, l.EndsAt)
		}
		time.Sleep(5 * time.Minute)
		_, err = j.lease(t, schemas.LeaseAsk{})
		agreementtest.Refused(t, "after its end", err, schemas.Unauthenticated, "the job key ended at "+k.Until.Format(time.RFC3339))
		if e := d.Entries(t, schemas.ChangeJobKey); len(e) != 1 || e[0].Subject != string(k.ID) || e[0].Values["public_key"] == "" ||
			e[0].Values["agreement"] != string(id) || e[0].Numbers["until"] != k.Until.Unix() {
			t.Errorf("the record says of the key %+v", e)
		}
		if e := d.Entries(t, schemas.ChangeLease); len(e) != leases+1 || e[0].Values["job_key"] != string(k.ID) {
			t.Errorf("the record says of its leases %+v", e)
		}
	})
}

// What a job key is not registered for, with the field that says so.
func TestWhatIsNoJobKey(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	id := d.agree(t, "ds-0")[0]
	good := make([]byte, ed25519.PublicKeySize)
	for _, c := range []struct {
		name string
		by   schemas.Principal
		ask  schemas.JobKeyAsk
		kind schemas.Kind
		text string
	}{
		{"nobody", schemas.Principal{}, schemas.JobKeyAsk{PublicKey: good, Items: items(id)}, schemas.Unauthenticated, "signed-in"},
		{"a short key", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good[:31], Items: items(id)}, schemas.Invalid,
			"[/public_key: an Ed25519 key has 32 bytes, this one has 31]"},
		{"no key", agreementtest.Trainer(), schemas.JobKeyAsk{Items: items(id)}, schemas.Invalid, "this one has 0"},
		{"two lines", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good, Items: items(id), Name: "a\nb"}, schemas.Invalid, "[/name:"},
		{"twice", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good, Items: items(id, id)}, schemas.Invalid, "[/items/1/agreement:"},
		{"a year", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good, Items: items(id), Until: time.Now().Add(365 * 24 * time.Hour)},
			schemas.Invalid, "[/until: a job key lasts at most 60 days]"},
		{"the past", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good, Items: items(id), Until: time.Now().Add(-time.Hour)},
			schemas.Invalid, "[/until: the end lies in the past]"},
		{"a run of nobody", agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: good, Items: items(id), Run: "run-x"}, schemas.Invalid, "[/run:"},
		{"a stranger", agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer), schemas.JobKeyAsk{PublicKey: good, Items: items(id)},
			schemas.NotFound, "there is no agreement"},
	} {
		_, err := d.Register(t.Context(), c.by, c.ask)
		agreementtest.Refused(t, c.name, err, c.kind, c.text)
	}
	if e := d.Entries(t, schemas.ChangeJobKey); len(e) != 0 {
		t.Errorf("the record has %+v", e)
	}
}

// A signature is good for the body that was signed, around the time that it names, and for
// nothing but a lease; each refusal says what does not hold.
func TestWhatASignatureOpens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := newRig(t, database, 0, 0)
		ctx := t.Context()
		ids := d.agree(t, "ds-0", "ds-1", "ds-2")
		j, k := register(t, d.Leases, schemas.JobKeyAsk{Items: items(ids[0], ids[1])})
		if days := time.Until(k.Until); days > time.Hour { // as long as the agreements
			t.Errorf("it lasts %s", days)
		}
		other, _ := register(t, d.Leases, schemas.JobKeyAsk{Items: items(ids[2])})
		body := []byte(`{}`)
		now := time.Now()
		token := j.sign(now, body)
		stolen := *j
		stolen.key = other.key
		lease, err := d.Mint(ctx, agreementtest.Trainer(), schemas.LeaseAsk{Items: items(ids[0])})
		agreementtest.Must(t, err)
		posing := *j
		posing.id = lease.Lease.ID
		for _, c := range []struct{ name, token, text string }{
			{"another body", j.sign(now, []byte(`{"world":2}`)), "the signature does not hold"},
			{"another call", j.signFor(now, "/copies", body), "the signature does not hold"},
			{"another key", stolen.sign(now, body), "the signature does not hold"},
			{"a lease's id", posing.sign(now, body), "the signature does not hold"},
			{"an unknown key", strings.Replace(token, string(k.ID), "jobkey-none", 1), "there is no job key jobkey-none"},
			{"another time", strings.Replace(token, fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()+1), 1), "the signature does not hold"},
			{"an old one", j.sign(now.Add(-6*time.Minute), body), "set the clock of the machine"},
			{"one of tomorrow", j.sign(now.Add(24*time.Hour), body), "set the clock of the machine"},
			{"two parts", string(k.ID) + ".12", "is written id.seconds.signature"},
			{"no hex", string(k.ID) + ".12.xyz", "is written id.seconds.signature"},
			{"no number", string(k.ID) + ".now.00", "is written id.seconds.signature"},
			{"too long", token + strings.Repeat("0", 300), "is written id.seconds.signature"},
			{"no text", "jobkey-\xff.12.00", "is written id.seconds.signature"},
		} {
			_, err := d.MintSigned(ctx, c.token, body, j.from, schemas.LeaseAsk{})
			agreementtest.Refused(t, c.name, err, schemas.Unauthenticated, c.text)
		}
		for _, at := range []time.Duration{0, -4 * time.Minute, 4 * time.Minute} {
			_, err := d.MintSigned(ctx, j.sign(now.Add(at), body), body, j.from, schemas.LeaseAsk{})
			agreementtest.Must(t, err)
		}
		for _, bearer := range []string{token, string(k.ID), d.token(k.ID)} { // no door opens with it
			_, err = d.Leases.LookUp(ctx, bearer, ids[0])
			agreementtest.Refused(t, "at a door", err, schemas.Unauthenticated, "the token is not a lease of this gateway")
			_, err = d.Attenuate(ctx, bearer, schemas.LeaseAsk{})
			agreementtest.Refused(t, "as a lease", err, schemas.Unauthenticated, "the token is not a lease of this gateway")
		}
		one := 1
		for _, c := range []struct {
			name string
			ask  schemas.LeaseAsk
			kind schemas.Kind // of the refusal; 0 is none
			text string
		}{
			{"all of it", schemas.LeaseAsk{}, 0, ""},
			{"one agreement of it", schemas.LeaseAsk{Items: items(ids[1])}, 0, ""},
			{"a rank", schemas.LeaseAsk{Rank: new(int), World: &one}, 0, ""},
			{"a run of the project", schemas.LeaseAsk{Run: "run-a"}, schemas.Denied, "a run at the factory"}, // the world's runs name none
			{"no run", schemas.LeaseAsk{Run: "run-x"}, schemas.Invalid, "/run"},
			{"another agreement", schemas.LeaseAsk{Items: items(ids[2])}, schemas.Denied, "the job key is not for agreement " + string(ids[2])},
			{"another version", schemas.LeaseAsk{Items: []schemas.LeaseItem{{Agreement: ids[0], Version: "v2"}}}, schemas.Denied, "another version"},
			{"a long life", schemas.LeaseAsk{Until: now.Add(time.Hour)}, schemas.Denied, "a longer life"},
			{"a life too long", schemas.LeaseAsk{Until: now.Add(20 * time.Minute)}, schemas.Invalid, "a lease lasts at most 15m0s"},
		} {
			_, err := j.lease(t, c.ask)
			if c.kind == 0 {
				agreementtest.Must(t, err)
				continue
			}
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
		}
		list, _, err := d.JobKeys(ctx, agreementtest.Trainer(), "", 10)
		agreementtest.Must(t, err)
		if len(list) != 2 || list[0].PublicKey == nil || list[1].PublicKey == nil {
			t.Errorf("job keys are %+v", list) // and none of the leases
		}
		list, _, err = d.JobKeys(ctx, agreementtest.Owner(), "", 10)
		if err != nil || len(list) != 0 {
			t.Errorf("others see %+v, %v", list, err)
		}
		_, err = d.JobKey(ctx, agreementtest.Owner(), k.ID)
		agreementtest.Refused(t, "others", err, schemas.NotFound, "there is no job key")
		_, err = d.JobKey(ctx, agreementtest.Trainer(), lease.Lease.ID)
		agreementtest.Refused(t, "a lease", err, schemas.NotFound, "there is no job key")
		same, err := d.JobKey(ctx, agreementtest.Trainer(), k.ID)
		if err != nil || same.ID != k.ID || same.Subject != "ada" {
			t.Errorf("the key is read as %+v, %v", same, err)
		}
	})
}

// With a job key end its leases: when it is revoked, its holder leaves, its organisation is
// stopped, its agreement ends; and outside of its factory's network none is made.
func TestJobKeysEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(t *testing.T, d *rig, k schemas.Lease)
		text string
		open bool // leases made before still open, as far as this look-up says
	}{
		"revoked": {func(t *testing.T, d *rig, k schemas.Lease) {
			_, err := d.Revoke(t.Context(), agreementtest.Owner(), k.ID, "leaked")
			agreementtest.Must(t, err)
		}, "the job key was revoked", false},
		"its holder leaves": {func(t *testing.T, d *rig, _ schemas.Lease) {
			d.Join(t, agreementtest.Person("bob", agreementtest.Lab, schemas.RoleTrainer))
		}, "you are no longer a trainer of your organisation", false},
		"its organisation is stopped": {func(t *testing.T, d *rig, _ schemas.Lease) {
			_, err := stop.New(d.Agreements, d.brake).Stop(t.Context(), agreementtest.Operator(), agreementtest.Lab, "breach")
			agreementtest.Must(t, err)
		}, "the agreement was revoked", true}, // which Authorize refuses
		"its agreement is revoked": {func(t *testing.T, d *rig, k schemas.Lease) {
			_, err := stop.New(d.Agreements, d.brake).Revoke(t.Context(), agreementtest.Owner(), k.Items[0].Agreement, "breach")
			agreementtest.Must(t, err)
		}, "the agreement was revoked", true},
		"elsewhere": {func(t *testing.T, d *rig, _ schemas.Lease) {
			f, err := d.Parties.Factory(t.Context(), "f")
			agreementtest.Must(t, err)
			f.Egress = []string{"198.51.100.0/24"}
			_, err = d.Parties.PutFactory(t.Context(), agreementtest.Operator(), f, f.Revision)
			agreementtest.Must(t, err)
		}, "from the network of f only", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
			id := d.agree(t, "ds-0")[0]
			j, k := register(t, d.Leases, schemas.JobKeyAsk{Items: items(id)})
			l, err := j.lease(t, schemas.LeaseAsk{})
			agreementtest.Must(t, err)
			c.end(t, d, k)
			_, err = j.lease(t, schemas.LeaseAsk{})
			agreementtest.Refused(t, name, err, schemas.Denied, c.text)
			_, err = d.Leases.LookUp(t.Context(), l.Token, id)
			if (err == nil) != c.open {
				t.Errorf("a lease that was made before: %v", err)
			}
			if name == "elsewhere" {
				j.from = netip.MustParseAddr("198.51.100.7")
				_, err = j.lease(t, schemas.LeaseAsk{})
				agreementtest.Must(t, err)
			}
		})
	}
}

// Whatever a job asks for, what it gets is no wider than its key, in columns, versions, tables,
// runs and time.
func TestJobKeysAreNarrowed(t *testing.T) {
	t.Parallel()
	d := newRig(t, dbtest.Open(t, dbtest.SQLite), 0, 0)
	ids := d.agree(t, "ds-0", "ds-1")
	rapid.Check(t, func(rt *rapid.T) {
		key := drawItem(rt, ids[:1])
		key.Table = strings.Replace(key.Table, "b", "", 1)
		public, private, err := ed25519.GenerateKey(nil)
		agreementtest.Must(t, err)
		k, err := d.Register(t.Context(), agreementtest.Trainer(), schemas.JobKeyAsk{PublicKey: public, Items: []schemas.LeaseItem{key}})
		agreementtest.Must(t, err)
		j := &job{d.Leases, private, k.ID, netip.MustParseAddr("192.0.2.1")}
		want := drawItem(rt, ids)
		l, err := j.lease(t, schemas.LeaseAsk{Items: []schemas.LeaseItem{want}, Rank: nil, World: nil})
		if err != nil {
			return
		}
		for _, agreement := range ids {
			ask := agreementtest.Ask(agreement)
			asked := drawItem(rt, ids)
			ask.Table, ask.Split, ask.Columns, ask.Version = asked.Table, asked.Split, asked.Columns, asked.Version
			g, err := policy.Authorize(t.Context(), d.Leases.LookUp, l.Token, ask, time.Now())
			if err != nil {
				continue
			}
			got := g.Asked()
			if agreement != key.Agreement || key.Table != "" && got.Table != key.Table || key.Split != "" && got.Split != key.Split ||
				got.Version != "v1" || len(key.Columns) > 0 && (len(got.Columns) == 0 || !within(got.Columns, key.Columns)) {
				rt.Errorf("a key for %+v opens %+v", key, got)
			}
		}
	})
}

func within(some, all []string) bool {
	for _, s := range some {
		if !strings.Contains("\x00"+strings.Join(all, "\x00")+"\x00", "\x00"+s+"\x00") {
			return false
		}
	}
	return true
}
