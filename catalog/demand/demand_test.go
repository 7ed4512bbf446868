package demand

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// counter is one with a clock that a test moves.
type counter struct {
	*Counter
	t   *testing.T
	now time.Time
}

func newCounter(t *testing.T, d *db.DB) *counter {
	c := &counter{t: t, now: time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)}
	c.Counter = New(Config{DB: d, Key: []byte("key"), Now: func() time.Time { return c.now }})
	return c
}

// sought gives what is shown, as words with their counts.
func (c *counter) sought(spaces ...schemas.SpaceID) (out []string) {
	c.t.Helper()
	list, err := c.List(c.t.Context(), spaces, 100)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s/%s %d %d", s.Space, s.Words, s.Count, s.Month))
	}
	return out
}

func (c *counter) rows(table string) (n int) {
	c.t.Helper()
	err := c.DB.QueryRow(c.t.Context(), "SELECT count(*) FROM "+table).Scan(&n)
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// What is counted of a search.
func TestWords(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"Soil  MOISTURE":                 "soil,moisture,soil moisture",
		"soil soil":                      "soil",
		`"winter wheat" yield~`:          "winter,wheat,yield,winter wheat yield",
		"space:health -farm wheat*":      "wheat",
		"ada@lab.example wheat":          "wheat",
		"+49 0172 5550199 2027":          "49,0172,2027,49 0172 2027",
		"x ° %":                          "",
		"Île-de-France":                  "île,de,france,île de france",
		"a1 b2 c3 d4 e5":                 "a1,b2,c3,d4,e5",
		strings.Repeat("long", 20):       "",
		"q1 q2 q3 q4 q5 q6 q7 q8 q9 q10": "q1,q2,q3,q4,q5,q6,q7,q8",
		"<script>alert(1)</script>":      "script,alert,script alert",
		"wheat\u202eyield":               "wheat,yield,wheat yield",
		"":                               "",
	} {
		if got := strings.Join(Words(query), ","); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

// Words are shown once enough different seekers used them, whoever asks how often; who they were is kept nowhere then,
// and before that not by name.
func TestFewAreToldToNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCounter(t, d)
		for day := range 10 { // one who asks every day is one
			for range 3 {
				c.Note("https://lab.example", "soil", "agriculture")
			}
			c.now = c.now.AddDate(0, 0, 1)
			if got := c.sought(); len(got) > 0 {
				t.Fatalf("day %d: one seeker is told: %v", day, got)
			}
		}
		for i := range Few - 1 {
			if got := c.sought(); len(got) > 0 {
				t.Fatalf("%d seekers are told: %v", i+1, got)
			}
			if n := c.rows("demand_seeker"); n != i+1 {
				t.Errorf("%d hashes of %d seekers", n, i+1)
			}
			c.Note(fmt.Sprintf("https://lab%d.example", i), "Soil", "agriculture")
		}
		if got := c.sought(); !slices.Equal(got, []string{"agriculture/soil 14 14"}) {
			t.Errorf("%v", got)
		}
		if n := c.rows("demand_seeker"); n != 0 {
			t.Errorf("%d hashes are kept", n)
		}
		var named int
		err := d.QueryRow(t.Context(), `SELECT count(*) FROM demand_words WHERE words LIKE '%lab%'`).Scan(&named)
		if err != nil || named > 0 {
			t.Errorf("%d rows name a seeker, %v", named, err)
		}
		c.now = c.now.AddDate(0, 0, 40)
		if got := c.sought("agriculture"); !slices.Equal(got, []string{"agriculture/soil 14 0"}) {
			t.Errorf("after a month: %v", got)
		}
	})
}

