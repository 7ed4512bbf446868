// Package saved keeps the searches that people saved, and tells what of each is new to them.
//
// In: a person, a name, a search as its address has it. Out: the same, and how many datasets fit and changed since
// she last looked, as the search itself counts. Always: a person sees her own alone; what she may fill is bounded.
// It must not search: whoever calls Count gives it the answers that the person gets.
//
// A search is kept as its address has it, so that it means what it means today when its page is opened again. What is
// new cannot be told from what changed: the catalogue keeps when a dataset was last changed, and a harvest that finds
// it for the first time changes it too.
package saved

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Bounds of what one person saves.
const (
	Most     = 30
	maxName  = 100     // bytes
	maxQuery = 4 << 10 // bytes
)

// Search is one that somebody saved.
type Search struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Query  string    `json:"query" doc:"as the address of GET /datasets has it"`
	Made   time.Time `json:"made"`
	Looked time.Time `json:"looked" doc:"when its person last opened it, or saved it"`
	Total  uint64    `json:"total" doc:"how many datasets fitted then, as she said"`
}

// SearchAsk saves a search.
type SearchAsk struct {
	Name  string `json:"name" minLength:"1" maxLength:"100"`
	Query string `json:"query" maxLength:"4096" doc:"as the address of GET /datasets has it, without the question mark"`
	Total uint64 `json:"total,omitempty" doc:"how many datasets fit now, to be compared with later"`
}

// Saved holds them. Safe for concurrent use.
type Saved struct {
	DB  *db.DB
	Now func() time.Time
}

// key is a person as a column: issuers and subjects may be long, and nobody needs them here.
func key(by schemas.Principal) string {
	sum := sha256.Sum256([]byte(by.Issuer + "\x00" + by.Subject))
	return hex.EncodeToString(sum[:])
}

// keys are those of a search that are kept: not the page of its hits.
func keys() []string {
	return []string{"q", "sort", "from", "to", "updated", "box", "access", "project", "purpose", "action", "space", "theme", "country",
		"licence", "format", "language", "publisher", "provider", "column", "unit", "type", "concept", "region"}
}

// check brings a search into its form.
func (a *SearchAsk) check() error {
	a.Name = strings.TrimSpace(schemas.Normal(a.Name))
	if a.Name == "" || len(a.Name) > maxName || !schemas.IsLine(a.Name) {
		return schemas.BadField("search", "/name", "a name has one line of 1 to %d bytes, without control characters", maxName)
	}
	q, err := url.ParseQuery(a.Query)
	if err != nil || len(a.Query) > maxQuery {
		return schemas.BadField("search", "/query",
			"this is not what the address of a search has behind its question mark, in at most %d bytes", maxQuery)
	}
	for k, values := range q {
		switch {
		case slices.Contains([]string{"cursor", "limit", "facets", "facet_limit"}, k) || len(values) == 1 && values[0] == "":
			q.Del(k)
		case !slices.Contains(keys(), k) || len(values) > 1 || !schemas.IsText(values[0], maxQuery):
			return schemas.BadField("search", "/query", "%.100q is no filter of searches, or is given twice", k)
		}
	}
	a.Query = q.Encode()
	return nil
}

// Save keeps a search under a name; one that has it is replaced. Errors: Unauthenticated, Invalid, TooLarge.
func (s *Saved) Save(ctx context.Context, by schemas.Principal, ask SearchAsk) (Search, error) {
	err := signedIn(by)
	if err == nil {
		err = ask.check()
	}
	if err != nil {
		return Search{}, err
	}
	now := s.Now().UTC()
	id := "search-" + strings.ToLower(rand.Text()[:20])
	out := Search{ID: id, Name: ask.Name, Query: ask.Query, Made: now, Looked: now, Total: ask.Total}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := list(ctx, tx, by) // within the transaction, so that many at once stay within the bound
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(have, func(o Search) bool { return o.Name == out.Name }); i >= 0 {
			out.ID = have[i].ID
			_, err = db.Update(ctx, tx, "saved_search", out.ID, 0, out, nil)
			return err
		}
		if len(have) >= Most {
			return &schemas.Error{Kind: schemas.TooLarge, Subject: "search",
				Message: fmt.Sprintf("you saved %d searches, which is the most", len(have)),
				Remedy:  "remove one that you need no more"}
		}
		return db.Insert(ctx, tx, "saved_search", out.ID, out, db.Columns{"person": key(by), "name": out.Name})
	})
	return out, err
}

