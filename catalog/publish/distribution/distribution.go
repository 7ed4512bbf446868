// Package distribution counts how the values of a version's columns are distributed, where its
// provider consents, keeps that with the version, and says what of it may be told.
//
// In: a version that was read, with its dataset; consent, column by column; the version's canonical
// shards. Out: distributions, and for each column that has none why. Always: what description or
// terms keep from anybody is not counted, and what they keep later is not told; no message is
// counted that is not as it was published; memory and bytes read are bounded. It must not know who
// reads.
//
//	consent ─▶ Plan: which columns, and why not others ─▶ Count: batches twice ─▶ Put
//	                                         Get ─▶ what the terms of now permit ─▶ reader
package distribution

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/schemas"
	"guichet/schemas/values"
)

// mostColumns is how many columns of a table are counted: each takes some hundred KB.
const mostColumns = 256

// Check says what is wrong with the consent of a publication; base is the version that it adds to,
// nil for none. Errors: Invalid.
func Check(asked []string, base *schemas.Version, p *schemas.Publication) error {
	var tables []string
	for i := range p.Tables {
		tables = append(tables, p.Tables[i].Name)
	}
	for i := 0; base != nil && i < len(base.Data); i++ {
		tables = append(tables, base.Data[i].Name)
	}
	for i, s := range asked {
		at := fmt.Sprintf("/distributions/%d", i)
		table, column, both := strings.Cut(s, "/")
		switch {
		case s == "*":
		case len(s) > mostName:
			return schemas.BadField("publication", at, "the name of a column has at most 255 characters")
		case !both || table == "" || column == "":
			return schemas.BadField("publication", at, "%q names no column: write table/column, table/* for all of a table, or * for all", s)
		case !slices.Contains(tables, table):
			return schemas.BadField("publication", at, "%q is of no table that is published; there are %s", s, strings.Join(tables, ", "))
		}
	}
	return nil
}

// mostName is how many bytes table/column have at most.
const mostName = 1200

// mostSaid bounds a consent as an entry of the record says it; its number stands behind.
const mostSaid = 4096

// Entry adds what a provider consented to, if anything, to what the entry of a publication says.
func Entry(values map[string]string, asked []string) map[string]string {
	said := strings.Join(asked, ", ")
	if len(said) > mostSaid {
		said = fmt.Sprintf("%s… (%d in all)", strings.ToValidUTF8(said[:mostSaid], ""), len(asked))
	}
	if said != "" {
		values["distributions"] = said
	}
	return values
}

// Plan is what of a consent can be counted of a version, as description and terms are now: columns
// with their places, and why others are left out. Terms may come later: that there are none yet
// keeps nothing from being counted, only from being told.
func Plan(d *schemas.Dataset, v *schemas.Version, asked []string) (columns map[string][]int, left []values.LeftOut) {
	columns = map[string][]int{}
	for i := range v.Data {
		t := &v.Data[i]
		for place, c := range t.Columns {
			if t.Objects || !values.Consents(asked, t.Name, c.Name) {
				continue
			}
			why := values.Withholds(d, v, t.Name, c.Name)
			if why == values.LeftNoTerms {
				why = ""
			}
			if why == "" && len(columns[t.Name]) == mostColumns {
				why = values.LeftMany
			}
			if why != "" {
				left = append(left, values.LeftOut{Table: t.Name, Column: c.Name, Why: why})
				continue
			}
			columns[t.Name] = append(columns[t.Name], place)
		}
	}
	return columns, left
}

// Notes say to the provider which columns of what she consented to are left out, and why: one for
// each reason.
func Notes(left []values.LeftOut) []schemas.FieldError {
	names := map[values.Why][]string{}
	var order []values.Why
	for _, l := range left {
		if names[l.Why] == nil {
			order = append(order, l.Why)
		}
		names[l.Why] = append(names[l.Why], l.Table+"/"+l.Column)
	}
	var out []schemas.FieldError
	for _, why := range order {
		list := names[why]
		said := strings.Join(list[:min(len(list), 10)], ", ")
		if more := len(list) - 10; more > 0 {
			said += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, schemas.FieldError{Pointer: said, Message: "no distribution of its values is shown: " + why.Words()})
	}
	return out
}

// Put keeps what was counted of a version, in the transaction that publishes it.
func Put(ctx context.Context, tx *db.Tx, d *values.Distributions) error {
	return db.Insert(ctx, tx, "distribution", catalog.VersionKey(d.Dataset, d.Version), d,
		db.Columns{"dataset": string(d.Dataset)})
}

// Forget removes it; without it nothing happens. It says whether there was one.
func Forget(ctx context.Context, tx *db.Tx, dataset schemas.DatasetID, version schemas.VersionID) (bool, error) {
	res, err := tx.Exec(ctx, `DELETE FROM distribution WHERE id = ?`, catalog.VersionKey(dataset, version))
	if err != nil {
		return false, fmt.Errorf("forget the distributions of %s/%s: %w", dataset, version, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Get tells what was counted of a version of a dataset, as far as description and terms permit it
// now; nothing of a version that is not published, or not the newest: what two versions differ by could be one
// person. Whoever calls knows that the dataset may be seen.
func Get(ctx context.Context, c *catalog.Catalog, d *schemas.Dataset, v *schemas.Version) (values.Distributions, error) {
	out := values.Distributions{Dataset: v.Dataset, Version: v.Version, Columns: []values.Distribution{}}
	if d.Withdrawn || v.State != schemas.VersionPublished || d.Latest != nil && d.Latest.Version != v.Version {
		return out, nil
	}
	kept, _, err := db.Get[values.Distributions](ctx, c.DB, "distribution", catalog.VersionKey(v.Dataset, v.Version))
	if schemas.KindOf(err) == schemas.NotFound {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Made, out.Asked, out.LeftOut = kept.Made, kept.Asked, kept.LeftOut
	for _, x := range kept.Columns {
		if why := values.Withholds(d, v, x.Table, x.Column); why != "" {
			out.LeftOut = append(out.LeftOut, values.LeftOut{Table: x.Table, Column: x.Column, Why: why})
			continue
		}
		out.Columns = append(out.Columns, x)
	}
	return out, nil
}

// TakeBack takes back a provider's consent for a version that was published: its distributions are
// gone for good, and the record says so. Errors: NotFound, Denied, Conflict while it is being published: what is
// counted then would be kept after all; those of the catalogue.
func TakeBack(
	ctx context.Context, c *catalog.Catalog, by schemas.Principal, id schemas.DatasetID, version schemas.VersionID,
) (values.Distributions, error) {
	out := values.Distributions{Dataset: id, Version: version, Columns: []values.Distribution{}}
	_, err := c.Own(ctx, by, id)
	if err != nil {
		return out, err
	}
	v, err := c.Version(ctx, id, version)
	if err != nil {
		return out, err
	}
	if v.State == schemas.VersionPublishing {
		return out, &schemas.Error{Kind: schemas.Conflict, Subject: string(version), Message: "the version is being published",
			Remedy: "take the consent back once it is, or withdraw the version"}
	}
	return out, c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := Forget(ctx, tx, id, version)
		if err != nil || !was {
			return err
		}
		d, err := c.Dataset(ctx, tx, id)
		if err != nil {
			return err
		}
		return c.Changed(ctx, tx, by, schemas.ChangeVersion, &d,
			map[string]string{"version": string(version), "state": string(v.State), "distributions": "none"})
	})
}

// now is the time of a count, as it is kept.
func now(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
