package saved

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

func ada() schemas.Principal { return schemas.Principal{Issuer: "i", Subject: "ada"} }
func eve() schemas.Principal { return schemas.Principal{Issuer: "i", Subject: "eve"} }

func wants(t *testing.T, what string, err error, kind schemas.Kind, says string) {
	t.Helper()
	if err == nil || schemas.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v; want %v saying %q", what, err, kind, says)
	}
}

// What somebody saved is hers alone, is replaced under its name, and is forgotten when she says so.
func TestSaved(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
		s, ctx := &Saved{DB: d, Now: func() time.Time { return now }}, t.Context()
		one, err := s.Save(ctx, ada(), SearchAsk{Name: " wheat ", Query: "q=winter+wheat&space=agriculture&cursor=x&limit=3&theme=", Total: 7})
		if err != nil || one.Name != "wheat" || one.Query != "q=winter+wheat&space=agriculture" || !one.Looked.Equal(now) || one.Total != 7 {
			t.Fatalf("%+v, %v", one, err)
		}
		now = now.Add(time.Hour)
		again, err := s.Save(ctx, ada(), SearchAsk{Name: "wheat", Query: "q=wheat"})
		if err != nil || again.ID != one.ID {
			t.Errorf("%+v, %v", again, err)
		}
		_, err = s.Save(ctx, ada(), SearchAsk{Name: "all", Query: ""})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.List(ctx, ada())
		if err != nil || len(list) != 2 || list[0].Name != "all" || list[1].Query != "q=wheat" {
			t.Errorf("%+v, %v", list, err)
		}
		list, err = s.List(ctx, eve())
		if err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		_, err = s.Look(ctx, eve(), one.ID, 1)
		wants(t, "another's", err, schemas.NotFound, "you saved no search")
		_, err = s.Remove(ctx, eve(), one.ID)
		wants(t, "another's", err, schemas.NotFound, "you saved no search")
		now = now.Add(time.Hour)
		seen, err := s.Look(ctx, ada(), one.ID, 9)
		if err != nil || !seen.Looked.Equal(now) || seen.Total != 9 {
			t.Errorf("%+v, %v", seen, err)
		}
		_, err = s.Remove(ctx, ada(), one.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Remove(ctx, ada(), one.ID)
		wants(t, "removed", err, schemas.NotFound, "")
		for _, call := range []func() error{
			func() error { _, err := s.Save(ctx, schemas.Principal{}, SearchAsk{Name: "x"}); return err },
			func() error { _, err := s.List(ctx, schemas.Principal{}); return err },
			func() error { _, err := s.Look(ctx, schemas.Principal{}, "x", 1); return err },
		} {
			wants(t, "a stranger", call(), schemas.Unauthenticated, "")
		}
	})
}

// What is saved is bounded, also where many are saved at once, and says what is wrong with it.
func TestBounds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := &Saved{DB: d, Now: time.Now}, t.Context()
		for _, c := range []struct {
			ask SearchAsk
			at  string
		}{
			{SearchAsk{}, "/name"}, {SearchAsk{Name: "a\nb"}, "/name"}, {SearchAsk{Name: "a\u202eb"}, "/name"}, {SearchAsk{Name: strings.Repeat("x", 101)}, "/name"},
			{SearchAsk{Name: "x", Query: "colour=red"}, "/query"}, {SearchAsk{Name: "x", Query: "q=a&q=b"}, "/query"}, {SearchAsk{Name: "x", Query: "%zz"}, "/query"},
			{SearchAsk{Name: "x", Query: "q=" + strings.Repeat("x", maxQuery)}, "/query"}, {SearchAsk{Name: "x", Query: "q=%00"}, "/query"},
		} {
			_, err := s.Save(ctx, ada(), c.ask)
			wants(t, fmt.Sprintf("%.50v", c.ask), err, schemas.Invalid, c.at)
		}
		var all sync.WaitGroup
		for i := range Most + 5 {
			all.Go(func() {
				_, err := s.Save(ctx, ada(), SearchAsk{Name: fmt.Sprint("search ", i)})
				if err != nil && schemas.KindOf(err) != schemas.TooLarge {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list, err := s.List(ctx, ada())
		if err != nil || len(list) != Most {
			t.Errorf("%d, %v", len(list), err)
		}
		_, err = s.Save(ctx, ada(), SearchAsk{Name: "one more"})
		wants(t, "one more", err, schemas.TooLarge, "30 searches")
	})
}

// What changed is counted to the moment, though searches know days; what cannot be searched says why.
func TestCount(t *testing.T) {
	t.Parallel()
	looked := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	hits := func(of ...time.Duration) schemas.Found {
		f := schemas.Found{Total: uint64(len(of))}
		for _, d := range of {
			f.Items = append(f.Items, schemas.Hit{Facts: schemas.Facts{Updated: looked.Add(d)}})
		}
		return f
	}
	var asked []url.Values
	count := func(query string, answers ...any) (Counted, error) {
		asked = nil
		return Count(Search{ID: "s", Query: query, Looked: looked}, func(q string) (schemas.Found, error) {
			v, err := url.ParseQuery(q)
			if err != nil {
				t.Fatal(err)
			}
			asked = append(asked, v)
			if err, is := answers[len(asked)-1].(error); is {
				return schemas.Found{}, err
			}
			return answers[len(asked)-1].(schemas.Found), nil //nolint:forcetypeassert // this test's own
		})
	}
	c, err := count("q=wheat&sort=title", schemas.Found{Total: 142}, hits(time.Hour, time.Second, 0, -time.Hour))
	if err != nil || c.Now != 142 || c.Changed != 2 || c.More {
		t.Errorf("%+v, %v", c, err)
	}
	if asked[0].Get("limit") != "1" || asked[1].Get("updated") != "2026-11-30" || asked[1].Get("sort") != "modified" || asked[1].Get("q") != "wheat" {
		t.Errorf("%v", asked)
	}
	_, err = count("updated=2026-12-24", schemas.Found{Total: 1}, hits())
	if err != nil || asked[1].Get("updated") != "2026-12-24" {
		t.Errorf("%v, %v", asked, err)
	}
	many := hits(make([]time.Duration, atOnce)...)
	for i := range many.Items {
		many.Items[i].Updated = looked.Add(time.Hour)
	}
	many.Total = 5000
	c, err = count("", schemas.Found{Total: 9000}, many)
	if err != nil || c.Changed != atOnce || !c.More {
		t.Errorf("%+v, %v", c.Changed, err)
	}
	c, err = count("q=none", schemas.Found{})
	if err != nil || c.Now != 0 || len(asked) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = count("project=gone", schemas.BadField("search", "project", "there is no project"))
	if err != nil || !strings.Contains(c.Why, "no project") {
		t.Errorf("%+v, %v", c, err)
	}
	_, err = count("q=x", schemas.Errorf(schemas.Unavailable, "index", "away"))
	wants(t, "away", err, schemas.Unavailable, "")
	_, err = count("q=x", schemas.Found{Total: 1}, schemas.Errorf(schemas.Unavailable, "index", "away"))
	wants(t, "away", err, schemas.Unavailable, "")
	_, err = count("%zz")
	if err == nil {
		t.Error("what is no search is counted")
	}
}
