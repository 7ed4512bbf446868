package harvest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"guichet/connectors/db"
	"guichet/schemas"
)

// atATime is how many records one transaction takes over.
const atATime = 32

// Bounds of what is kept of a record beside its dataset, in bytes.
const (
	maxKey = 1024
	maxWhy = 2000

	maxRecord = 4 << 20 // of the dataset itself, as JSON
)

// take takes over the records of the page at which a source stands; those of a feed, whatever
// stood on pages before it.
func (h *Harvester) take(ctx context.Context, s *Catalogue, records []Record, feed bool) (c Counts, err error) {
	for from := 0; from < len(records); from += atATime {
		part := records[from:min(from+atATime, len(records))]
		var done Counts
		err := h.letSearchFollow(ctx)
		if err != nil {
			return c, err
		}
		err = h.prepare(ctx, s, part, from)
		if err != nil {
			return c, err
		}
		err = h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			done = Counts{}
			for i := range part {
				err := h.record(ctx, tx, s, &part[i], feed, &done)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return c, err
		}
		c.add(done)
	}
	return c, nil
}

// maxBehind is how many changes the search may be behind before a harvest waits for it: so many stand before what is
// registered now. A part of a page waits for so long at most: a search that stands still holds up no harvest.
const (
	maxBehind   = 2 * atATime
	longestWait = 2 * time.Second
)

// letSearchFollow waits while the search is far behind.
func (h *Harvester) letSearchFollow(ctx context.Context) error {
	if h.Behind == nil {
		return nil
	}
	enough := time.NewTimer(longestWait)
	defer enough.Stop()
	often := time.NewTicker(10 * time.Millisecond)
	defer often.Stop()
	for h.Behind(ctx) > maxBehind {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-enough.C:
			return nil
		case <-often.C:
		}
	}
	return nil
}

// seen is what is known of a record.
type seen struct {
	dataset      schemas.DatasetID
	page, digest string
	refused      string
	harvest      int64
	known        bool
}

// prepare completes records, and checks those that are other than what is known, before anything waits for them.
func (h *Harvester) prepare(ctx context.Context, s *Catalogue, records []Record, first int) error {
	finish := h.Kinds[s.Kind].Finish
	args, marks := []any{string(s.ID)}, ""
	for i := range records {
		r := &records[i]
		if s.Space != "" && r.Dataset.Space == "" {
			r.Dataset.Space = s.Space
		}
		if finish != nil && r.Err == nil {
			finish(&r.Dataset)
		}
		var err error
		r.key = keyOf(s, r, first+i)
		r.sum, err = r.digest()
		if err != nil {
			return err
		}
		args, marks = append(args, r.key), marks+",?"
	}
	if len(records) == 0 {
		return nil
	}
	known := map[string]string{}
	rows, err := h.DB.Query(ctx, `SELECT iri, digest FROM harvested WHERE source = ? AND iri IN (`+marks[1:]+`)`, args...)
	if err != nil {
		return fmt.Errorf("look up records: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key, sum string
		err = errors.Join(err, rows.Scan(&key, &sum))
		known[key] = sum
	}
	err = errors.Join(err, rows.Err())
	for i := range records {
		if r := &records[i]; err == nil && r.Err == nil && !r.Gone && known[r.key] != r.sum {
			h.check(s, r)
		}
	}
	return err
}

// check checks what a record says.
func (h *Harvester) check(s *Catalogue, r *Record) {
	checked := h.Catalog.CheckHarvested(s.principal(), s.ID, r.Dataset)
	r.checked = &checked
}

// record takes over one record, or sets it aside.
func (h *Harvester) record(ctx context.Context, tx *db.Tx, s *Catalogue, r *Record, feed bool, c *Counts) error {
	iri, digest := r.key, r.sum
	var have seen
	err := tx.QueryRow(ctx, `SELECT dataset, page, digest, refused, harvest FROM harvested WHERE source = ? AND iri = ?`, string(s.ID), iri).
		Scan(&have.dataset, &have.page, &have.digest, &have.refused, &have.harvest)
	have.known = err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look up a record: %w", err)
	}
	if r.Gone {
		return h.gone(ctx, tx, s, iri, &have, c)
	}
	if !feed && have.known && have.harvest == s.Health.Number && have.page != s.Health.Page {
		return nil // it stands on two pages: the first counts, and this one is read each time
	}
	c.Records++
	if !have.known || have.digest != digest {
		err = h.put(ctx, tx, s, r, &have, c)
		if err != nil {
			return err
		}
	}
	if have.refused != "" {
		c.Refused++
	}
	_, err = tx.Exec(ctx, `INSERT INTO harvested (source, iri, dataset, page, digest, harvest, refused) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (source, iri) DO UPDATE SET dataset = excluded.dataset, page = excluded.page, digest = excluded.digest,
		harvest = excluded.harvest, refused = excluded.refused`,
		string(s.ID), iri, string(have.dataset), s.Health.Page, digest, s.Health.Number, have.refused)
	if err != nil {
		return fmt.Errorf("remember a record: %w", err)
	}
	return nil
}

