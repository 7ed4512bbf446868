package sums_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/db/sums"
	"guichet/schemas"
)

// Bins are counted from 1970 on, of hours and of days, also before.
func TestBins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at    string
		hours int64
		bin   int64
		from  string
	}{
		{"1970-01-01T00:00:00Z", sums.Hour, 0, "1970-01-01T00:00:00Z"},
		{"1970-01-02T00:59:59.999999Z", sums.Hour, 24, "1970-01-02T00:00:00Z"},
		{"1970-01-02T00:59:59.999999Z", sums.Day, 1, "1970-01-02T00:00:00Z"},
		{"1969-12-31T23:59:59Z", sums.Hour, -1, "1969-12-31T23:00:00Z"},
		{"1969-12-31T00:00:00Z", sums.Day, -1, "1969-12-31T00:00:00Z"},
		{"2026-03-02T00:30:00+02:00", sums.Day, 20513, "2026-03-01T00:00:00Z"},
		{"2024-02-29T23:59:59Z", sums.Hour, 474791, "2024-02-29T23:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		bin := sums.Bin(at, c.hours)
		if from := sums.Begins(bin, c.hours).Format(time.RFC3339); bin != c.bin || from != c.from {
			t.Errorf("%s is in bin %d of %d hours, from %s; want %d, from %s", c.at, bin, c.hours, from, c.bin, c.from)
		}
	}
}

// releases end in two hours of one day and in the next, some with exact numbers; one is open.
func releases() (out []schemas.Release) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i, r := range []schemas.Release{
		{Agreement: "agr-1", Run: "run-a", State: schemas.ReleaseComplete, Ended: noon},
		{Agreement: "agr-1", Run: "run-a", State: schemas.ReleaseCut, Ended: noon.Add(59 * time.Minute)},
		{Agreement: "agr-1", Run: "run-b", State: schemas.ReleaseBroken, Ended: noon.Add(time.Hour)},
		{Agreement: "agr-1", Run: "run-a", State: schemas.ReleaseUnknown, Ended: noon},
		{Agreement: "agr-1", State: schemas.ReleaseByURL, Ended: noon},
		{Agreement: "agr-2", Run: "run-a", State: schemas.ReleaseAbandoned, Ended: noon.Add(12 * time.Hour)},
		{Agreement: "agr-2", Run: "run-a", State: schemas.ReleaseComplete, Ended: noon, Participant: "https://two.example"},
		{Agreement: "agr-2", State: schemas.ReleaseOpen},
	} {
		r.ID = schemas.ReleaseID(fmt.Sprint("rel-", i))
		if r.Participant == "" {
			r.Participant = "https://lab.example"
		}
		r.Begun, r.Rows, r.Bytes = noon.Add(-time.Hour), 1<<i, 100<<i
		out = append(out, r)
	}
	return out
}

// store writes the agreements and releases; each is added to the sums where live says so.
func store(t *testing.T, database *db.DB, live bool) {
	t.Helper()
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, id := range []string{"agr-1", "agr-2"} {
			err := db.Insert(ctx, tx, "agreement", id, schemas.Agreement{ID: schemas.AgreementID(id)}, db.Columns{"dataset": "ds-" + id,
				"provider": "https://holder.example", "participant": "https://lab.example", "project": "p", "state": "active", "until": 1,
				"rows_used": 0, "bytes_used": 0})
			if err == nil {
				_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeAgreement, Subject: id})
			}
			if err != nil {
				return err
			}
		}
		for _, r := range releases() {
			err := db.Insert(ctx, tx, "release", string(r.ID), r, db.Columns{"agreement": string(r.Agreement), "dataset": "ds", "provider": "",
				"participant": string(r.Participant), "state": string(r.State), "replica": "r", "begun": r.Begun.UnixMicro()})
			if err == nil && live && r.State != schemas.ReleaseOpen {
				err = sums.Add(ctx, tx, &r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// kept gives the rows of both tables in lines.
func kept(t *testing.T, raw *sql.DB) (out []string) {
	t.Helper()
	const columns = `hours, bin, agreement, participant, dataset, provider, project, streams, sent_rows, sent_bytes, most_streams, most_rows,
		most_bytes`
	for _, from := range []string{"'', " + columns + " FROM released", "run, " + columns + " FROM released_run"} {
		rows, err := raw.QueryContext(t.Context(), "SELECT "+from)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			cells := make([]sql.NullString, 14)
			dest := make([]any, len(cells))
			for i := range cells {
				dest[i] = &cells[i]
			}
			err := rows.Scan(dest...)
			if err != nil {
				t.Fatal(err)
			}
			var line []string
			for _, c := range cells {
				line = append(line, c.String)
			}
			out = append(out, strings.Join(line, " "))
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	}
	slices.Sort(out)
	return out
}

// asBefore makes a database one that a version without sums left, and changes it further.
func asBefore(t *testing.T, raw *sql.DB, more ...string) {
	t.Helper()
	before := []string{"DROP TABLE released", "DROP TABLE released_run"}
	for _, table := range []string{"request", "agreement", "run"} { // schemas/sql/00044_made.sql
		before = append(before, "DROP INDEX "+table+"_made", "ALTER TABLE "+table+" DROP COLUMN made")
	}
	before = append(before, "DELETE FROM goose_db_version WHERE version_id > 40")
	for _, q := range append(before, more...) {
		_, err := raw.ExecContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A database that an earlier version left has the sums that it would have if they had been kept all along.
func TestWhatEndedBeforeIsAdded(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := dbtest.URL(t, kind)
			raw := dbtest.Raw(t, url)
			database := dbtest.OpenURL(t, url)
			stop := dbtest.Run(t, database)
			store(t, database, true)
			stop()
			want := kept(t, raw)
			const lab = " https://lab.example ds-agr-1 https://holder.example p "
			for _, line := range []string{
				" 1 492348 agr-1" + lab + "2 3 300 2 24 2400", // noon: exact ones, and at most
				" 1 492349 agr-1" + lab + "1 4 400 0 0 0",
				" 24 20514 agr-1" + lab + "3 7 700 2 24 2400",
				"run-a 1 492348 agr-1" + lab + "2 3 300 1 8 800", // what names no run is in none
				"run-b 24 20514 agr-1" + lab + "1 4 400 0 0 0",
			} {
				if !slices.Contains(want, line) {
					t.Errorf("there is no row %q in\n%s", line, strings.Join(want, "\n"))
				}
			}
			if len(want) != 7+8 {
				t.Errorf("%d rows:\n%s", len(want), strings.Join(want, "\n"))
			}
			asBefore(t, raw)
			for range 2 { // what was carried over is opened as it is
				dbtest.OpenURL(t, url)
				if d := cmp.Diff(want, kept(t, raw)); d != "" {
					t.Errorf("the sums are others (-want +got):\n%s", d)
				}
			}
		})
	}
}

// A release whose document cannot be read is named, and the database stays as it was.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, dbtest.SQLite)
	raw := dbtest.Raw(t, url)
	database := dbtest.OpenURL(t, url)
	stop := dbtest.Run(t, database)
	store(t, database, false)
	stop()
	asBefore(t, raw, "UPDATE release SET doc = '{' WHERE id = 'rel-3'")
	_, err := db.Open(t.Context(), url, nil)
	if err == nil || !strings.Contains(err.Error(), "read release rel-3") {
		t.Errorf("opened: %v", err)
	}
	_, err = raw.ExecContext(t.Context(), "UPDATE release SET doc = '{}' WHERE id = 'rel-3'")
	if err != nil {
		t.Fatal(err)
	}
	dbtest.OpenURL(t, url)
}
