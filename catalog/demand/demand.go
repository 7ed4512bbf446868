// Package demand counts what people look for and do not find, without knowing who.
//
// In: the words of searches that found nothing, with something by which seekers are told apart. Out: words that at
// least Few of them used, with how often within a year. Always: words of fewer are told to nobody; what tells seekers
// apart is a keyed hash, another one for each words, and is dropped once there are enough of them; what is kept is
// bounded, and old things are dropped. It must not know people, and nothing here is of the record.
//
//	search ──▶ Note: words, once a day of each seeker, in memory
//	              │ each minute, or when somebody reads
//	              ▼
//	           demand_words  "soil moisture": 3 of 5 seekers ─▶ 5: shown
//	           demand_day    "soil moisture", 2027-03-01: 2
//	           demand_seeker three hashes ─────────────────▶ none
//
// What was noted in the last minute is lost where a gateway is killed: these are counts, not evidence.
package demand

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Few is how many different seekers words need before anybody reads them.
const Few = 5

// Bounds of what is kept.
const (
	mostWords   = 8       // of one search that are counted each by itself
	mostJoined  = 4       // of a search that are counted together too
	leastRunes  = 2       // of a word
	mostRunes   = 40      // of a word
	mostDigits  = 4       // of a word of digits: years are words, numbers of telephones are none
	mostWaiting = 4096    // that wait in memory to be stored
	mostAtOnce  = 50      // that one write stores: others wait for it
	mostSeen    = 100_000 // hashes of today in memory
	mostFew     = 20_000  // words that few used: the oldest make room
	flushEvery  = time.Minute
	keptDays    = 365 // counts
	fewDays     = 90  // words that few used
)

// Sought is words that were looked for and not found.
type Sought struct {
	Space schemas.SpaceID `json:"space,omitempty" doc:"the data space that the searches named; absent: none"`
	Words string          `json:"words"`
	Count int64           `json:"count" doc:"within a year: of each seeker once a day"`
	Month int64           `json:"month" doc:"and within the last 30 days"`
	Last  string          `json:"last" doc:"day on which they were sought last"`
}

// Config is what a Counter is made of.
type Config struct {
	DB  *db.DB
	Key []byte // tells hashes of seekers from those that somebody else makes; replicas share it
	Now func() time.Time
}

// one is words of one search, and whose hash they are.
type one struct {
	space, words, seeker, day string
}

// Counter counts. Safe for concurrent use.
type Counter struct {
	Config
	mu      sync.Mutex
	waiting []one
	seen    map[string]bool // hashes of today
	today   string
	flushed time.Time
	pruned  string // the day on which old things were dropped
}

// New makes a Counter.
func New(c Config) *Counter { return &Counter{Config: c, seen: map[string]bool{}} }

// Words are what is counted of a search: its plain words in lower case, each once, and, where they are few, all of them
// together. What is a filter (field:value) or what is left out (-word) is none, nor are long numbers.
func Words(query string) []string {
	var plain []string
	for part := range strings.FieldsSeq(schemas.Normal(query)) {
		if strings.ContainsAny(part, ":@") || strings.HasPrefix(part, "-") {
			continue
		}
		for _, w := range strings.FieldsFunc(strings.ToLower(part), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		}) {
			n := utf8.RuneCountInString(w)
			digits := !strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsDigit(r) })
			if n < leastRunes || n > mostRunes || digits && n > mostDigits || slices.Contains(plain, w) || len(plain) == mostWords {
				continue
			}
			plain = append(plain, w)
		}
	}
	if n := len(plain); n > 1 && n <= mostJoined {
		return append(plain, strings.Join(plain, " "))
	}
	return plain
}

// Note counts a search that found nothing: its words, once a day for a seeker. seeker tells seekers apart, and is kept
// nowhere. It asks no database.
func (c *Counter) Note(seeker, query string, space schemas.SpaceID) {
	day := c.Now().UTC().Format(time.DateOnly)
	c.mu.Lock()
	defer c.mu.Unlock()
	if day != c.today {
		c.today = day
		clear(c.seen)
	}
	for _, w := range Words(query) {
		o := one{string(space), w, c.hash(seeker, string(space), w), day}
		if c.seen[o.seeker] || len(c.waiting) >= mostWaiting || len(c.seen) >= mostSeen {
			continue
		}
		c.seen[o.seeker] = true
		c.waiting = append(c.waiting, o)
	}
}

// hash is a seeker of words: of others, the same seeker is another one.
func (c *Counter) hash(seeker, space, words string) string {
	h := hmac.New(sha256.New, c.Key)
	h.Write([]byte("guichet seeker 1\x00" + space + "\x00" + words + "\x00" + seeker))
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Due says whether what waits should be stored: a minute is over since that was tried last.
func (c *Counter) Due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0 && c.Now().Sub(c.flushed) >= flushEvery
}

