package catalog

import (
	"context"
	"fmt"
	"testing"

	"guichet/connectors/db"
	"guichet/schemas"
)

// TestPublic: harvesters have what everybody may know of and what was registered here, in pages
// that miss nothing and give nothing twice.
func TestPublic(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	want := map[schemas.DatasetID]bool{}
	for i := range 7 {
		d, err := c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) { d.IRI = fmt.Sprintf("https://agronomy.example/%d", i) }))
		must(t, err)
		want[d.ID] = true
		_, err = c.Register(t.Context(), agronomy, wheat(func(d *schemas.Dataset) {
			d.IRI, d.Visibility = fmt.Sprintf("https://agronomy.example/hidden-%d", i), schemas.VisibleToSignedIn
		}))
		must(t, err)
		_, _, err = harvest(t, c, "", schemas.Dataset{IRI: fmt.Sprintf("https://portal.example/%d", i), Space: "agriculture", Title: schemas.Text{"en": "Wheat"}})
		must(t, err)
	}
	for size := 1; size < 9; size++ {
		got, after := map[schemas.DatasetID]bool{}, schemas.DatasetID("")
		for {
			page, err := c.Public(t.Context(), after, size)
			must(t, err)
			for _, d := range page {
				if got[d.ID] || !want[d.ID] || d.ID <= after {
					t.Errorf("%s after %s", d.ID, after)
				}
				got[d.ID], after = true, d.ID
			}
			if len(page) < size {
				break
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d of %d in pages of %d", len(got), len(want), size)
		}
	}
	altered := schemas.DatasetID("")
	for id := range want {
		altered = id
	}
	must(t, c.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE dataset SET doc = replace(doc, 'Wheat', 'Heat') WHERE id = ?`, string(altered))
		return err
	}))
	page, err := c.Public(t.Context(), "", 100)
	if err != nil || len(page) != len(want)-1 {
		t.Errorf("%d, %v: what was edited past the gateway is given away", len(page), err)
	}
}

// TestPublicChanges: each change of what is public is told, and of what is hidden none but that it is
// public no more.
func TestPublicChanges(t *testing.T) {
	t.Parallel()
	c := newCatalog(t)
	told := func(after int64) (out []string, last int64) {
		t.Helper()
		list, err := c.PublicChanges(t.Context(), after, 100)
		must(t, err)
		last = after
		for _, ch := range list {
			what := "gone"
			if ch.Dataset != nil {
				what = ch.Dataset.Title["en"]
			}
			if ch.Position <= last || ch.At.IsZero() {
				t.Errorf("%+v after %d", ch, last)
			}
			out, last = append(out, what), ch.Position
		}
		return out, last
	}
	if last, err := c.LastPublicChange(t.Context()); err != nil || last != -1 {
		t.Errorf("%d, %v", last, err)
	}
	d, err := c.Register(t.Context(), agronomy, wheat())
	must(t, err)
	retitle := func(title string, v schemas.Visibility) {
		t.Helper()
		d.Title, d.Visibility = schemas.Text{"en": title}, v
		_, err := c.Change(t.Context(), agronomy, d.ID, d, 0)
		must(t, err)
	}
	_, at := told(-1)
	c.version(t, d.ID, "v1", schemas.VersionPublishing)
	for _, step := range []struct {
		title   string
		visible schemas.Visibility
		want    string
	}{
		{"one", "", "one"}, {"two", schemas.VisibleToOwn, "gone"}, {"three", schemas.VisibleToOwn, ""}, {"four", schemas.VisibleToEveryone, "four"},
	} {
		retitle(step.title, step.visible)
		list, last := told(at)
		if step.want == "" && len(list) > 0 || step.want != "" && (len(list) != 1 || list[0] != step.want) {
			t.Errorf("%s: %q", step.title, list)
		}
		at = last
	}
	if all, _ := told(-1); len(all) != 1 || all[0] != "four" {
		t.Errorf("from the beginning: %q", all)
	}
	_, err = c.Withdraw(t.Context(), agronomy, d.ID, 0)
	must(t, err)
	last, err := c.LastPublicChange(t.Context())
	if list, end := told(at); err != nil || len(list) != 1 || list[0] != "gone" || end != last {
		t.Errorf("withdrawn: %q at %d, not %d; %v", list, end, last, err)
	}
}
