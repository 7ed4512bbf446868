package harvest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"guichet/connectors/db"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// maxPages bounds a source that never ends.
const maxPages = 100_000

// maxTime bounds a harvest of all of a source, whose host may be as slow as it likes.
const maxTime = 7 * 24 * time.Hour

// reading names how pages are read, without a colon: another name has unchanged ones read again.
const reading = "4"

// harvest reads a source from the page at which it stands, or from its first, to its end; or
// only what changed.
func (h *Harvester) harvest(ctx context.Context, s *Catalogue) error {
	f := &s.Health
	switch {
	case h.follows(s): // what it was before it is until there is something else to say
		f.Begun, f.Page, f.Counts = h.now(), f.Follow, Counts{}
	case f.State != Running || f.Page == "":
		err := h.save(ctx, s, h.begins)
		if err != nil {
			return err
		}
	}
	turn := h.now().Add(h.Turn)
	looked := map[string]bool{} // following, at what is known of no harvest
	for s.Health.Page != "" {
		if looked[s.Health.Page] {
			return circle(s.Health.Page)
		}
		looked[s.Health.Page] = true
		if h.now().Sub(f.Begun) > maxTime {
			return schemas.Errorf(schemas.Unavailable, string(s.ID), "the harvest has gone on for more than %d days, and is begun anew",
				maxTime/(24*time.Hour))
		}
		if s.Health.Counts.Pages >= maxPages {
			return schemas.Errorf(schemas.TooLarge, string(s.ID), "the source goes on after %d pages", maxPages)
		}
		err := h.page(ctx, s)
		if err != nil {
			return err
		}
		if s.Health.Page != "" && h.now().After(turn) {
			return errTurn
		}
	}
	return h.end(ctx, s)
}

// begins begins to read all of a source.
func (h *Harvester) begins(ctx context.Context, tx *db.Tx, s *Catalogue) error {
	f := &s.Health
	f.Number = max(f.Number+1, h.now().UnixMicro())
	f.State, f.Why, f.Begun, f.Page, f.Counts = Running, "", h.now(), h.first(s), Counts{}
	f.Follow, f.Watch, f.Anew = "", "", false
	_, err := tx.Exec(ctx, `DELETE FROM source_again WHERE source = ?`, string(s.ID)) // all is put together anew
	if err != nil {
		return fmt.Errorf("forget what is due: %w", err)
	}
	if !f.Feed { // pages say how datasets are now: what a feed told of them before is put together no more
		_, err = tx.Exec(ctx, `DELETE FROM source_entity WHERE source = ? AND EXISTS (SELECT 1 FROM harvested h
			WHERE h.source = source_entity.source AND h.iri = source_entity.iri)`, string(s.ID))
		if err != nil {
			return fmt.Errorf("forget what a feed told: %w", err)
		}
		return keptSum(ctx, tx, s.ID)
	}
	_, err = tx.Exec(ctx, `DELETE FROM source_page WHERE source = ?`, string(s.ID)) // each event counts, also on pages that have not changed
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE source_entity SET at = 0 WHERE source = ?`, string(s.ID)) // and is newer than what was known
	}
	if err != nil {
		return fmt.Errorf("forget the pages of a feed: %w", err)
	}
	return nil
}

func circle(at string) error {
	return schemas.Errorf(schemas.Invalid, at, "the source's pages go round in a circle: %.200s comes again", schemas.Visible(at))
}

// knownPage is what is known of a page from the harvest that read it last.
type knownPage struct {
	etag, modified, digest, next string
	records, harvest             int64

	monitor string // as its answer said
	feed    bool
}

func (h *Harvester) known(ctx context.Context, s *Catalogue) (k knownPage, err error) {
	err = h.DB.QueryRow(ctx, `SELECT etag, modified, digest, next, records, harvest FROM source_page WHERE source = ? AND page = ?`,
		string(s.ID), s.Health.Page).Scan(&k.etag, &k.modified, &k.digest, &k.next, &k.records, &k.harvest)
	if errors.Is(err, sql.ErrNoRows) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("look up a page: %w", err)
	}
	if !strings.HasPrefix(k.digest, reading+":") { // also where its host says that it is unchanged
		k.etag, k.modified, k.digest = "", "", ""
	}
	return k, nil
}

// page takes over one page and goes to the next. What it does is there when the next one is
// named; cut off before, it is done again.
func (h *Harvester) page(ctx context.Context, s *Catalogue) error {
	at := s.Health.Page
	known, err := h.known(ctx, s)
	if err != nil {
		return err
	}
	following := s.Health.State != Running
	if known.harvest == s.Health.Number && !following {
		return circle(at)
	}
	counts, now, err := h.read(ctx, s, known)
	if errors.Is(err, errStale) {
		counts, now, err = h.read(ctx, s, knownPage{})
	}
	if err != nil {
		return onPage(at, err)
	}
	now.harvest = s.Health.Number
	if following && counts == (Counts{}) && now.next == "" && at == s.Health.Follow && known.digest == now.digest {
		s.Health.Page = ""
		return nil
	}
	return h.save(ctx, s, func(ctx context.Context, tx *db.Tx, s *Catalogue) error {
		c := &s.Health.Counts
		c.Total = max(c.Total, counts.Total)
		c.Pages++
		c.add(counts)
		s.Health.Page = now.next
		if following {
			s.Health.Follow = cmp.Or(now.next, at)
		} else {
			s.Health.Watch, s.Health.Feed = cmp.Or(s.Health.Watch, now.monitor), now.feed
			if now.feed && now.next == "" {
				s.Health.Watch = at
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO source_page (source, page, etag, modified, digest, next, records, harvest)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (source, page) DO UPDATE SET etag = excluded.etag, modified = excluded.modified, digest = excluded.digest,
			next = excluded.next, records = excluded.records, harvest = excluded.harvest`,
			string(s.ID), at, now.etag, now.modified, now.digest, now.next, now.records, now.harvest)
		if err == nil && following && now.next != "" { // it is not read again
			_, err = tx.Exec(ctx, `DELETE FROM source_page WHERE source = ? AND page = ?`, string(s.ID), at)
		}
		if err != nil {
			return fmt.Errorf("remember a page: %w", err)
		}
		return nil
	})
}

