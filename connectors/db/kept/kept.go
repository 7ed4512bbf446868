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
//	42        about store/a    Get "a": read, kept
type Nouns[T any] struct {
	db    *db.DB
	table string

	mu   sync.Mutex
	upTo int64               // changes below it are heeded
	kept map[string]*noun[T] // by each subject of changes about the noun
}

// noun is one in memory; one that is being read has no instant yet.
type noun[T any] struct {
	id       string
	doc      T
	revision int64
	asked    time.Time
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
	head, err := k.db.Newest(ctx)
	if err == nil {
		err = k.heed(ctx, head)
	}
	if err != nil {
		return doc, 0, err
	}
	subjects, now := db.Subjects(k.table, id), time.Now()
	k.mu.Lock()
	n := k.under(subjects)
	if n != nil && n.id == id && now.Sub(n.asked) < keptFor {
		k.mu.Unlock()
		return n.doc, n.revision, nil
	}
	// A change about it that is heeded while it is read takes this mark away: what was read
	// may be older than the change, and is not kept.
	mark := &noun[T]{id: id}
	k.put(subjects, mark)
	k.mu.Unlock()
	doc, revision, err = db.Get[T](ctx, k.db, k.table, id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil && k.under(subjects) == mark {
		k.put(subjects, &noun[T]{id, doc, revision, now})
	}
	return doc, revision, err
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
