package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/connectors/db"
	"guichet/gateway/api"
	"guichet/schemas"
)

// keepAnswers is how long the answer to a write with an Idempotency-Key is kept.
const keepAnswers = 24 * time.Hour

// maxKept bounds an answer that is kept, in bytes: what keys make the database hold
// is of the size of what the writes themselves do. Of a longer one there stay its
// status, its headers and its digest.
const maxKept = 16 << 10

// idempotent answers a repeated write with what the first one answered: a client
// that lost an answer may ask again with the same Idempotency-Key.
func (s *Server) idempotent(c *gin.Context) {
	key := c.GetHeader("Idempotency-Key")
	body, read := c.Value(bodyKey).([]byte)
	// Sending a file again changes nothing, and opening a copy again: what it is decrypted with is kept nowhere,
	// nor are URLs and the secrets of invitations.
	secret := strings.HasSuffix(c.FullPath(), "/copies/:id/open") || strings.HasSuffix(c.FullPath(), "/ranges") ||
		strings.HasSuffix(c.FullPath(), "/invitations")
	if key == "" || !read || secret {
		return
	}
	if len(key) > 256 {
		s.fail(c, schemas.BadField("request", "Idempotency-Key", "at most 256 characters"))
		return
	}
	sum := sha256.Sum256(append([]byte(c.Request.Method+"\x00"+c.Request.URL.String()+"\x00"), body...))
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	who := by.Issuer + "\x00" + by.Subject
	if !by.SignedIn() {
		lease, _ := c.Value(api.LeaseKey).(string)
		if !s.deps.Leases.Minted(lease) { // nothing is kept for strangers
			return
		}
		who = "lease\x00" + lease
	}
	caller := sha256.Sum256([]byte(who))
	k := answerKey{hex.EncodeToString(caller[:]), key, hex.EncodeToString(sum[:])}
	ctx := c.Request.Context()
	have, err := s.claim(ctx, k)
	if err != nil {
		s.fail(c, err)
		return
	}
	if have != nil {
		err := have.unkept(c)
		if err == nil {
			err = s.again(c, have)
		}
		if err != nil {
			s.refuse(c, by, err)
			return
		}
		have.replay(c)
		return
	}
	rec := &recorder{ResponseWriter: c.Writer, sum: sha256.New()}
	c.Writer = rec
	done := false
	defer func() { // a panic or an answer that may change leaves the key free
		late := context.WithoutCancel(ctx)
		if !done || rec.Status() >= http.StatusInternalServerError {
			s.release(late, k)
			return
		}
		s.keep(late, k, rec, withoutToken(c, rec))
	}()
	c.Next()
	done = true
}

// answerKey names an answer that is kept: whose, under which key, to which body.
type answerKey struct{ caller, key, digest string }

// answer is what a write was answered, kept to be given again.
type answer struct {
	digest string
	status int
	header string
	body   []byte
}

func (a *answer) replay(c *gin.Context) {
	var h http.Header
	err := json.Unmarshal([]byte(a.header), &h)
	if err == nil {
		for name, values := range h {
			c.Writer.Header()[name] = values
		}
	}
	c.Writer.Header().Set("Idempotency-Replayed", "true")
	c.Writer.WriteHeader(a.status)
	_, _ = c.Writer.Write(a.body) // the client may be gone
	c.Abort()
}

// digestHeader is the digest of an answer, which stays of one that is not kept. It is
// written as in RFC 9530, under another name: it is not that of the answer it comes with.
const digestHeader = "Idempotency-Digest"

// unkept says of an answer that was too long to be kept what is known of it, and
// where to look. Errors: Conflict.
func (a *answer) unkept(c *gin.Context) error {
	var h http.Header
	err := json.Unmarshal([]byte(a.header), &h)
	if err != nil || len(a.body) > 0 || h.Get(digestHeader) == "" {
		return nil //nolint:nilerr // replay leaves headers out that cannot be read
	}
	for _, name := range []string{"Location", "ETag", digestHeader} {
		if v := h.Get(name); v != "" {
			c.Header(name, v)
		}
	}
	c.Header("Idempotency-Replayed", "true")
	remedy := "look at what was made or changed with GET"
	if at := h.Get("Location"); at != "" {
		remedy += " " + at
	}
	if leased(c) {
		remedy = "ask for another lease"
	}
	return &schemas.Error{
		Kind:    schemas.Conflict,
		Subject: "Idempotency-Key",
		Message: fmt.Sprintf(
			"the first request with this key was answered with %d; its answer was longer than the %d bytes that are kept",
			a.status, maxKept),
		Remedy: remedy,
	}
}