// read takes over what is new of the page at which a source stands, and gives what is to be known
// of it. Errors: errStale.
func (h *Harvester) read(ctx context.Context, s *Catalogue, known knownPage) (c Counts, now knownPage, err error) {
	want := h.asks(s)
	want.ETag, want.Modified = known.etag, known.modified
	a, err := h.Fetch(ctx, want)
	if err != nil {
		if a != nil && h.Kinds[s.Kind].Aside && s.Health.Page != s.URL {
			return h.aside(ctx, s, related(a, "next"), err)
		}
		return c, now, err
	}
	a.ETag, a.Modified = storable(a.ETag), storable(a.Modified)
	digest := known.digest
	if !a.Unchanged {
		sum := sha256.New()
		fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", s.Kind, s.Space, related(a, "next"))
		sum.Write(a.Body)
		digest = reading + ":" + hex.EncodeToString(sum.Sum(nil))
	}
	if known.digest != "" && digest == known.digest {
		now = known
		now.etag, now.modified, now.monitor, now.feed = a.ETag, a.Modified, related(a, "monitor"), s.Health.Feed
		if s.Health.State != Running {
			return c, now, nil
		}
		c, err = h.unchanged(ctx, s, known)
		return c, now, err
	}
	kind := h.Kinds[s.Kind]
	p, err := kind.Read(a)
	if err != nil {
		if k := schemas.KindOf(err); kind.Aside && s.Health.Page != s.URL && (k == schemas.Invalid || k == schemas.TooLarge) {
			return h.aside(ctx, s, p.Next, err)
		}
		return c, now, err
	}
	if len(p.Records) == 1 && p.Records[0].Err == nil && p.Records[0].IRI == "" && kind.Name != nil {
		p.Records[0].IRI = kind.Name(s, s.Health.Page)
		p.Records[0].Dataset.IRI = p.Records[0].IRI
	}
	p.Next, err = follow(s.Health.Page, p.Next)
	if err != nil {
		return c, now, err
	}
	if !p.Feed && s.Health.State != Running {
		return c, now, schemas.Errorf(schemas.Gone, s.Health.Page, "the address at which changes were told tells none any more; all is read anew")
	}
	if p.Feed {
		c, err = h.takeChanges(ctx, s, p.Changes)
	} else {
		c, err = h.take(ctx, s, p.Records, false)
	}
	c.Total = p.Total
	return c, knownPage{etag: a.ETag, modified: a.Modified, digest: digest, next: p.Next, records: int64(len(p.Records)),
		monitor: p.Monitor, feed: p.Feed}, err
}

