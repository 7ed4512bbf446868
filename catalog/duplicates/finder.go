package duplicates

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/schemas"
)

// Config is what a Finder is made of.
type Config struct {
	DB      *db.DB
	Catalog *catalog.Catalog
	Log     *slog.Logger
	Now     func() time.Time
	Alone   bool // no other process is at this database: what one before it held is free
}

// Finder finds datasets that are one and the same, and keeps what it found. Safe for concurrent use.
type Finder struct {
	Config
	holder string // this process, among those that may be at it
}

const (
	// rules names how datasets are described and compared: another name has all compared anew.
	rules = "2"
	// heldFor is how long a replica is at it without a sign of life.
	heldFor = time.Minute
	// retryAfter is how long a fault of the database is waited out, and look how often one looks
	// whether another replica stopped.
	retryAfter, look = 500 * time.Millisecond, 2 * time.Second
	changesAtOnce    = 500
	setsAtOnce       = 8    // compared in one transaction: some milliseconds
	unnoted          = 2000 // changes of other kinds that may be looked at again after a crash
)

// New makes one; Run starts it.
func New(c Config) *Finder {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Finder{c, rand.Text()}
}

// errLost says that another replica is at it now.
var errLost = errors.New("another gateway looks for duplicates now")

// Run follows the change sequence until ctx ends, on one replica at a time.
func (f *Finder) Run(ctx context.Context) error {
	if f.Alone {
		err := f.letGo(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	for ctx.Err() == nil {
		err := f.follow(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errLost) {
			f.Log.Warn("duplicates are not looked for; it is tried again", "err", err)
		}
		pause(ctx, retryAfter)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	short, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-short.Done()
}

// letGo lets go what a process before this one had.
func (f *Finder) letGo(ctx context.Context) error {
	return f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE duplicate_follow SET held = 0`)
		if err != nil {
			return fmt.Errorf("free the search for duplicates: %w", err)
		}
		return nil
	})
}

// follow does what changes ask for, as long as nobody else is at it. While nothing changes it writes
// nothing: its hold ends, and whoever is first at the next change has it.
func (f *Finder) follow(ctx context.Context) error {
	for at := int64(-1); ; {
		if at >= 0 {
			_, err := f.DB.Wait(ctx, at)
			if err != nil {
				return err
			}
		}
		free, err := f.free(ctx)
		if err != nil {
			return err
		}
		mine, noted := false, int64(0)
		if free {
			mine, noted, err = f.take(ctx)
		}
		if err != nil {
			return err
		}
		if !mine {
			pause(ctx, look)
			return ctx.Err()
		}
		at, err = f.catchUp(ctx, max(at, noted), noted)
		if err != nil {
			return err
		}
	}
}

// free says whether no other replica is at it.
func (f *Finder) free(ctx context.Context) (bool, error) {
	var held int64
	var holder string
	err := f.DB.QueryRow(ctx, `SELECT held, holder FROM duplicate_follow WHERE id = 1`).Scan(&held, &holder)
	if err != nil {
		return false, fmt.Errorf("look who looks for duplicates: %w", err)
	}
	return holder == f.holder || held < f.Now().UnixMicro(), nil
}

// take takes the search for this replica, if no other has it, and gives where it stands. Where
// datasets were compared by other rules it begins anew.
func (f *Finder) take(ctx context.Context) (mine bool, position int64, err error) {
	err = f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := f.Now()
		r, err := tx.Exec(ctx, `UPDATE duplicate_follow SET held = ?, holder = ? WHERE id = 1 AND (held < ? OR holder = ?)`,
			now.Add(heldFor).UnixMicro(), f.holder, now.UnixMicro(), f.holder)
		if err != nil {
			return fmt.Errorf("take the search for duplicates: %w", err)
		}
		n, err := r.RowsAffected()
		if mine = n == 1; err != nil || !mine {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE duplicate_follow SET position = 0, rules = ? WHERE id = 1 AND rules <> ?`, rules, rules)
		if err != nil {
			return fmt.Errorf("compare all datasets anew: %w", err)
		}
		return tx.QueryRow(ctx, `SELECT position FROM duplicate_follow WHERE id = 1`).Scan(&position)
	})
	return mine, position, err
}

// catchUp does what changed from a position on, and gives where there is no more. noted is the
// position that is stored: cut off, it goes on there, and what is done twice comes to the same.
func (f *Finder) catchUp(ctx context.Context, at, noted int64) (int64, error) {
	err := f.repeat(ctx) // what a crash left
	if err != nil {
		return at, err
	}
	for {
		changes, err := f.DB.News(ctx, at, changesAtOnce)
		if err != nil || len(changes) == 0 {
			return at, err
		}
		var ids []string
		for _, c := range changes {
			if (c.Kind == schemas.ChangeDatasetPut || c.Kind == schemas.ChangeDatasetGone) && !slices.Contains(ids, c.Subject) {
				ids = append(ids, c.Subject)
			}
		}
		for some := range slices.Chunk(ids, setsAtOnce) {
			err = f.update(ctx, some)
			if err == nil {
				err = f.repeat(ctx)
			}
			if err != nil {
				return at, err
			}
		}
		at = changes[len(changes)-1].Position + 1
		if len(ids) > 0 || at-noted > unnoted {
			noted = at
			err = f.held(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE duplicate_follow SET position = ? WHERE id = 1`, at)
				return err
			})
			if err != nil {
				return at, err
			}
		}
	}
}

// repeat compares again what is due.
func (f *Finder) repeat(ctx context.Context) error {
	for more := true; more; {
		var n int
		err := f.DB.QueryRow(ctx, `SELECT count(*) FROM duplicate_due`).Scan(&n)
		if err != nil {
			return fmt.Errorf("look what is compared again: %w", err)
		}
		if more = n > 0; !more {
			break
		}
		err = f.held(ctx, func(ctx context.Context, tx *db.Tx) error {
			more, err = f.again(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// held runs fn in a transaction, if this replica still is at it. Errors: errLost.
func (f *Finder) held(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) error) error {
	return f.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE duplicate_follow SET held = ? WHERE id = 1 AND holder = ?`,
			f.Now().Add(heldFor).UnixMicro(), f.holder)
		if err != nil {
			return fmt.Errorf("keep the search for duplicates: %w", err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			return errLost
		}
		return fn(ctx, tx)
	})
}

// update compares some datasets as they are now with those that there are.
func (f *Finder) update(ctx context.Context, ids []string) error {
	now := make([]*Described, len(ids))
	for i, id := range ids {
		d, err := f.Catalog.Dataset(ctx, f.DB, schemas.DatasetID(id))
		switch {
		case schemas.KindOf(err) == schemas.NotFound, errors.Is(err, db.ErrAltered): // nobody has it
		case err != nil:
			return err
		case !d.Withdrawn && (schemas.Sight{Everyone: true}).Sees(&d):
			said := Describe(&d)
			now[i] = &said
		}
	}
	return f.held(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i, id := range ids {
			err := f.put(ctx, tx, id, now[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
}
