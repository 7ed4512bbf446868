package harvest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

// Kinds of sources: those that give DCAT-AP, page by page or as a feed of what changes; portals of
// CKAN; connectors of the Dataspace Protocol; files and folders; another Guichet.
const (
	DCATAP  = "dcat-ap"
	CKAN    = "ckan"
	DSP     = "dsp"
	Files   = "files"
	Guichet = "guichet"
)

// Page is one page of a source, read.
type Page struct {
	Records []Record
	Feed    bool     // it tells what changed: it has no records but changes
	Changes []Change // in the order in which they are taken
	Next    string   // absolute address of the next page; "" at the end
	Total   int64    // records of the whole source, where it says so
	Monitor string   // absolute address of a feed of what changes from now on, where there is one
}

// Record describes one dataset, or says why it cannot be read, or that it is gone.
type Record struct {
	IRI     string
	Dataset schemas.Dataset
	Err     error
	Gone    bool

	key, sum string // by what it is known again, and what it says
	checked  *catalog.Harvested
}

// Kind is one way in which sources speak.
type Kind struct {
	// First is where the first page of the source at an address is read; the same where it is nil.
	First func(address string) string
	// Ask is what a page is asked with, beside what is known of it; nil asks for RDF.
	Ask func(page string) fetch.Request
	// Read reads a page. Errors: Invalid, TooLarge where the page as a whole cannot be read.
	Read func(a *fetch.Answer) (Page, error)
	// Finish completes what a record says of a dataset; nil where there is nothing to add.
	Finish func(d *schemas.Dataset)
	// Aside has a page that cannot be read set aside as a record: what stood on it stays, and the
	// harvest goes on.
	Aside bool
	// Name is the IRI of a dataset that has none and is alone on its page; nil leaves it nameless.
	Name func(s *Catalogue, page string) string
	// Look is the time from one look at what changed to the next, where a source tells that and
	// its operator says nothing; a minute where it is 0.
	Look time.Duration
}

// Config is what a Harvester is made of.
type Config struct {
	DB      *db.DB
	Catalog *catalog.Catalog
	Spaces  []schemas.SpaceID
	Fetch   func(ctx context.Context, r fetch.Request) (*fetch.Answer, error)
	Address func(url string) error // Invalid for what Fetch would never read
	Kinds   map[string]Kind        // by name
	Log     *slog.Logger
	Now     func() time.Time

	Own      func(url string) bool // that it is this site's own; nil: none is
	Turn     time.Duration         // after which a source makes room for others that are due; ten minutes when left out
	Entities int64                 // that are kept of a feed of changes; 4,194,304 when left out

	// Behind is by how many changes the search of this process is behind the registry; nil: nobody searches. A harvest
	// waits for it, so that what people register meanwhile is found soon.
	Behind func(ctx context.Context) int64

	Alone bool // no other process is at this database: what one before it held is free
}

// Harvester keeps sources and harvests them. Safe for concurrent use.
type Harvester struct {
	Config
	mu    sync.Mutex
	hosts map[string]bool // that are being asked: each by one source at a time
}

// heldFor is how long a replica has a source without a sign of life.
const heldFor = 2 * time.Minute

// NewHarvester makes one; Run starts it.
func NewHarvester(c Config) *Harvester {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Entities == 0 {
		c.Entities = maxEntities
	}
	if c.Turn == 0 {
		c.Turn = 10 * time.Minute
	}
	return &Harvester{Config: c, hosts: map[string]bool{}}
}

func (h *Harvester) now() time.Time { return h.Now().UTC().Truncate(time.Microsecond) }

// atOnce is how many sources one replica harvests at the same time, of as many hosts.
const atOnce = 4

// Run harvests what is due until ctx ends, looking every second.
func (h *Harvester) Run(ctx context.Context) error {
	err := h.free(ctx)
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.SetLimit(atOnce)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		err := h.begin(ctx, &running)
		if err != nil && ctx.Err() == nil {
			h.Log.Warn("the sources cannot be read; they are tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return running.Wait()
		case <-tick.C:
		}
	}
}

