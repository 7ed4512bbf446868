package notice_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/notice"
	"guichet/policy/party"
	"guichet/schemas"
)

const holder = schemas.ParticipantID("https://agronomy.example")

// desk is a database with an organisation that is told by both ways, and what was sent.
type desk struct {
	t       *testing.T
	db      *db.DB
	parties *party.Registry
	now     time.Time
	mu      sync.Mutex
	sent    []string
	fail    error
}

func open(t *testing.T, kind string) *desk {
	d := &desk{t: t, db: dbtest.OpenURL(t, dbtest.URL(t, kind)), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	dbtest.Run(t, d.db)
	var err error
	d.parties, err = party.New(d.db)
	if err != nil {
		t.Fatal(err)
	}
	d.tells(&schemas.Notify{URL: "https://hooks.example/in", Mail: "data@agronomy.example"}, 0)
	return d
}

// tells stores how the organisation is told.
func (d *desk) tells(n *schemas.Notify, revision int64) {
	d.t.Helper()
	boss := schemas.Principal{Issuer: "test", Subject: "boss", Roles: []schemas.Role{schemas.RoleOperator}}
	_, err := d.parties.PutParticipant(d.t.Context(), boss, schemas.Participant{ID: holder, Name: "Agronomy", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{schemas.RoleProvider}, Notify: n}, revision)
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) put(to schemas.ParticipantID) {
	d.t.Helper()
	err := d.db.Write(d.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return notice.Put(ctx, tx, schemas.Notice{Type: schemas.NoticePending, At: d.now, To: to, Request: "req-1"})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) outbox() *notice.Outbox {
	send := func(_ context.Context, to schemas.Notify, n schemas.Notice) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sent = append(d.sent, n.By+" "+to.URL+" "+to.Mail+" "+n.ID)
		return d.fail
	}
	return &notice.Outbox{DB: d.db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now }, Senders: map[string]notice.Sender{schemas.ByWebhook: send, schemas.ByMail: send}}
}

func (d *desk) sends(o *notice.Outbox, want int) {
	d.t.Helper()
	_, err := o.Send(d.t.Context())
	if err != nil || len(d.sent) != want {
		d.t.Fatalf("tried %v, want %d, %v", d.sent, want, err)
	}
	d.sent = nil
}

// Every way of an organisation is told once, by whichever replica comes first; what could
// not be sent is tried again later, under the same id, and not for ever.
func TestOutbox(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := open(t, kind)
			one, two := d.outbox(), d.outbox()
			d.put("https://nobody.example")
			d.sends(one, 0)
			d.put(holder)
			d.sends(one, 2)
			d.sends(two, 0)

			d.fail = errors.New("away")
			d.put(holder)
			d.sends(one, 2)
			d.sends(two, 0) // not before its time
			d.now = d.now.Add(31 * time.Second)
			d.sends(two, 2)
			d.fail = nil
			d.now = d.now.Add(time.Hour)
			d.sends(one, 2)
			d.now = d.now.Add(100 * time.Hour)
			d.sends(one, 0)

			d.put(holder)
			d.tells(&schemas.Notify{Mail: "other@agronomy.example"}, 1) // the webhook is gone, the mail goes to the new address
			_, err := one.Send(t.Context())
			if err != nil || len(d.sent) != 1 || d.sent[0][:len("mail  other@agronomy.example")] != "mail  other@agronomy.example" {
				t.Fatalf("told %v, %v", d.sent, err)
			}
			d.sent = nil

			d.fail = errors.New("for ever")
			d.put(holder)
			for range notice.GiveUp {
				d.sends(one, 1)
				d.now = d.now.Add(13 * time.Hour)
			}
			d.sends(one, 0)
			d.put(holder) // two, and the first is not taken: the other waits
			d.put(holder)
			d.sends(one, 1)
			d.now = d.now.Add(31 * time.Second)
			d.fail = nil
			d.sends(one, 2)
			d.fail = notice.ErrGone
			d.put(holder)
			d.sends(one, 1)
			d.now = d.now.Add(13 * time.Hour)
			d.sends(one, 0)
		})
	}
}

// A notice is part of what it is about: nothing is told of what was not stored.
func TestNoticeOfNothing(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.SQLite)
	broken := errors.New("broken")
	err := d.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		err := notice.Put(ctx, tx, schemas.Notice{Type: schemas.NoticePending, At: d.now, To: holder})
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	d.sends(d.outbox(), 0)
}