// Flush stores what waits, and once a day drops what is old. What cannot be stored waits on.
func (c *Counter) Flush(ctx context.Context) error {
	c.mu.Lock()
	list, day := c.waiting, c.Now().UTC().Format(time.DateOnly)
	prune := c.pruned != day
	c.waiting, c.flushed = nil, c.Now()
	c.mu.Unlock()
	if len(list) == 0 && !prune {
		return nil
	}
	var err error
	for err == nil && len(list) > 0 {
		some := list[:min(len(list), mostAtOnce)]
		err = c.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, o := range some {
				err := o.store(ctx, tx)
				if err != nil {
					return fmt.Errorf("count what was not found: %w", err)
				}
			}
			return nil
		})
		if err == nil {
			list = list[len(some):]
		}
	}
	if err == nil {
		err = c.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := bound(ctx, tx)
			if err == nil && prune {
				err = c.prune(ctx, tx)
			}
			return err
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.waiting = append(list, c.waiting...)
		c.waiting = c.waiting[:min(len(c.waiting), mostWaiting)]
		return err
	}
	c.pruned = day
	return nil
}

// store counts one: the seeker, while they are few, and the day.
func (o *one) store(ctx context.Context, tx *db.Tx) error {
	var seekers int64
	err := tx.QueryRow(ctx, `INSERT INTO demand_words (space, words, seekers, last) VALUES (?, ?, 0, ?)
		ON CONFLICT (space, words) DO UPDATE SET last = excluded.last RETURNING seekers`, o.space, o.words, o.day).Scan(&seekers)
	if err != nil {
		return err
	}
	if seekers < Few {
		r, err := tx.Exec(ctx, `INSERT INTO demand_seeker (space, words, seeker) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			o.space, o.words, o.seeker)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		seekers += n
		_, err = tx.Exec(ctx, `UPDATE demand_words SET seekers = ? WHERE space = ? AND words = ?`, seekers, o.space, o.words)
		if err != nil {
			return err
		}
		if seekers >= Few { // who they were is needed no more
			_, err = tx.Exec(ctx, `DELETE FROM demand_seeker WHERE space = ? AND words = ?`, o.space, o.words)
			if err != nil {
				return err
			}
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO demand_day (space, words, day, n) VALUES (?, ?, ?, 1)
		ON CONFLICT (space, words, day) DO UPDATE SET n = demand_day.n + 1`, o.space, o.words, o.day)
	return err
}

// bound drops the words of few that were sought longest ago, where they are too many.
func bound(ctx context.Context, tx *db.Tx) error {
	n := 0
	err := tx.QueryRow(ctx, `SELECT count(*) FROM demand_words WHERE seekers < ?`, Few).Scan(&n)
	if err == nil && n > mostFew {
		_, err = tx.Exec(ctx, `DELETE FROM demand_words WHERE (space, words) IN
			(SELECT space, words FROM demand_words WHERE seekers < ? ORDER BY last, space, words LIMIT ?)`, Few, n-mostFew)
		if err == nil {
			err = orphans(ctx, tx)
		}
	}
	if err != nil {
		return fmt.Errorf("bound what was not found: %w", err)
	}
	return nil
}

// orphans drops counts and hashes of words that are kept no more.
func orphans(ctx context.Context, tx *db.Tx) error {
	for _, table := range []string{"demand_day", "demand_seeker"} {
		_, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE NOT EXISTS
			(SELECT 1 FROM demand_words w WHERE w.space = `+table+`.space AND w.words = `+table+`.words)`)
		if err != nil {
			return err
		}
	}
	return nil
}

// prune drops what is old: counts of more than a year ago, words that nobody sought since, and words that few used and
// that were not sought for a while.
func (c *Counter) prune(ctx context.Context, tx *db.Tx) error {
	ago := func(days int) string { return c.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly) }
	_, err := tx.Exec(ctx, `DELETE FROM demand_day WHERE day < ?`, ago(keptDays))
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM demand_words WHERE last < ? OR seekers < ? AND last < ?`, ago(keptDays), Few, ago(fewDays))
	}
	if err == nil {
		err = orphans(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("drop what is old of what was not found: %w", err)
	}
	return nil
}

// List gives what at least Few seekers did not find, the most sought first: of some data spaces and of searches that
// named none, or of all where spaces is nil.
func (c *Counter) List(ctx context.Context, spaces []schemas.SpaceID, limit int) ([]Sought, error) {
	err := c.Flush(ctx)
	if err != nil {
		return nil, err
	}
	now := c.Now().UTC()
	where, args := "", []any{now.AddDate(0, 0, -30).Format(time.DateOnly), Few, now.AddDate(0, 0, -keptDays).Format(time.DateOnly)}
	if spaces != nil {
		where = " AND w.space IN (''" + strings.Repeat(", ?", len(spaces)) + ")"
		for _, s := range spaces {
			args = append(args, string(s))
		}
	}
	rows, err := c.DB.Query(ctx, `SELECT w.space, w.words, w.last, sum(d.n), sum(CASE WHEN d.day > ? THEN d.n ELSE 0 END) AS month
		FROM demand_words w JOIN demand_day d ON d.space = w.space AND d.words = w.words
		WHERE w.seekers >= ? AND d.day >= ?`+where+` GROUP BY w.space, w.words, w.last
		ORDER BY sum(d.n) DESC, w.words, w.space LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read what was not found: %w", err)
	}
	defer rows.Close()
	out := []Sought{}
	for rows.Next() {
		var s Sought
		err = rows.Scan(&s.Space, &s.Words, &s.Last, &s.Count, &s.Month)
		if err != nil {
			return nil, fmt.Errorf("read what was not found: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
