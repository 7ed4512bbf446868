package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"guichet/connectors/db"
	"guichet/schemas"
)

const (
	pendingLife = 10 * time.Minute // to sign in at the issuer
	mostPending = 4                // sign-ins of one browser that wait: of several tabs
	mostCookie  = 3800             // bytes of a cookie's value; browsers take 4096 with its name and attributes
)

// pending is a sign-in between leaving for an issuer and coming back. It is kept in the
// browser that left, so that no other can come back with it.
type pending struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"` // of PKCE
	Issuer   string    `json:"i"`
	To       string    `json:"t"`
	Ends     time.Time `json:"e"`
}

func (d *Door) newPending(issuer, to string) pending {
	return pending{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Issuer: issuer, To: to,
		Ends: d.Now().Add(pendingLife)}
}

// carried are the sign-ins that a browser brings, those that are over left out.
func (d *Door) carried(r *http.Request, at place) []pending {
	var all, out []pending
	if !unsealed(d.Key, pendingCookie, unworded(readCookie(r, at, pendingCookie)), &all) {
		return nil
	}
	for _, p := range all {
		if d.Now().Before(p.Ends) {
			out = append(out, p)
		}
	}
	return out
}

// carry gives a browser its sign-ins, the newest first; the oldest go where there are too many.
func (d *Door) carry(w http.ResponseWriter, at place, all []pending) error {
	all = all[:min(len(all), mostPending)]
	for ; len(all) > 0; all = all[:len(all)-1] {
		b, err := sealed(d.Key, pendingCookie, all)
		if err != nil {
			return err
		}
		if value := words(b); len(value) <= mostCookie {
			setCookie(w, at, pendingCookie, value, pendingLife)
			return nil
		}
	}
	setCookie(w, at, pendingCookie, "", 0)
	return nil
}

// found parts the sign-in of a state from the others.
func found(all []pending, state string) (one *pending, others []pending) {
	for i := range all {
		if subtle.ConstantTimeCompare([]byte(all[i].State), []byte(state)) == 1 {
			one = &all[i]
			continue
		}
		others = append(others, all[i])
	}
	return one, others
}

// once takes the answer to a sign-in, on one replica. Errors: Gone where it was taken before.
func (d *Door) once(ctx context.Context, p *pending) error {
	sum := sha256.Sum256([]byte(p.State))
	err := d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO web_answer (state, ends) VALUES (?, ?)", hex.EncodeToString(sum[:]), p.Ends.UnixMicro())
		return err
	})
	if schemas.KindOf(err) == schemas.Conflict {
		return about(schemas.Gone, ProblemAgain, "this sign-in was finished before", "sign in again")
	}
	return err
}
