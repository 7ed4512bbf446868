package duplicates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	apart, err := f.inSight(ctx, sight, slices.Collect(maps.Keys(words)), -1)
	if err != nil {
		return out, err
	}
	for i := range apart {
		out.Apart = append(out.Apart, Other{Origin: origin(&apart[i]), Title: apart[i].Title, Apart: words[string(apart[i].ID)]})
	}
	if group == "" {
		return out, nil
	}
	all, err := f.members(ctx, sight, []string{group}, string(id))
	if len(all[group]) > 0 {
		out.Group, out.Items = group, all[group]
	}
	return out, err
}

// members gives the datasets in sight of groups, but one, with the evidence.
func (f *Finder) members(ctx context.Context, sight schemas.Sight, groups []string, but string) (map[string][]Other, error) {
	all, err := grouped(ctx, f.DB, "grouped", groups)
	if err != nil {
		return nil, err
	}
	ids := slices.Collect(maps.Keys(all))
	sets, err := f.inSight(ctx, sight, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == but }), -1)
	if err != nil {
		return nil, err
	}
	pairs, err := edges(ctx, f.DB, ids)
	if err != nil {
		return nil, err
	}
	shown := map[string]string{but: all[but]} // to their groups
	for i := range sets {
		shown[string(sets[i].ID)] = all[string(sets[i].ID)]
	}
	of := map[string][]edge{}
	for _, e := range pairs {
		of[e.a], of[e.b] = append(of[e.a], e), append(of[e.b], e)
	}
	out := map[string][]Other{}
	for i := range sets {
		o := Other{Origin: origin(&sets[i]), Title: sets[i].Title}
		id := string(o.ID)
		near := slices.DeleteFunc(of[id], func(e edge) bool { return shown[e.other(id)] != all[id] })
		o.Why, o.Through = why(id, near, but)
		out[all[id]] = append(out[all[id]], o)
	}
	return out, nil
}

// why gives the evidence about a dataset: that which is about one other, else the strongest of what there is,
// with the dataset that it is about.
func why(id string, pairs []edge, but string) (words []string, through schemas.DatasetID) {
	best := 0
	for _, e := range pairs {
		var p Pair
		if json.Unmarshal([]byte(e.doc), &p) != nil {
			continue
		}
		if e.other(id) == but {
			return p.Why, ""
		}
		if p.Strength > best {
			best, words, through = p.Strength, p.Why, schemas.DatasetID(e.other(id))
		}
	}
	return words, through
}

// inSight reads those datasets that are in sight, in the order of their ids, at most so many.
func (f *Finder) inSight(ctx context.Context, sight schemas.Sight, ids []string, most int) ([]schemas.Dataset, error) {
	var out []schemas.Dataset
	for _, id := range sorted(ids) {
		d, err := f.Catalog.Get(ctx, sight, schemas.DatasetID(id))
		if schemas.KindOf(err) == schemas.NotFound || errors.Is(err, db.ErrAltered) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if out = append(out, d); len(out) == most {
			break
		}
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

// Elsewhere is where else the data of a dataset are.
type Elsewhere struct {
	Origins []schemas.Origin // the first of them
	Total   int              // how many there are
}

// Others gives, of each dataset that is in a group, the other origins in sight: at most so many.
func (f *Finder) Others(
	ctx context.Context, sight schemas.Sight, ids []schemas.DatasetID, most int,
) (map[schemas.DatasetID]Elsewhere, error) {
	groups, err := f.Groups(ctx, ids)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	all, err := grouped(ctx, f.DB, "grouped", union(slices.Collect(maps.Values(groups)), nil))
	if err != nil {
		return nil, err
	}
	of := map[string][]string{}
	for id, group := range all {
		of[group] = append(of[group], id)
	}
	out := map[schemas.DatasetID]Elsewhere{}
	shown := map[string][]schemas.Dataset{} // of each group one more, as one is the dataset itself
	for id, group := range groups {
		if shown[group] == nil {
			shown[group], err = f.inSight(ctx, sight, of[group], most+1)
			if err != nil {
				return nil, err
			}
		}
		e := Elsewhere{Total: len(shown[group]) - 1}
		if len(of[group]) > most+1 { // not all were looked at
			e.Total, err = f.visible(ctx, of[group])
			if err != nil {
				return nil, err
			}
			e.Total = max(e.Total-1, len(e.Origins))
		}
		for i := range shown[group] {
			if d := &shown[group][i]; d.ID != id && len(e.Origins) < most {
				e.Origins = append(e.Origins, origin(d))
			}
		}
		if len(e.Origins) > 0 {
			out[id] = e
		}
	}
	return out, nil
}

// visible counts those datasets that everybody may see now: groups are some moments behind. A
// document holds that member once, at most, and no text in it the bare quotes.
func (f *Finder) visible(ctx context.Context, ids []string) (n int, err error) {
	places, args := in(ids)
	err = f.DB.QueryRow(ctx, `SELECT count(*) FROM dataset WHERE id IN (`+places+`) AND withdrawn = 0
		AND (doc NOT LIKE '%"visibility":%' OR doc LIKE '%"visibility":"everyone"%')`, args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the same data: %w", err)
	}
	return n, nil
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

// List gives groups of which two or more are in sight, by their ids, from the first after the one named: a hundred
// at most.
func (f *Finder) List(ctx context.Context, sight schemas.Sight, after string, limit int) (out []Twins, next string, err error) {
	limit = min(limit, atOnce)
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
		all, err := f.members(ctx, sight, ids, "")
		if err != nil {
			return nil, "", err
		}
		for _, id := range ids {
			after = id
			if len(all[id]) < 2 {
				continue
			}
			out = append(out, Twins{id, all[id]})
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