// gone withdraws the dataset of a record that its source says is no more.
func (h *Harvester) gone(ctx context.Context, tx *db.Tx, s *Catalogue, iri string, have *seen, c *Counts) error {
	c.Records++
	if !have.known || have.digest == "" {
		return nil
	}
	if have.dataset != "" {
		err := h.Catalog.WithdrawHarvested(ctx, tx, s.principal(), s.ID, have.dataset)
		if err != nil {
			return err
		}
		c.Withdrawn++
	}
	return forget(ctx, tx, s, iri, have.dataset)
}

// forget forgets a record, but for the id of its dataset, so that it has that again if it comes
// back.
func forget(ctx context.Context, tx *db.Tx, s *Catalogue, iri string, dataset schemas.DatasetID) error {
	query := `DELETE FROM harvested WHERE source = ? AND iri = ?`
	if dataset != "" {
		query = `UPDATE harvested SET digest = '', refused = '' WHERE source = ? AND iri = ?`
	}
	_, err := tx.Exec(ctx, query, string(s.ID), iri)
	if err != nil {
		return fmt.Errorf("forget a record: %w", err)
	}
	return nil
}

// put stores what a record describes, or says why not.
func (h *Harvester) put(ctx context.Context, tx *db.Tx, s *Catalogue, r *Record, have *seen, c *Counts) error {
	err := r.Err
	changed, first := false, have.dataset == ""
	if err == nil {
		if r.checked == nil { // it was known, and another replica knows it otherwise since
			h.check(s, r)
		}
		have.dataset, changed, err = h.Catalog.PutHarvested(ctx, tx, s.principal(), have.dataset, *r.checked)
	}
	switch kind := schemas.KindOf(err); {
	case err == nil:
		have.refused = ""
	case kind == schemas.Invalid || kind == schemas.TooLarge || kind == schemas.Conflict || errors.Is(err, db.ErrAltered):
		have.refused = kept(message(err))
	default:
		return err
	}
	switch {
	case changed && first:
		c.New++
	case changed:
		c.Changed++
	}
	return nil
}

// keyOf is by what a record is known again: its IRI, where it has one that can be looked up by.
func keyOf(s *Catalogue, r *Record, i int) string {
	iri := strings.ToValidUTF8(strings.ReplaceAll(r.IRI, "\x00", "\uFFFD"), "\uFFFD")
	if iri == "" {
		iri = fmt.Sprintf("%s#%d", s.Health.Page, i)
	}
	if len(iri) > maxKey {
		sum := sha256.Sum256([]byte(iri))
		iri = bounded(iri, maxKey-2*sha256.Size) + hex.EncodeToString(sum[:])
	}
	return iri
}

