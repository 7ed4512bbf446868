package duplicates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Other is a dataset that is the same as one that was asked about, or was said to be apart from it.
type Other struct {
	schemas.Origin
	Title   schemas.Text      `json:"title"`
	Why     []string          `json:"why,omitempty" doc:"the evidence, in words"`
	Through schemas.DatasetID `json:"through,omitempty" doc:"the evidence is about it and this one of the group, which is the same as the dataset in turn"`
	Apart   []Word            `json:"apart,omitempty" doc:"who said that the two are apart"`
}

// Word is that somebody said so.
type Word struct {
	By schemas.ParticipantID `json:"by"`
	At time.Time             `json:"at"`
}

// Same is what is known of a dataset's duplicates.
type Same struct {
	Dataset schemas.DatasetID `json:"dataset"`
	Group   string            `json:"group,omitempty" doc:"id of the datasets that are shown as one; absent where it is alone"`
	Items   []Other           `json:"items" doc:"the same data in other catalogues, or of other providers"`
	Apart   []Other           `json:"apart,omitempty" doc:"datasets that somebody said are other data"`
	Note    string            `json:"note,omitempty" doc:"why no group was formed, where one could have been"`
}

// Of says which datasets in sight are the same as one in sight, and why. Errors: NotFound.
func (f *Finder) Of(ctx context.Context, sight schemas.Sight, id schemas.DatasetID) (Same, error) {
	out := Same{Dataset: id, Items: []Other{}}
	_, err := f.Catalog.Get(ctx, sight, id)
	if err != nil {
		return out, err
	}
	own, err := grouped(ctx, f.DB, "dataset", []string{string(id)})
	if err != nil {
		return out, err
	}
	group, in := own[string(id)]
	if in && group == "" {
		out.Note = fmt.Sprintf("more than %d datasets hang together with it: what they share proves nothing, and none is shown as the same", Most)
	}
	words, err := f.said(ctx, id)
	if err != nil {
		return out, err
	}
	ids := []string{}
	for other := range words {
		ids = append(ids, other)
	}
	apart, err := f.inSight(ctx, sight, ids)
	if err != nil {
		return out, err
	}
	for i := range apart {
		out.Apart = append(out.Apart, Other{Origin: origin(&apart[i]), Title: apart[i].Title, Apart: words[string(apart[i].ID)]})
	}
	if group == "" {
		return out, nil
	}
	out.Items, err = f.members(ctx, sight, group, string(id))
	if len(out.Items) > 0 {
		out.Group = group
	}
	return out, err
}

// members gives the datasets in sight of a group, but one, with the evidence.
func (f *Finder) members(ctx context.Context, sight schemas.Sight, group, but string) ([]Other, error) {
	all, err := grouped(ctx, f.DB, "grouped", []string{group})
	if err != nil {
		return nil, err
	}
	ids := sorted(slices.DeleteFunc(keysOf(all), func(id string) bool { return id == but }))
	sets, err := f.inSight(ctx, sight, ids)
	if err != nil {
		return nil, err
	}
	pairs, err := edges(ctx, f.DB, append(ids, but))
	if err != nil {
		return nil, err
	}
	shown := map[string]bool{but: true}
	for i := range sets {
		shown[string(sets[i].ID)] = true
	}
	out := []Other{}
	for i := range sets {
		m := Other{Origin: origin(&sets[i]), Title: sets[i].Title}
		best := 0
		for _, e := range pairs {
			id, other := string(m.ID), e.b
			if e.b == id {
				other = e.a
			} else if e.a != id {
				continue
			}
			var p Pair
			if !shown[other] || json.Unmarshal([]byte(e.doc), &p) != nil {
				continue
			}
			if other == but {
				p.Strength += strongest // what is about the two themselves
			}
			if p.Strength > best {
				best, m.Why, m.Through = p.Strength, p.Why, schemas.DatasetID(other)
			}
		}
		if string(m.Through) == but {
			m.Through = ""
		}
		out = append(out, m)
	}
	return out, nil
}

// keysOf gives the keys of a map.
func keysOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// inSight reads those datasets that are in sight, in the order of their ids.
func (f *Finder) inSight(ctx context.Context, sight schemas.Sight, ids []string) ([]schemas.Dataset, error) {
	slices.Sort(ids)
	sets := make([]schemas.Dataset, len(ids))
	wanted := make([]*db.Wanted, len(ids))
	for i, id := range ids {
		wanted[i] = &db.Wanted{Table: "dataset", ID: id, Doc: &sets[i]}
	}
	if len(wanted) > 0 {
		db.Together(ctx, f.DB, wanted...)
	}
	out := sets[:0]
	for i := range wanted {
		err := wanted[i].Err
		if schemas.KindOf(err) == schemas.NotFound || errors.Is(err, db.ErrAltered) || err == nil && !sight.Sees(&sets[i]) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, sets[i])
	}
	return out, nil
}

// origin says who has a dataset, and where it is described.
func origin(d *schemas.Dataset) schemas.Origin {
	o := schemas.Origin{ID: d.ID, Publisher: d.Publisher, Provider: d.Provider, Source: d.Source}
	if strings.HasPrefix(d.IRI, "https://") || strings.HasPrefix(d.IRI, "http://") {
		o.Address = d.IRI
	} else if len(d.Links) > 0 {
		o.Address = d.Links[0].URL
	}
	return o
}

