package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

const holder = schemas.ParticipantID("https://holder.example")

// store puts datasets into a registry.
func store(t *testing.T, database *db.DB, sets ...*schemas.Dataset) {
	t.Helper()
	write(t, database, func(ctx context.Context, tx *db.Tx) error {
		for _, d := range sets {
			withdrawn := 0
			if d.Withdrawn {
				withdrawn = 1
			}
			err := db.Insert(ctx, tx, "dataset", string(d.ID), d, db.Columns{
				"origin": string(d.Provider), "iri": string(d.ID), "provider": string(d.Provider), "withdrawn": withdrawn,
			})
			if err != nil {
				return err
			}
			_, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeDatasetPut, Subject: string(d.ID)})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func write(t *testing.T, database *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	err := database.Write(t.Context(), fn)
	if err != nil {
		t.Fatal(err)
	}
}

var submitted = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// answers notes answers of a dataset after so many hours each.
func answers(t *testing.T, database *db.DB, d *schemas.Dataset, hours ...int) {
	t.Helper()
	write(t, database, func(ctx context.Context, tx *db.Tx) error {
		var errs []error
		for i, h := range hours {
			r := schemas.Request{ID: schemas.RequestID(fmt.Sprintf("req-%s-%d", d.ID, i)), Submitted: submitted.Add(time.Duration(i) * time.Minute)}
			it := schemas.RequestItem{Dataset: d.ID, Provider: d.Provider}
			errs = append(errs, Answered(ctx, tx, &r, &it, r.Submitted.Add(time.Duration(h)*time.Hour)))
		}
		return errors.Join(errs...)
	})
}

// reads notes runs that read a dataset, each twice.
func reads(t *testing.T, database *db.DB, d *schemas.Dataset, runs int) {
	t.Helper()
	write(t, database, func(ctx context.Context, tx *db.Tx) error {
		errs := []error{Read(ctx, tx, d.ID, "")}
		for i := range 2 * runs {
			errs = append(errs, Read(ctx, tx, d.ID, schemas.RunID(fmt.Sprintf("run-%d", i/2))))
		}
		return errors.Join(errs...)
	})
}

func facts(t *testing.T, database *db.DB, sets ...*schemas.Dataset) []schemas.Facts {
	t.Helper()
	out, err := Of(t.Context(), database, sets)
	if err != nil || len(out) != len(sets) {
		t.Fatal(out, err)
	}
	return out
}

// dataset is one of the Holder's.
func dataset(id string, change ...func(d *schemas.Dataset)) *schemas.Dataset {
	d := &schemas.Dataset{ID: schemas.DatasetID(id), Provider: holder, Title: schemas.Text{"en": "T"}, Modified: submitted}
	for _, f := range change {
		f(d)
	}
	return d
}

// TestFacts: nothing is told of few; each run counts once; a median is of the newest answers, of the
// dataset where it has enough, else of its provider.
func TestFacts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		few, many, old, none := dataset("ds-few"), dataset("ds-many"), dataset("ds-old"), dataset("ds-none")
		other := dataset("ds-other", func(d *schemas.Dataset) { d.Provider = "https://other.example" })
		store(t, database, few, many, old, none, other)
		reads(t, database, few, 4)
		reads(t, database, many, 5)
		reads(t, database, old, 1200)
		answers(t, database, few, 1, 1, 1, 1)
		answers(t, database, many, 5, 400, 30, 20, 10)
		long := make([]int, 150)
		for i := range long { // fifty took long, and were answered last
			long[i] = max(1, 1000*(50-i))
		}
		answers(t, database, old, long...)
		answers(t, database, other, 2, 2, 2, 2)
		got := facts(t, database, few, many, old, none, other)
		for i, runs := range []int{0, 5, 1000, 0, 0} {
			if got[i].Runs != runs {
				t.Errorf("%d: %d runs, want %d", i, got[i].Runs, runs)
			}
		}
		for i, want := range []*schemas.Wait{
			{Hours: 35000, Answers: 31, Of: schemas.WaitOfProvider},
			{Hours: 20, Answers: 5, Of: schemas.WaitOfDataset},
			{Hours: 35000, Answers: 31, Of: schemas.WaitOfDataset},
			{Hours: 35000, Answers: 31, Of: schemas.WaitOfProvider},
			nil,
		} {
			if !reflect.DeepEqual(got[i].Wait, want) {
				t.Errorf("%d: waits %+v, want %+v", i, got[i].Wait, want)
			}
		}
	})
}

