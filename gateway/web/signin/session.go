package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"guichet/connectors/db"
	"guichet/gateway/auth"
	"guichet/schemas"
)

const (
	idBytes      = 16 // of a session
	keyBytes     = 32 // of AES-256
	mostSessions = 20 // of one person; the oldest ends when there would be more
	sweepEvery   = 10 * time.Minute
	leeway       = auth.Leeway
)

// tokens are what an issuer gave for a session, as they are sealed.
type tokens struct {
	Issuer  string    `json:"iss"`
	Subject string    `json:"sub"`
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	Got     time.Time `json:"got"`
	Until   time.Time `json:"until"`           // the access token's end
	Failed  time.Time `json:"failed,omitzero"` // when they could not be renewed last
}

// key is what a session's cookie holds: where its row is, and what opens it.
type key struct {
	id    string // SHA-256 of what the cookie holds, in hex
	opens []byte
}

// session is one of a browser.
type session struct {
	key
	tokens
	used     time.Time
	revision int64
	renewing time.Time
}

func newKey() (k key, cookie string) {
	b := make([]byte, idBytes+keyBytes)
	rand.Read(b)
	return keyOf(b), words(b)
}

func keyOf(b []byte) key {
	sum := sha256.Sum256(b[:idBytes])
	return key{id: hex.EncodeToString(sum[:]), opens: b[idBytes:]}
}

// brought is the key in a browser's cookie.
func brought(r *http.Request, at place) (key, bool) {
	b := unworded(readCookie(r, at, sessionCookie))
	if len(b) != idBytes+keyBytes {
		return key{}, false
	}
	return keyOf(b), true
}

// person is one, without saying who.
func person(by schemas.Principal) string {
	sum := sha256.Sum256([]byte(by.Issuer + "\x00" + by.Subject))
	return hex.EncodeToString(sum[:])
}

// open begins a session under a new id, whatever the browser brought, and ends the one that it had.
func (d *Door) open(ctx context.Context, w http.ResponseWriter, r *http.Request, at place, by schemas.Principal, t tokens) error {
	k, cookie := newKey()
	b, err := sealed(k.opens, k.id, t)
	if err != nil {
		return err
	}
	old, _ := brought(r, at)
	now, who := d.Now(), person(by)
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM web_session WHERE id = ? OR id IN "+
			"(SELECT id FROM web_session WHERE person = ? ORDER BY began DESC, id LIMIT 1000 OFFSET ?)", old.id, who, mostSessions-1)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO web_session (id, person, began, used, ends, revision, renewing, tokens) "+
			"VALUES (?, ?, ?, ?, ?, 0, 0, ?)", k.id, who, now.UnixMicro(), now.UnixMicro(), now.Add(d.Life).UnixMicro(), b)
		return err
	})
	if err != nil {
		return err
	}
	setCookie(w, at, sessionCookie, cookie, d.Life)
	return nil
}

// read gives the session of a key; nil where there is none, or it is over, or the key does not open it.
func (d *Door) read(ctx context.Context, k key) (*session, error) {
	s := &session{key: k}
	var used, ends, renewing int64
	var b []byte
	err := d.DB.QueryRow(ctx, "SELECT used, ends, revision, renewing, tokens FROM web_session WHERE id = ?", k.id).
		Scan(&used, &ends, &s.revision, &renewing, &b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // nobody
	}
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	s.used, s.renewing = time.UnixMicro(used), time.UnixMicro(renewing)
	now := d.Now()
	if !now.Before(time.UnixMicro(ends)) || !now.Before(s.used.Add(d.Idle)) || !unsealed(k.opens, k.id, b, &s.tokens) {
		return nil, nil //nolint:nilnil // nobody
	}
	return s, nil
}

// end ends a session on all replicas.
func (d *Door) end(ctx context.Context, k key) error {
	return d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM web_session WHERE id = ?", k.id)
		return err
	})
}

// use remembers that a session is used, now and then.
func (d *Door) use(ctx context.Context, s *session) {
	now := d.Now()
	if now.Sub(s.used) < d.Idle/20 {
		return
	}
	err := d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE web_session SET used = ? WHERE id = ? AND used < ?", now.UnixMicro(), s.id, now.UnixMicro())
		return err
	})
	if err != nil {
		d.Log.Warn("a session seems idle that is not", "err", err)
	}
}

// sweep removes what is over.
func (d *Door) sweep(ctx context.Context) error {
	now := d.Now()
	return d.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM web_session WHERE ends <= ? OR used <= ?", now.UnixMicro(), now.Add(-d.Idle).UnixMicro())
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM web_answer WHERE ends <= ?", now.UnixMicro())
		}
		return err
	})
}

// leave signs out: the session ends on all replicas, and with it what could open its tokens.
func (d *Door) leave(w http.ResponseWriter, r *http.Request) {
	at, err := d.at(r)
	if err != nil {
		d.show(w, r, "/", err)
		return
	}
	if k, is := brought(r, at); is {
		err = d.end(context.WithoutCancel(r.Context()), k)
	}
	if err != nil { // the cookie stays, so that one can try again
		d.show(w, r, "/", err)
		return
	}
	setCookie(w, at, sessionCookie, "", 0)
	w.Header().Set("Location", at.path+"/")
	w.WriteHeader(http.StatusSeeOther)
}