// free lets go what a process before this one had, where no other can have it.
func (h *Harvester) free(ctx context.Context) error {
	if !h.Alone {
		return nil
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE source SET held = 0`)
		if err != nil {
			return fmt.Errorf("free the sources: %w", err)
		}
		return nil
	})
}

// begin starts what is due and what nobody is at: of each host one, so that a slow one does not keep others waiting.
func (h *Harvester) begin(ctx context.Context, running *errgroup.Group) error {
	list, err := h.due(ctx)
	if err != nil {
		return err
	}
	for _, d := range list {
		if !h.enter(d.host) {
			continue
		}
		began := running.TryGo(func() error {
			defer h.leave(d.host)
			s, mine, err := h.claim(ctx, d.id)
			if err == nil && mine {
				err = h.work(ctx, &s)
			}
			if err != nil && ctx.Err() == nil {
				h.Log.Warn("a harvest stopped; it goes on later", "source", d.id, "err", err)
			}
			return nil
		})
		if !began { // at the next look
			h.leave(d.host)
			return nil
		}
	}
	return nil
}

// enter takes a host for a source, if no other has it.
func (h *Harvester) enter(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hosts[host] {
		return false
	}
	h.hosts[host] = true
	return true
}

func (h *Harvester) leave(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.hosts, host)
}

// dueSource is a source that is due, and the host that is asked next for it.
type dueSource struct {
	id   schemas.SourceID
	host string
}

func (h *Harvester) due(ctx context.Context) (out []dueSource, err error) {
	now := h.now().UnixMicro()
	rows, err := h.DB.Query(ctx, `SELECT id, doc FROM source WHERE due <= ? AND held < ? ORDER BY due LIMIT 1000`, now, now)
	if err != nil {
		return nil, fmt.Errorf("look for sources: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d dueSource
		var doc string
		err = errors.Join(err, rows.Scan(&d.id, &doc))
		d.host = hostOf(doc)
		out = append(out, d)
	}
	return out, errors.Join(err, rows.Err())
}

// hostOf is the host that a stored source is read from next; of what is none, all that is said. Who works at
// the source reads it as it was recorded.
func hostOf(doc string) string {
	var s Catalogue
	_ = json.Unmarshal([]byte(doc), &s)
	at := cmp.Or(s.Health.Page, s.Health.Follow, s.URL)
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return at
	}
	return strings.ToLower(u.Hostname())
}

// claim takes a source for this replica, if no other has it.
func (h *Harvester) claim(ctx context.Context, id schemas.SourceID) (s Catalogue, mine bool, err error) {
	err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := h.now()
		r, err := tx.Exec(ctx, `UPDATE source SET held = ? WHERE id = ? AND due <= ? AND held < ?`,
			now.Add(heldFor).UnixMicro(), string(id), now.UnixMicro(), now.UnixMicro())
		if err != nil {
			return fmt.Errorf("take a source: %w", err)
		}
		n, err := r.RowsAffected()
		if mine = n == 1; err != nil || !mine {
			return err
		}
		s, _, err = db.Get[Catalogue](ctx, tx, "source", string(id))
		return err
	})
	return s, mine, err
}

// work does what a source is due for, and lets it go.
func (h *Harvester) work(ctx context.Context, s *Catalogue) error {
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	id := s.ID
	beating.Go(func() { h.beat(ctx, id) })
	defer beating.Wait()
	defer cancel()
	if s.Removed {
		return h.takeAway(ctx, s)
	}
	err := h.harvest(ctx, s)
	after := context.WithoutCancel(ctx)
	if errors.Is(err, errTurn) {
		err = h.save(after, s, func(_ context.Context, _ *db.Tx, s *Catalogue) error {
			s.Health.Next = h.now() // behind those that are due already
			return nil
		})
	} else if err != nil && ctx.Err() == nil && !errors.Is(err, errChanged) { // a gateway that stops: the next one goes on at this page
		if schemas.KindOf(err) == schemas.Internal {
			h.Log.Error("a harvest failed", "source", s.ID, "err", err)
		}
		err = h.save(after, s, func(_ context.Context, _ *db.Tx, s *Catalogue) error {
			h.fails(s, err)
			return nil
		})
	}
	if errors.Is(err, errChanged) {
		err = nil // it begins anew
	}
	cancel()
	beating.Wait()
	return errors.Join(err, h.letGo(after, id))
}

// after is when a source is due after a while; at once where a harvest was asked for while one ran, which may have read
// what changed since.
func (h *Harvester) after(f *Health, wait time.Duration) time.Time {
	if f.Anew {
		return h.now()
	}
	return h.now().Add(wait)
}

// fails notes why a harvest came to nothing; it is tried again after longer and longer times,
// and not before the host wants it.
func (h *Harvester) fails(s *Catalogue, err error) {
	f := &s.Health
	f.State, f.Why, f.Ended, f.Page = Failing, why(err), h.now(), ""
	f.Agreed = false // it was to what the source had lost then
	f.Failures++
	wait := time.Minute
	if f.Follow != "" {
		wait = h.look(s)
	}
	if k := schemas.KindOf(err); k == schemas.NotFound || k == schemas.Gone { // all of it is read again
		f.Follow = ""
	}
	f.Next = h.after(f, min(s.every(), wait<<min(f.Failures, 10)))
	if busy, ok := errors.AsType[*fetch.Later](err); ok && busy.Until.After(f.Next) {
		f.Next = busy.Until.UTC()
	}
}

// beat keeps a source for this replica until ctx ends.
func (h *Harvester) beat(ctx context.Context, id schemas.SourceID) {
	tick := time.NewTicker(heldFor / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := h.hold(ctx, id, h.now().Add(heldFor))
		if err != nil && ctx.Err() == nil {
			h.Log.Warn("a source could not be kept; it is tried again", "source", id, "err", err)
		}
	}
}

// letGo gives a source up to whoever comes first.
func (h *Harvester) letGo(ctx context.Context, id schemas.SourceID) error {
	return h.hold(ctx, id, time.Time{})
}

func (h *Harvester) hold(ctx context.Context, id schemas.SourceID, until time.Time) error {
	held := int64(0)
	if !until.IsZero() {
		held = until.UnixMicro()
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE source SET held = ? WHERE id = ?`, held, string(id))
		if err != nil {
			return fmt.Errorf("keep a source: %w", err)
		}
		return nil
	})
}

// errTurn ends a harvest that has taken its turn: it goes on at its page, after others that are due.
var errTurn = errors.New("the source has had its turn")

// errChanged ends a harvest whose source was changed or removed meanwhile.
var errChanged = errors.New("the source was changed while it was harvested")

// save writes how a source fares, with what do writes. Errors: errChanged.
func (h *Harvester) save(ctx context.Context, s *Catalogue, do func(ctx context.Context, tx *db.Tx, s *Catalogue) error) error {
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, _, err := db.Get[Catalogue](ctx, tx, "source", string(s.ID))
		if err != nil {
			return err
		}
		if have.Removed || have.Paused != s.Paused || have.URL != s.URL || have.Kind != s.Kind || have.Space != s.Space {
			return errChanged
		}
		agreed, next, anew := have.Health.Agreed, have.Health.Next, have.Health.Anew // asked for meanwhile
		have.Health = s.Health
		have.Health.Agreed, have.Health.Next, have.Health.Anew = agreed, next, anew
		err = do(ctx, tx, &have)
		if err != nil {
			return err
		}
		have.Revision, err = db.Update(ctx, tx, "source", string(s.ID), 0, have, have.due())
		*s = have
		return err
	})
}