// claim takes the key, or gives the answer that stands under it. Errors: Invalid
// when the key stood for another request, Conflict while the first one runs.
func (s *Server) claim(ctx context.Context, k answerKey) (*answer, error) {
	var have *answer
	err := s.deps.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have = nil
		_, err := tx.Exec(ctx, `DELETE FROM idempotency WHERE at < ?`, time.Now().Add(-keepAnswers).UnixMicro())
		if err != nil {
			return fmt.Errorf("forget old answers: %w", err)
		}
		var a answer
		err = tx.QueryRow(ctx, `SELECT digest, status, header, body FROM idempotency WHERE caller = ? AND key = ?`, k.caller, k.key).
			Scan(&a.digest, &a.status, &a.header, &a.body)
		if err == nil {
			have = &a
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look up an answer: %w", err)
		}
		_, err = tx.Exec(
			ctx,
			`INSERT INTO idempotency (caller, key, at, digest, status, header, body) VALUES (?, ?, ?, ?, 0, '', ?)`,
			k.caller, k.key, time.Now().UnixMicro(), k.digest, []byte{},
		)
		if err != nil {
			return fmt.Errorf("claim an Idempotency-Key: %w", err)
		}
		return nil
	})
	switch {
	case err != nil || have == nil:
		return nil, err
	case have.digest != k.digest:
		return nil, schemas.BadField("request", "Idempotency-Key", "the key stood for another request")
	case have.status == 0:
		return nil, &schemas.Error{
			Kind:    schemas.Conflict,
			Subject: "Idempotency-Key",
			Message: "the first request with this key is still running, or was cut off by a restart",
			Remedy:  "look whether it took effect; repeat it with a new key if not",
		}
	}
	return have, nil
}

// leased says whether an answer is a lease with its token.
func leased(c *gin.Context) bool {
	return c.Request.Method == http.MethodPost && strings.HasSuffix(c.FullPath(), "/leases")
}

// withoutToken is an answer as it is kept: tokens open doors, and are kept nowhere.
func withoutToken(c *gin.Context, rec *recorder) []byte {
	body := rec.body.Bytes()
	if rec.long {
		return []byte{}
	}
	if !leased(c) {
		return body
	}
	var answer map[string]any
	err := json.Unmarshal(body, &answer)
	if err != nil {
		return []byte{} // in another form than JSON it is not kept whole; a repetition says so
	}
	delete(answer, "token")
	delete(answer, "s3")
	kept, err := json.Marshal(answer)
	if err != nil {
		return []byte{}
	}
	return kept
}

// again puts the token back into the answer to a lease, while it opens anything.
func (s *Server) again(c *gin.Context, a *answer) error {
	if !leased(c) || a.status != http.StatusCreated {
		return nil
	}
	var kept struct {
		Lease schemas.Lease `json:"lease"`
	}
	var answer map[string]any
	err := json.Unmarshal(a.body, &kept)
	if err == nil {
		err = json.Unmarshal(a.body, &answer)
	}
	if err != nil {
		return &schemas.Error{
			Kind:    schemas.Conflict,
			Subject: "Idempotency-Key",
			Message: "the lease was made, and its answer is kept in JSON only",
			Remedy:  "ask for another lease",
		}
	}
	answer["token"], err = s.deps.Leases.Reissue(c.Request.Context(), kept.Lease.ID)
	if err != nil {
		return err
	}
	if key := s.deps.S3Key(kept.Lease.ID); key != nil {
		answer["s3"] = key
	}
	a.body, err = json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write a lease again: %w", err)
	}
	return nil
}

func (s *Server) keep(ctx context.Context, k answerKey, rec *recorder, body []byte) {
	head := rec.Header().Clone()
	if rec.long {
		head.Set(digestHeader, "sha-256=:"+base64.StdEncoding.EncodeToString(rec.sum.Sum(nil))+":")
	}
	h, err := json.Marshal(head)
	if err == nil {
		err = s.deps.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(
				ctx,
				`UPDATE idempotency SET status = ?, header = ?, body = ? WHERE caller = ? AND key = ?`,
				rec.Status(), string(h), body, k.caller, k.key,
			)
			return err
		})
	}
	if err != nil {
		s.deps.Log.Error("an answer is not kept under its Idempotency-Key", "err", err)
	}
}

func (s *Server) release(ctx context.Context, k answerKey) {
	err := s.deps.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM idempotency WHERE caller = ? AND key = ? AND status = 0`, k.caller, k.key)
		return err
	})
	if err != nil {
		s.deps.Log.Error("an Idempotency-Key stays claimed", "err", err)
	}
}

// recorder keeps a copy of the answer's body while it is short, and its digest.
type recorder struct {
	gin.ResponseWriter
	body bytes.Buffer
	sum  hash.Hash
	long bool // more than is kept
}

func (r *recorder) Write(b []byte) (int, error) {
	r.copy(b)
	return r.ResponseWriter.Write(b)
}

func (r *recorder) WriteString(s string) (int, error) {
	r.copy([]byte(s))
	return r.ResponseWriter.WriteString(s)
}

func (r *recorder) copy(b []byte) {
	_, _ = r.sum.Write(b) // a hash takes everything
	if r.long || r.body.Len()+len(b) > maxKept {
		r.long, r.body = true, bytes.Buffer{}
		return
	}
	r.body.Write(b)
}