func signedIn(by schemas.Principal) error {
	if by.SignedIn() {
		return nil
	}
	return &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "to keep searches needs a signed-in caller",
		Remedy: "send a token of an issuer that is known here: guichet login"}
}

// List gives a person's searches by their names. Errors: Unauthenticated.
func (s *Saved) List(ctx context.Context, by schemas.Principal) ([]Search, error) {
	err := signedIn(by)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.DB, by)
}

func list(ctx context.Context, q db.Querier, by schemas.Principal) ([]Search, error) {
	rows, _, err := db.List[Search](ctx, q, "saved_search", "person = ?", []any{key(by)}, "", Most)
	out := make([]Search, len(rows))
	for i, r := range rows {
		out[i] = r.Doc
	}
	slices.SortFunc(out, func(a, b Search) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Look notes that its person looks at one now, and how many datasets fit. Errors: Unauthenticated, NotFound.
func (s *Saved) Look(ctx context.Context, by schemas.Principal, id string, total uint64) (Search, error) {
	var out Search
	err := s.change(ctx, by, id, func(ctx context.Context, tx *db.Tx, have Search) error {
		out = have
		out.Looked, out.Total = s.Now().UTC(), total
		_, err := db.Update(ctx, tx, "saved_search", id, 0, out, nil)
		return err
	})
	return out, err
}

// Remove forgets one. Errors: Unauthenticated, NotFound.
func (s *Saved) Remove(ctx context.Context, by schemas.Principal, id string) (Search, error) {
	var out Search
	err := s.change(ctx, by, id, func(ctx context.Context, tx *db.Tx, have Search) error {
		out = have
		_, err := tx.Exec(ctx, `DELETE FROM saved_search WHERE id = ?`, id)
		if err != nil {
			return fmt.Errorf("forget a search: %w", err)
		}
		return nil
	})
	return out, err
}

// change does something with one of a person's own.
func (s *Saved) change(
	ctx context.Context, by schemas.Principal, id string, do func(ctx context.Context, tx *db.Tx, have Search) error,
) error {
	err := signedIn(by)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := list(ctx, tx, by)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(have, func(o Search) bool { return o.ID == id })
		if i < 0 {
			return schemas.Errorf(schemas.NotFound, id, "you saved no search %s", id)
		}
		return do(ctx, tx, have[i])
	})
}

// Counted is what a saved search finds now.
type Counted struct {
	Search
	Now     uint64 `json:"now" doc:"how many datasets fit"`
	Changed int    `json:"changed" doc:"how many of them changed since, as their providers say or as is known here; new ones with an old date are not among them"`
	More    bool   `json:"more,omitempty" doc:"at least so many changed"`
	Why     string `json:"why,omitempty" doc:"why nothing was counted"`
}

// atOnce is how many of the newest hits are looked at.
const atOnce = 100

// Count counts what a search finds, by find, which is GET /datasets as its person asks. A search knows days, so
// the hits of that day are held against the moment. What cannot be searched any more says why.
func Count(s Search, find func(query string) (schemas.Found, error)) (Counted, error) {
	c := Counted{Search: s}
	q, err := url.ParseQuery(s.Query)
	if err != nil {
		return c, fmt.Errorf("read the saved search %s: %w", s.ID, err)
	}
	q.Set("limit", "1")
	all, err := find(q.Encode())
	if k := schemas.KindOf(err); k == schemas.Invalid || k == schemas.TooLarge || k == schemas.NotFound || k == schemas.Denied {
		c.Why = err.Error()
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.Now = all.Total
	if c.Now == 0 {
		return c, nil
	}
	q.Set("limit", fmt.Sprint(atOnce))
	q.Set("sort", "modified")
	if day := s.Looked.UTC().Format(time.DateOnly); q.Get("updated") < day {
		q.Set("updated", day)
	}
	newest, err := find(q.Encode())
	if err != nil {
		return c, err
	}
	for i := range newest.Items {
		if newest.Items[i].Updated.After(s.Looked) {
			c.Changed++
		}
	}
	c.More = c.Changed == atOnce && newest.Total > atOnce
	return c, nil
}
