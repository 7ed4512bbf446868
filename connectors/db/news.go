package db

import (
	"context"
	"fmt"
)

// News is one committed change as those need it who only ask what it is about.
type News struct {
	Position int64
	Kind     string
	Subject  string
}

// maxTail bounds the changes that are kept in memory: more than the largest group that
// followers have not seen yet, and some hundred kilobytes.
const maxTail = 4096

// tail is the end of the change sequence, as far as this process appended it with nobody
// else in between: followers are told of it and need not read it again.
//
//	position   97  98  99 100 101 102
//	by        our our  -  our our our      a group of another replica is a gap:
//	tail                  ^^^^^^^^^^^      the tail begins anew behind it
type tail struct {
	first int64
	list  []News
}

func (t *tail) end() int64 { return t.first + int64(len(t.list)) }

// add adds what a group appended from position first on.
func (t *tail) add(first int64, changes []appended) {
	if first != t.end() {
		t.first, t.list = first, nil
	}
	for i := range changes {
		c := &changes[i].sealed.Change
		t.list = append(t.list, News{first + int64(i), c.Kind, c.Subject})
	}
	if over := len(t.list) - maxTail; over >= maxTail { // seldom, so that each change is moved about once
		t.first, t.list = t.first+int64(over), append(make([]News, 0, 2*maxTail), t.list[over:]...)
	}
}

// committed notes a group of this process, and wakes who waits for it. It is called before
// the group's callers hear, so that who acts on an answer finds what it rests on.
func (db *DB) committed(first int64, changes []appended) {
	db.mu.Lock()
	db.tail.add(first, changes)
	db.mu.Unlock()
	db.advance(first + int64(len(changes)))
}

// News gives up to limit committed changes from position after on, in order: from memory
// where this process appended them, else by reading. None: there are no more as far as
// this process knows, which Head and Wait bring up to date.
func (db *DB) News(ctx context.Context, after int64, limit int) ([]News, error) {
	db.mu.Lock()
	if after >= db.head {
		db.mu.Unlock()
		return nil, nil
	}
	if t := &db.tail; after >= t.first && after < t.end() {
		out := append([]News(nil), t.list[after-t.first:min(after-t.first+int64(limit), int64(len(t.list)))]...)
		db.mu.Unlock()
		return out, nil
	}
	db.mu.Unlock()
	rows, err := db.Query(ctx, "SELECT position, kind, subject FROM change WHERE position >= ? ORDER BY position LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	defer rows.Close()
	var out []News
	for rows.Next() {
		var n News
		if err := rows.Scan(&n.Position, &n.Kind, &n.Subject); err != nil {
			return nil, fmt.Errorf("read changes: %w", db.classify(err))
		}
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read changes: %w", db.classify(err))
	}
	return out, nil
}