// Who asks for some spaces reads those, and what named none.
func TestSpaces(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dbtest.Open(t, dbtest.SQLite))
	for i := range Few {
		for _, space := range []schemas.SpaceID{"", "health", "energy"} {
			c.Note(fmt.Sprint(i), "cohort", space)
		}
		c.Note(fmt.Sprint(i), "rare disease", "health")
	}
	if got := c.sought("health"); len(got) != 5 || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "energy") }) {
		t.Errorf("%v", got)
	}
	if got := c.sought(); len(got) != 6 {
		t.Errorf("%v", got)
	}
	list, err := c.List(t.Context(), []schemas.SpaceID{}, 100)
	if err != nil || len(list) != 1 || list[0].Words != "cohort" || list[0].Space != "" {
		t.Errorf("of no space: %+v, %v", list, err)
	}
	if a, b := c.hash("x", "", "one"), c.hash("x", "", "two"); a == b {
		t.Error("a seeker is the same one for all words")
	}
}

// What is old is dropped, and what few used sooner.
func TestOldIsDropped(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newCounter(t, d)
		for i := range Few {
			c.Note(fmt.Sprint(i), "soil", "")
		}
		c.Note("x", "moisture", "")
		c.sought()
		if n := c.rows("demand_words"); n != 2 {
			t.Errorf("%d words", n)
		}
		c.now = c.now.AddDate(0, 0, fewDays+1)
		c.sought()
		if w, s, days := c.rows("demand_words"), c.rows("demand_seeker"), c.rows("demand_day"); w != 1 || s != 0 || days != 1 {
			t.Errorf("after %d days %d words, %d hashes, %d counts", fewDays+1, w, s, days)
		}
		c.now = c.now.AddDate(0, 0, keptDays)
		if got := c.sought(); len(got) > 0 || c.rows("demand_words")+c.rows("demand_day") != 0 {
			t.Errorf("after a year %v", got)
		}
	})
}

// A flood fills neither memory nor the database.
func TestFloodsOfWords(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dbtest.Open(t, dbtest.SQLite))
	if c.Due() {
		t.Error("nothing waits")
	}
	for i := range 3 * mostWaiting {
		c.Note("flood", fmt.Sprintf("w%d", i), "")
	}
	if len(c.waiting) != mostWaiting || !c.Due() {
		t.Errorf("%d wait", len(c.waiting))
	}
	err := c.DB.WriteBulk(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i := range mostFew {
			_, err := tx.Exec(ctx, `INSERT INTO demand_words (space, words, seekers, last) VALUES ('', ?, 1, '2027-02-01')`, fmt.Sprintf("old%d", i))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.sought()
	if n := c.rows("demand_words"); n != mostFew {
		t.Errorf("%d words of few are kept", n)
	}
	if c.Due() {
		t.Error("nothing waits any more")
	}
	lost, cancel := context.WithCancel(t.Context())
	cancel()
	c.Note("y", "kept", "")
	if err := c.Flush(lost); err == nil || len(c.waiting) != 1 {
		t.Errorf("what cannot be stored does not wait: %v, %v", c.waiting, err)
	}
	if err := c.Flush(t.Context()); err != nil || len(c.waiting) != 0 {
		t.Errorf("%v wait, %v", c.waiting, err)
	}
	c.Note("x", "more", "")
	if c.Due() {
		t.Error("it is stored at once")
	}
	c.now = c.now.Add(flushEvery)
	if !c.Due() {
		t.Error("it is not stored after a minute")
	}
}

// Much is stored in several writes, between which others have their turn; and not more often than each minute.
func TestMuchIsStoredBitByBit(t *testing.T) {
	t.Parallel()
	c := newCounter(t, dbtest.Open(t, dbtest.SQLite))
	const many = 2*mostAtOnce + 7
	for i := range many {
		c.Note("https://lab.example", fmt.Sprintf("word%c%c", 'a'+i%26, 'a'+i/26), "")
	}
	if !c.Due() {
		t.Error("what waits is not due at first")
	}
	err := c.Flush(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := c.rows("demand_words"); n != many {
		t.Errorf("%d words are stored of %d", n, many)
	}
	for i := range mostWaiting {
		c.Note("https://lab.example", fmt.Sprintf("more%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676), "")
	}
	if c.Due() {
		t.Error("a flood is stored before its minute is over")
	}
	c.now = c.now.Add(flushEvery)
	if !c.Due() {
		t.Error("what waits is not due after a minute")
	}
}
