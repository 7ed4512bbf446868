// Package kept remembers nouns that rule and are asked for again and again: read, held
// against the record and decoded once, and anew when a change about one is known.
//
// In: a database and a table. Out: its nouns. Always: what is given is what db.Get would
// give at that moment, also where another replica made the last change; what was edited
// behind the gateway never comes in, and that it was is noticed within a second. It must
// not know what the nouns mean.
package kept

import (
	"context"
	"sync"
	"time"

	"guichet/connectors/db"
	"guichet/schemas"
)

// Nouns is a memory of one table's nouns. Safe for concurrent use.
//
//	Get "a"   read, kept       changes up to 40 are heeded
//	41        about store/b    Get "a": from memory
//	42        about store/a    Get "a": read, kept; who asks meanwhile waits for it
type Nouns[T any] struct {
	db    *db.DB
	table string

	mu   sync.Mutex
	upTo int64               // changes below it are heeded
	kept map[string]*noun[T] // by each subject of changes about the noun
}

// noun is one in memory, or one that is being read.
type noun[T any] struct {
	id    string
	asked time.Time
	ready chan struct{} // closed once it was read: from then on the rest is valid

	doc      T
	revision int64
	err      error // then it is not kept
	gaveUp   bool  // of who read: its question ended
}

const (
	keptFor = time.Second
	maxKept = 4096 // nouns; then they are forgotten together
	maxNews = 1000 // changes that are read at once
	tooMany = 4096 // changes: cheaper to forget all nouns than to read them
)

// Of makes a memory of a table that rules.
func Of[T any](database *db.DB, table string) *Nouns[T] {
	return &Nouns[T]{db: database, table: table, kept: map[string]*noun[T]{}}
}

// Get is db.Get. What it gives is shared: do not change it.
func (k *Nouns[T]) Get(ctx context.Context, id string) (doc T, revision int64, err error) {
	subjects := db.Subjects(k.table, id)
	for {
		head, err := k.db.Newest(ctx)
		if err == nil {
			err = k.heed(ctx, head)
		}
		if err != nil {
			return doc, 0, err
		}
		n, mine := k.find(id, subjects)
		if mine {
			k.read(ctx, n, subjects)
			return n.doc, n.revision, n.err
		}
		select {
		case <-n.ready:
		case <-ctx.Done():
			return doc, 0, ctx.Err()
		}
		if !n.gaveUp {
			return n.doc, n.revision, n.err
		}
	}
}

// find gives the noun in memory, or one that others read already: no change about it is known
// that came after they began. Where there is none it gives one that the caller is to read.
func (k *Nouns[T]) find(id string, subjects []string) (n *noun[T], mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	n = k.under(subjects)
	if n != nil && n.id == id {
		select {
		case <-n.ready:
			if n.err == nil && now.Sub(n.asked) < keptFor {
				return n, false
			}
		default:
			return n, false
		}
	}
	n = &noun[T]{id: id, asked: now, ready: make(chan struct{})}
	k.put(subjects, n)
	return n, true
}

// read reads a noun for all who wait for it. A change about it that is heeded meanwhile takes
// it out of memory: what was read may be older than the change.
func (k *Nouns[T]) read(ctx context.Context, n *noun[T], subjects []string) {
	n.err, n.gaveUp = context.Canceled, true // of a panic, which goes on
	defer func() {
		if n.err != nil {
			k.mu.Lock()
			for _, s := range subjects {
				if k.kept[s] == n {
					delete(k.kept, s)
				}
			}
			k.mu.Unlock()
		}
		close(n.ready)
	}()
	n.doc, n.revision, n.err = db.Get[T](ctx, k.db, k.table, n.id)
	n.gaveUp = n.err != nil && ctx.Err() != nil
}

// under gives what stands under all of a noun's subjects.
func (k *Nouns[T]) under(subjects []string) *noun[T] {
	n := k.kept[subjects[0]]
	for _, s := range subjects[1:] {
		if k.kept[s] != n {
			return nil
		}
	}
	return n
}

func (k *Nouns[T]) put(subjects []string, n *noun[T]) {
	if len(k.kept) >= maxKept {
		clear(k.kept)
	}
	for _, s := range subjects {
		k.kept[s] = n
	}
}

// heed forgets the nouns that changes below head are about.
func (k *Nouns[T]) heed(ctx context.Context, head int64) error {
	for {
		k.mu.Lock()
		from := k.upTo
		if from < head-tooMany { // not asked for long
			clear(k.kept)
			from, k.upTo = head, head
		}
		k.mu.Unlock()
		if from >= head {
			return nil
		}
		news, err := k.db.News(ctx, from, maxNews)
		if err != nil {
			return err
		}
		k.mu.Lock()
		for _, n := range news {
			k.upTo = max(k.upTo, n.Position+1)
			if n.Kind != schemas.ChangeRefusal { // about what was asked for, and changed nothing
				delete(k.kept, n.Subject)
			}
		}
		if len(news) == 0 { // the database is an older one by now
			clear(k.kept)
			k.upTo = max(k.upTo, head)
		}
		k.mu.Unlock()
	}
}