// Others gives, of each dataset that is in a group, the other origins in sight.
func (f *Finder) Others(ctx context.Context, sight schemas.Sight, ids []schemas.DatasetID) (map[schemas.DatasetID][]schemas.Origin, error) {
	groups, err := f.Groups(ctx, ids)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	var names []string
	for _, g := range groups {
		names = append(names, g)
	}
	all, err := grouped(ctx, f.DB, "grouped", union(names, nil))
	if err != nil {
		return nil, err
	}
	sets, err := f.inSight(ctx, sight, keysOf(all))
	if err != nil {
		return nil, err
	}
	out := map[schemas.DatasetID][]schemas.Origin{}
	for id, group := range groups {
		for i := range sets {
			if d := &sets[i]; d.ID != id && all[string(d.ID)] == group {
				out[id] = append(out[id], origin(d))
			}
		}
	}
	return out, nil
}

// said reads who said that a dataset is apart from which.
func (f *Finder) said(ctx context.Context, id schemas.DatasetID) (map[string][]Word, error) {
	out := map[string][]Word{}
	err := rowsOf(ctx, f.DB, func(scan func(...any) error) error {
		var a, b string
		var w Word
		var at int64
		err := scan(&a, &b, &w.By, &at)
		w.At = time.UnixMicro(at).UTC()
		if a == string(id) {
			a = b
		}
		out[a] = append(out[a], w)
		return err
	}, `SELECT a, b, said_by, at FROM duplicate_apart WHERE a = ? UNION SELECT a, b, said_by, at FROM duplicate_apart WHERE b = ? ORDER BY 4, 3`,
		string(id), string(id))
	return out, err
}

// Apart stores that by said of two datasets that they are not the same; they are shown as one no
// more, whatever they say later. Said again it changes nothing. Errors: Conflict where they are
// not shown as one.
func (f *Finder) Apart(ctx context.Context, by schemas.Principal, x, y schemas.DatasetID) error {
	a, b := ordered(string(x), string(y))
	return f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := f.words(ctx, tx, a, b)
		if err != nil || slices.Contains(have, string(by.Participant)) {
			return err
		}
		groups, err := grouped(ctx, tx, "dataset", []string{a, b})
		if err != nil {
			return err
		}
		if len(have) == 0 && (groups[a] == "" || groups[a] != groups[b]) {
			return &schemas.Error{Kind: schemas.Conflict, Subject: a, Message: fmt.Sprintf("%s and %s are not shown as one", x, y),
				Remedy: "guichet duplicates show ID lists what is"}
		}
		_, err = tx.Exec(ctx, `INSERT INTO duplicate_apart (a, b, said_by, at) VALUES (?, ?, ?, ?)`, a, b, string(by.Participant),
			f.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("store that two datasets are apart: %w", err)
		}
		return f.recorded(ctx, tx, by, a, b, "apart")
	})
}

// Together takes back what by said of two datasets; every does so for whoever said it. Taken back
// again it changes nothing.
func (f *Finder) Together(ctx context.Context, by schemas.Principal, x, y schemas.DatasetID, every bool) error {
	a, b := ordered(string(x), string(y))
	return f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := f.words(ctx, tx, a, b)
		if err != nil || len(have) == 0 || !every && !slices.Contains(have, string(by.Participant)) {
			return err
		}
		query, args := `DELETE FROM duplicate_apart WHERE a = ? AND b = ?`, []any{a, b}
		if !every {
			query, args = query+` AND said_by = ?`, append(args, string(by.Participant))
		}
		_, err = tx.Exec(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("forget that two datasets are apart: %w", err)
		}
		return f.recorded(ctx, tx, by, a, b, "together")
	})
}

// words reads who said that two datasets are apart.
func (f *Finder) words(ctx context.Context, tx *db.Tx, a, b string) ([]string, error) {
	var out []string
	err := rowsOf(ctx, tx, func(scan func(...any) error) error {
		var by string
		err := scan(&by)
		out = append(out, by)
		return err
	}, `SELECT said_by FROM duplicate_apart WHERE a = ? AND b = ?`, a, b)
	return out, err
}

// recorded records what somebody said of two datasets, and groups them anew.
func (f *Finder) recorded(ctx context.Context, tx *db.Tx, by schemas.Principal, a, b, what string) error {
	_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetApart, Subject: a, Values: map[string]string{
		"dataset": a, "other": b, "what": what, "by": string(by.Participant), "subject": by.Issuer + "#" + by.Subject,
	}})
	if err != nil {
		return err
	}
	return f.regroup(ctx, tx, []string{a, b})
}

// Twins are datasets that are shown as one.
type Twins struct {
	ID    string  `json:"id"`
	Items []Other `json:"items"`
}

// List gives groups of which two or more are in sight, by their ids, from the first after the one named.
func (f *Finder) List(ctx context.Context, sight schemas.Sight, after string, limit int) (out []Twins, next string, err error) {
	for len(out) < limit {
		var ids []string
		err = rowsOf(ctx, f.DB, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, `SELECT DISTINCT grouped FROM duplicate_group WHERE grouped > ? ORDER BY grouped LIMIT ?`, after, limit)
		if err != nil {
			return nil, "", err
		}
		for _, id := range ids {
			after = id
			items, err := f.members(ctx, sight, id, "")
			if err != nil {
				return nil, "", err
			}
			if len(items) < 2 {
				continue
			}
			out = append(out, Twins{id, items})
			if len(out) == limit {
				return out, after, nil
			}
		}
		if len(ids) < limit {
			return out, "", nil
		}
	}
	return out, after, nil
}