// bounded cuts a text between two of its characters.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// digest is the same for records that say the same; one that says too much is faulty then.
func (r *Record) digest() (string, error) {
	b, err := json.Marshal(r.Dataset)
	if err != nil {
		return "", fmt.Errorf("read a record: %w", err)
	}
	if r.Err != nil {
		b = append(b, message(r.Err)...)
	}
	if len(b) > maxRecord && r.Err == nil {
		r.Err = schemas.Errorf(schemas.TooLarge, r.IRI, "the record has %d bytes; at most %d are taken over", len(b), maxRecord)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// end withdraws what a source has no more, now that all of it was read.
func (h *Harvester) end(ctx context.Context, s *Catalogue) error {
	following := s.Health.State != Running
	done, err := h.settle(ctx, s)
	if err != nil {
		return err
	}
	s.Health.Counts.add(done)
	fresh, err := h.Get(ctx, s.ID)
	if err != nil {
		return err
	}
	if following {
		return h.upToDate(ctx, s)
	}
	var all, gone int64
	err = h.DB.QueryRow(ctx, `SELECT count(*), coalesce(sum(CASE WHEN harvest < ? THEN 1 ELSE 0 END), 0) FROM harvested
		WHERE source = ? AND dataset <> '' AND digest <> ''`, s.Health.Number, string(s.ID)).Scan(&all, &gone)
	if err != nil {
		return fmt.Errorf("look for what is gone: %w", err)
	}
	held := much(gone, all) && !fresh.Health.Agreed
	var withdrawn int64
	if !held {
		withdrawn, err = h.withdraw(ctx, s, `harvest < ? AND digest <> ''`, s.Health.Number)
		if err != nil {
			return err
		}
	}
	return h.save(ctx, s, func(ctx context.Context, tx *db.Tx, s *Catalogue) error {
		f := &s.Health
		f.State, f.Why, f.Ended, f.Whole, f.Gone = Well, "", h.now(), h.now(), 0
		f.Counts.Withdrawn, f.Next, f.Follow, f.Watch = f.Counts.Withdrawn+withdrawn, h.after(f, s.every()), f.Watch, ""
		if f.Follow != "" { // whether that is of use shows then: else all would be read again and again at once
			f.Next = h.after(f, h.look(s))
		} else {
			f.Failures = 0
		}
		if held {
			f.State, f.Gone, f.Follow, f.Next = Held, gone, "", h.after(f, s.every())
			f.Why = fmt.Sprintf("%d of %d datasets are gone from the source at once, and none is withdrawn: look at the source; "+
				"if they are meant to go, say so (guichet source run %s --agree)", gone, all, s.ID)
		} else {
			f.Agreed = false
		}
		return count(ctx, tx, s)
	})
}

// asideInWords says that most of what a source has is set aside, and for what most often; "" where it is not.
func asideInWords(ctx context.Context, tx *db.Tx, s *Catalogue) (string, error) {
	f := &s.Health
	var refused, often int64
	var why string
	err := tx.QueryRow(ctx, `SELECT count(*) FROM harvested WHERE source = ? AND refused <> '' AND dataset = ''`, string(s.ID)).Scan(&refused)
	if err == nil && refused > f.Datasets {
		err = tx.QueryRow(ctx, `SELECT refused, count(*) AS n FROM harvested WHERE source = ? AND refused <> '' AND dataset = ''
			GROUP BY refused ORDER BY n DESC, refused LIMIT 1`, string(s.ID)).Scan(&why, &often)
	}
	if err != nil {
		return "", fmt.Errorf("look for what was set aside: %w", err)
	}
	if why == "" {
		return "", nil
	}
	said := fmt.Sprintf("%d of %d records are set aside, %d of them so: %s", refused, refused+f.Datasets, often, bounded(why, maxWhy/2))
	if strings.Contains(why, "/space: missing") {
		said += " (say in which data space they are: --space, with --replace)"
	}
	return said, nil
}

// upToDate ends a look at what changed.
func (h *Harvester) upToDate(ctx context.Context, s *Catalogue) error {
	return h.save(ctx, s, func(ctx context.Context, tx *db.Tx, s *Catalogue) error {
		f := &s.Health
		f.State, f.Why, f.Ended, f.Failures, f.Next = Well, "", h.now(), 0, h.after(f, h.look(s))
		return count(ctx, tx, s)
	})
}

// count counts what a source has here.
func count(ctx context.Context, tx *db.Tx, s *Catalogue) error {
	err := tx.QueryRow(ctx, `SELECT coalesce(sum(CASE WHEN dataset <> '' AND digest <> '' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN refused <> '' THEN 1 ELSE 0 END), 0) FROM harvested WHERE source = ?`,
		string(s.ID)).Scan(&s.Health.Datasets, &s.Health.Refused)
	if err == nil && s.Health.State == Well {
		s.Health.Why, err = asideInWords(ctx, tx, s)
	}
	return err
}

// much says whether so many datasets go at once as a fault of the source would take.
func much(gone, all int64) bool {
	return gone > 0 && gone == all || gone > 10 && gone*5 > all
}

// withdraw withdraws datasets of a source, and forgets what was never taken over.
func (h *Harvester) withdraw(ctx context.Context, s *Catalogue, where string, args ...any) (n int64, err error) {
	args = append([]any{string(s.ID)}, args...)
	for {
		done := 0
		err := h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			done = 0
			gone, err := listed(ctx, tx, `SELECT iri, dataset FROM harvested WHERE source = ? AND `+where+fmt.Sprintf(` LIMIT %d`, atATime), args)
			for _, g := range gone {
				if err == nil && g.dataset != "" {
					err = h.Catalog.WithdrawHarvested(ctx, tx, s.principal(), s.ID, g.dataset)
					done++
				}
				if err == nil {
					err = forget(ctx, tx, s, g.iri, g.dataset)
				}
			}
			if len(gone) == 0 {
				done = -1
			}
			return err
		})
		if err != nil || done < 0 {
			return n, err
		}
		n += int64(done)
	}
}

type gone struct {
	iri     string
	dataset schemas.DatasetID
}

func listed(ctx context.Context, tx *db.Tx, query string, args []any) (out []gone, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("look for what is gone: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g gone
		err = errors.Join(err, rows.Scan(&g.iri, &g.dataset))
		out = append(out, g)
	}
	return out, errors.Join(err, rows.Err())
}

// takeAway withdraws all that a removed source brought, and forgets it.
func (h *Harvester) takeAway(ctx context.Context, s *Catalogue) error {
	_, err := h.withdraw(ctx, s, `digest <> ''`)
	if err != nil {
		return err
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{`DELETE FROM harvested WHERE source = ?`, `DELETE FROM source WHERE id = ?`} {
			_, err := tx.Exec(ctx, q, string(s.ID))
			if err != nil {
				return fmt.Errorf("forget a source: %w", err)
			}
		}
		return forgetPages(ctx, tx, s.ID)
	})
}