// TestHidden: of what not everybody may see nothing is told, and it moves nothing of others.
func TestHidden(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		seen := dataset("ds-seen", func(d *schemas.Dataset) { d.Visibility = schemas.VisibleToEveryone })
		hidden := []*schemas.Dataset{
			dataset("ds-own", func(d *schemas.Dataset) { d.Visibility = schemas.VisibleToOwn }),
			dataset("ds-listed", func(d *schemas.Dataset) {
				d.Visibility, d.VisibleTo = schemas.VisibleToListed, []schemas.ParticipantID{"x"}
			}),
			dataset("ds-in", func(d *schemas.Dataset) {
				d.Visibility, d.Title["en"] = schemas.VisibleToSignedIn, `"visibility":"everyone"`
			}),
			dataset("ds-gone", func(d *schemas.Dataset) { d.Withdrawn = true }),
		}
		store(t, database, append(slices.Clone(hidden), seen)...)
		answers(t, database, seen, 3, 3, 3, 3)
		before := facts(t, database, seen)
		for _, d := range hidden {
			reads(t, database, d, 10)
			answers(t, database, d, 100, 100, 100, 100, 100, 100)
		}
		after := facts(t, database, seen)
		if !reflect.DeepEqual(before, after) || after[0].Wait != nil {
			t.Errorf("%+v became %+v", before, after)
		}
		for i, f := range facts(t, database, hidden[:3]...) {
			if f.Runs != 0 || f.Wait != nil || f.Updated.IsZero() {
				t.Errorf("%s: %+v", hidden[i].ID, f)
			}
		}
	})
}

// TestOnce: an answer counts once, and one that came before it was asked took no time.
func TestOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := dataset("ds-1")
		store(t, database, d)
		for range 3 {
			answers(t, database, d, 1, 2)
		}
		if got := facts(t, database, d); got[0].Wait != nil {
			t.Errorf("two answers are %+v", got[0].Wait)
		}
		other := dataset("ds-2", func(d *schemas.Dataset) { d.Provider = "https://p.example" })
		store(t, database, other)
		answers(t, database, other, -5, -5, -5, 0, 0)
		if got := facts(t, database, other); got[0].Wait == nil || got[0].Wait.Hours != 1 {
			t.Errorf("at once is %+v", got[0].Wait)
		}
	})
}

// TestRolledBack: what did not happen is not counted.
func TestRolledBack(t *testing.T) {
	t.Parallel()
	database := dbtest.Open(t, dbtest.SQLite)
	d := dataset("ds-1")
	store(t, database, d)
	mine := errors.New("mine")
	err := database.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i := range 9 {
			err := Read(ctx, tx, d.ID, schemas.RunID(fmt.Sprint("run-", i)))
			if err != nil {
				return err
			}
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Fatal(err)
	}
	if got := facts(t, database, d); got[0].Runs != 0 {
		t.Errorf("%+v", got)
	}
}

// TestPage: a page of many datasets is few queries, each bounded in what it reads.
func TestPage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		var sets []*schemas.Dataset
		for i := range 60 {
			sets = append(sets, dataset(fmt.Sprint("ds-", i), func(d *schemas.Dataset) {
				d.Provider = schemas.ParticipantID(fmt.Sprintf("https://p%d.example", i%7))
			}))
		}
		store(t, database, sets...)
		for i, d := range sets {
			reads(t, database, d, i)
			answers(t, database, d, i+1, i+1)
		}
		begun := time.Now()
		got := facts(t, database, sets...)
		t.Logf("60 datasets in %v", time.Since(begun))
		begun = time.Now()
		facts(t, database, sets[:20]...)
		t.Logf("20 datasets in %v", time.Since(begun))
		for i, f := range got {
			want := i
			if i < Few {
				want = 0
			}
			if f.Runs != want || f.Wait == nil || f.Wait.Of != schemas.WaitOfProvider || f.Wait.Answers < 16 {
				b, err := json.Marshal(f)
				t.Errorf("%d: %s, %v", i, b, err)
			}
		}
	})
}

// TestBefore: what the record has of the time before is counted by the migration.
func TestBefore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		d := dataset("ds-1")
		store(t, database, d)
		values := func(more ...string) map[string]string {
			out := map[string]string{"dataset": string(d.ID), "provider": string(d.Provider)}
			for i := 0; i < len(more); i += 2 {
				out[more[i]] = more[i+1]
			}
			return out
		}
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			var errs []error
			for i := range 12 {
				request, run := fmt.Sprint("req-", i/2), fmt.Sprint("run-", i/2) // each twice
				for _, c := range []schemas.Change{
					{Kind: schemas.ChangeRequest, Subject: request, Values: values("request", request)},
					{Kind: schemas.ChangeReview, Subject: request, Values: values("request", request, "decision", "grant")},
					{Kind: schemas.ChangeReleaseBegin, Subject: fmt.Sprint("rel-", i), Values: values("run", run)},
					{Kind: schemas.ChangeReleaseBegin, Subject: fmt.Sprint("rel-none-", i), Values: values("run", "")},
				} {
					_, err := tx.Append(ctx, c)
					errs = append(errs, err)
				}
			}
			_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReview, Subject: "req-lost", Values: values()})
			return errors.Join(append(errs, err)...)
		})
		b, err := schemas.SQL.ReadFile("sql/00026_usage.sql")
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(b), "of the time before.\n")
		text, _, _ = strings.Cut(text, "-- +goose Down")
		write(t, database, func(ctx context.Context, tx *db.Tx) error {
			var errs []error
			for _, q := range strings.Split(text, ";") {
				if strings.TrimSpace(q) != "" {
					_, err := tx.Exec(ctx, q)
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		})
		want := schemas.Wait{Hours: 1, Answers: 6, Of: schemas.WaitOfDataset}
		if got := facts(t, database, d); got[0].Runs != 6 || got[0].Wait == nil || *got[0].Wait != want {
			t.Errorf("%+v", got[0])
		}
	})
}