// aside sets a page aside as a record of its own, and marks what stood on it as seen: it stays. A page that
// went since it was named has nothing any more. Such a page is read again each time.
func (h *Harvester) aside(ctx context.Context, s *Catalogue, next string, why error) (c Counts, now knownPage, err error) {
	now.next, err = follow(s.Health.Page, next)
	k := schemas.KindOf(why)
	if err != nil || k == schemas.NotFound {
		return c, now, err
	}
	if k != schemas.Invalid && k != schemas.TooLarge && k != schemas.Denied {
		return c, now, why
	}
	c, err = h.take(ctx, s, []Record{{IRI: s.Health.Page, Err: why}}, false)
	if err == nil {
		err = h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE harvested SET harvest = ? WHERE source = ? AND page = ? AND digest <> ''`,
				s.Health.Number, string(s.ID), s.Health.Page)
			if err != nil {
				return fmt.Errorf("keep what stood on a page: %w", err)
			}
			return nil
		})
	}
	return c, now, err
}

// maxAddress bounds the address of a page, by which it is looked up, in bytes.
const maxAddress = 2048

// follow is where the page after the one at an address is read: where it says, but not without
// TLS after a page with it, as portals behind a proxy often say. Errors: Invalid.
func follow(at, next string) (string, error) {
	if rest, plain := strings.CutPrefix(next, "http://"); plain && strings.HasPrefix(at, "https://") {
		next = "https://" + rest
	}
	if len(next) > maxAddress || storable(next) != next {
		return "", schemas.Errorf(schemas.Invalid, at, "the address of the next page is no text of at most %d bytes: %.200s", maxAddress,
			schemas.Visible(next))
	}
	return next, nil
}

// storable is a host's word where every database takes it, else nothing.
func storable(s string) string {
	if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
		return ""
	}
	return s
}

// first is where the first page of a source is read.
func (h *Harvester) first(s *Catalogue) string {
	if f := h.Kinds[s.Kind].First; f != nil {
		return f(s.URL)
	}
	return s.URL
}

// asks is what the page at which a source stands is asked with.
func (h *Harvester) asks(s *Catalogue) fetch.Request {
	want := fetch.Request{Accept: accept}
	if ask := h.Kinds[s.Kind].Ask; ask != nil {
		want = ask(s.Health.Page)
	}
	want.URL, want.From = s.Health.Page, s.URL
	return want
}

// accept is what pages may be, the best first.
const accept = "application/ld+json, application/trig;q=0.9, text/turtle;q=0.9, application/rdf+xml;q=0.8, application/n-quads;q=0.7, " +
	"application/json;q=0.7, */*;q=0.1"

// onPage says on which page something is wrong.
func onPage(at string, err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind != schemas.Invalid && e.Kind != schemas.TooLarge {
		return err
	}
	said := fmt.Sprintf("the page %.200s cannot be read: %s", schemas.Visible(at), e.Message)
	return &schemas.Error{Kind: e.Kind, Subject: at, Message: said, Remedy: e.Remedy, Fields: e.Fields, Err: err}
}

// errStale says that records of an unchanged page are known from elsewhere since, or were
// withdrawn: it is read again.
var errStale = errors.New("the page's records are not as it left them")

// unchanged marks the records of a page that has not changed as seen. Errors: errStale.
func (h *Harvester) unchanged(ctx context.Context, s *Catalogue, known knownPage) (c Counts, err error) {
	err = h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE harvested SET harvest = ? WHERE source = ? AND page = ?
			AND (harvest = ? OR harvest = ?) AND digest <> ''`,
			s.Health.Number, string(s.ID), s.Health.Page, known.harvest, s.Health.Number)
		if err == nil {
			c.Records, err = r.RowsAffected()
		}
		if err == nil && c.Records != known.records {
			return errStale
		}
		if err == nil {
			err = tx.QueryRow(ctx, `SELECT count(*) FROM harvested WHERE source = ? AND page = ? AND harvest = ? AND refused <> ''`,
				string(s.ID), s.Health.Page, s.Health.Number).Scan(&c.Refused)
		}
		if err != nil {
			return fmt.Errorf("mark an unchanged page: %w", err)
		}
		return nil
	})
	return c, err
}
