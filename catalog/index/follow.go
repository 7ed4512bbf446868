package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/catalog/index/document"
	"guichet/connectors/db"
	"guichet/schemas"
)

// Follow brings the index up to the registry and keeps it there until ctx ends:
// first a scan where the index is new or lost documents, then the change
// sequence. It returns only with ctx or for a fault of the disk.
func (x *Index) Follow(ctx context.Context, db *db.DB) error {
	for ctx.Err() == nil {
		err := x.follow(ctx, db)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			x.log.Error("the search index stands still", "err", err)
		}
		short, cancel := context.WithTimeout(ctx, retryAfter)
		<-short.Done()
		cancel()
	}
	return nil
}

// follow brings the index to the end of the change sequence: empties it where it is
// broken, builds it anew where it has no position, else catches up.
func (x *Index) follow(ctx context.Context, db *db.DB) error {
	if x.broken.Load() {
		x.mu.Lock()
		err := x.empty()
		x.mu.Unlock()
		if err != nil {
			return err
		}
		x.broken.Store(false)
	}
	if x.position.Load() < 0 {
		err := x.rebuild(ctx, db)
		if err != nil {
			return err
		}
	}
	head, err := db.Head(ctx)
	for {
		if err != nil {
			return err
		}
		if x.position.Load() > head { // the registry is an older one than the index followed
			x.ready.Store(false)
			x.mu.Lock()
			err := x.empty()
			x.mu.Unlock()
			return err
		}
		err = x.catchUp(ctx, db)
		if err != nil {
			return err
		}
		if !x.ready.Load() {
			whole, err := x.complete(ctx, db)
			if err != nil {
				return err
			}
			if !whole {
				x.mu.Lock()
				err := x.empty()
				x.mu.Unlock()
				return err
			}
			err = x.merged()
			if err != nil {
				return err
			}
			x.ready.Store(true)
		}
		err = x.merged()
		if err != nil {
			return err
		}
		head, err = x.wait(ctx, db)
		if x.broken.Load() {
			return err
		}
	}
}

// wait returns the number of changes when there are some to follow, or after a while, to
// look whether a search found the index damaged, and the registry still is the same.
func (x *Index) wait(ctx context.Context, db *db.DB) (head int64, err error) {
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	head, err = db.Wait(short, x.position.Load())
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return db.Head(ctx)
	}
	return head, err
}

// complete compares the number of documents with the registry's.
func (x *Index) complete(ctx context.Context, db *db.DB) (bool, error) {
	var want uint64
	err := db.QueryRow(ctx, `SELECT count(*) FROM dataset WHERE withdrawn = 0`).Scan(&want)
	if err != nil {
		return false, fmt.Errorf("count the datasets: %w", err)
	}
	head, err := db.Head(ctx)
	if err != nil {
		return false, err
	}
	if head != x.position.Load() {
		return true, nil // changes came in between: the numbers cannot be compared
	}
	a, err := x.public.b.DocCount()
	if err != nil {
		return false, fmt.Errorf("count the documents: %w", err)
	}
	b, err := x.closed.b.DocCount()
	if err != nil {
		return false, fmt.Errorf("count the documents: %w", err)
	}
	if a+b != want {
		x.log.Warn("the search index has lost documents and is rebuilt from the registry", "have", a+b, "want", want)
	}
	return a+b == want, nil
}

const (
	retryAfter  = 500 * time.Millisecond
	batchWithin = 250 * time.Millisecond // what a batch of changes takes, while others wait behind it
	leastBatch  = 50
	batchSize   = 1000 // changes or datasets per Bleve batch: memory grows with it, and half as many cost a fourth more in merging
)

// rebuild scans the registry, then the index follows from where the scan began.
func (x *Index) rebuild(ctx context.Context, database *db.DB) error {
	x.ready.Store(false)
	head, err := database.Head(ctx)
	if err != nil {
		return err
	}
	after := ""
	for {
		rows, next, err := db.List[schemas.Dataset](ctx, database, "dataset", "", nil, after, batchSize)
		if err != nil {
			return err
		}
		docs := make([]schemas.Dataset, len(rows))
		for i, r := range rows {
			docs[i] = r.Doc
		}
		err = x.apply(ctx, docs, head)
		if err != nil {
			return err
		}
		after = next
		if next == "" {
			break
		}
	}
	x.position.Store(head)
	return nil
}

// catchUp indexes what changed since the index's position, a batch at a time. Each
// dataset is read as it is now: of ten changes only the last one costs.
func (x *Index) catchUp(ctx context.Context, database *db.DB) error {
	most := batchSize
	for {
		from, began := x.position.Load(), time.Now()
		changes, err := database.News(ctx, from, most)
		if err != nil || len(changes) == 0 {
			return err
		}
		var ids []string
		for _, c := range changes {
			if strings.HasPrefix(c.Kind, "dataset.") && !slices.Contains(ids, c.Subject) {
				ids = append(ids, c.Subject)
			}
		}
		docs := make([]schemas.Dataset, 0, len(ids))
		for _, id := range ids {
			d, _, err := db.Get[schemas.Dataset](ctx, database, "dataset", id)
			if errors.Is(err, db.ErrAltered) { // logged; what was indexed of it stays, and nobody can use it
				continue
			}
			if err != nil {
				return err
			}
			docs = append(docs, d)
		}
		to := changes[len(changes)-1].Position + 1
		if len(docs) > 0 {
			err = x.apply(ctx, docs, to)
			if err != nil {
				return err
			}
		}
		x.position.Store(to)
		most = quick(len(changes), time.Since(began))
	}
}

// quick is how many changes a batch may have after one of so many took so long: what is registered
// while others are harvested waits for two batches at most.
func quick(changes int, took time.Duration) int {
	return max(leastBatch, min(batchSize, int(float64(changes)*float64(batchWithin)/float64(max(took, 1)))))
}

// apply writes datasets into the index of their class and out of the other, and
// the position with the number of documents beside them, in batches of bounded size: what
// comes before the last stands at the position that was.
func (x *Index) apply(ctx context.Context, docs []schemas.Dataset, position int64) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for {
		n := chunk(docs, x.most)
		at := x.position.Load()
		if n == len(docs) {
			at = position
		}
		part := docs[:n]
		groups, err := x.groups(ctx, part)
		if err != nil {
			return err
		}
		err = patient(ctx, x.slow, writeWithin, func() { x.log.Warn("the search index is slow to write", "datasets", len(part)) },
			func() error { return guard(func() error { return x.written(part, groups, at) }) })
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return x.damaged(err)
		}
		docs = docs[n:]
		if len(docs) == 0 {
			return x.show()
		}
	}
}

// groups are those of datasets. What not everybody may see has none, whoever says so.
func (x *Index) groups(ctx context.Context, docs []schemas.Dataset) (Groups, error) {
	var ids []schemas.DatasetID
	for i := range docs {
		if v := docs[i].Visibility; v == "" || v == schemas.VisibleToEveryone {
			ids = append(ids, docs[i].ID)
		}
	}
	if x.Groups == nil || len(ids) == 0 {
		return nil, nil
	}
	return x.Groups(ctx, ids)
}

// concepts are the names of what a dataset and its links say in codes of vocabularies.
func (x *Index) concepts(d *schemas.Dataset) []schemas.Text {
	var out []schemas.Text
	for _, c := range x.labels.Concepts(d.RDF) {
		out = append(out, c.Labels)
	}
	for i := range d.Links {
		for _, c := range x.labels.Concepts(d.Links[i].RDF) {
			out = append(out, c.Labels)
		}
	}
	return out[:min(len(out), maxConcepts)]
}

// maxConcepts bounds the names of concepts that one dataset is found by.
const maxConcepts = 200

// maxChunk bounds what one batch writes, in bytes of text.
const maxChunk = 8 << 20

// chunk is how many of the first datasets go into one batch of most bytes.
func chunk(docs []schemas.Dataset, most int) int {
	size := 0
	for i := range docs {
		d := &docs[i]
		for _, t := range []schemas.Text{d.Title, d.Description} {
			for _, s := range t {
				size += len(s)
			}
		}
		for j := range d.Tables {
			size += 64 * len(d.Tables[j].Fields)
		}
		if size > most {
			return i + 1
		}
	}
	return len(docs)
}

// A batch that takes long is not damage: a disk may be busy. It is told, and waited for.
// Only a Bleve whose writer fell over never answers, and is given up after an hour.
const (
	slowAfter   = time.Minute
	writeWithin = time.Hour
)

// patient waits for f: it tells when f is slow, and gives up when it takes too long; when
// ctx ends f has as long as it may be slow. f may go on unseen.
func patient(ctx context.Context, slow, most time.Duration, tell func(), f func() error) error {
	done := make(chan error, 1) // one place: f may end unseen
	go func() { done <- f() }()
	long, ends := time.NewTimer(slow), time.NewTimer(most)
	defer long.Stop()
	defer ends.Stop()
	over := ctx.Done()
	for {
		select {
		case err := <-done:
			return err
		case <-long.C:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			tell()
		case <-over:
			over = nil
			long.Reset(slow)
		case <-ends.C:
			return fmt.Errorf("the search index does not answer for %s", most)
		}
	}
}

// within gives up on f after a while; f may go on unseen.
func within(d time.Duration, f func() error) error {
	return patient(context.Background(), d, d, func() {}, f)
}

// write indexes datasets and the position in one batch of each class, so that a crash
// between them repeats a batch and loses none. A dataset that becomes hidden leaves the
// public class in the same step.
func (x *Index) write(docs []schemas.Dataset, groups Groups, position int64) error {
	for _, c := range []*class{&x.public, &x.closed} {
		batch := c.b.NewBatch()
		for i := range docs {
			d := &docs[i]
			open := d.Visibility == "" || d.Visibility == schemas.VisibleToEveryone
			if d.Withdrawn || open != (c == &x.public) {
				batch.Delete(string(d.ID))
				continue
			}
			err := batch.IndexAdvanced(document.Of(x.maker, d, document.Also{Group: groups[d.ID], Concepts: x.concepts(d)}))
			if err != nil {
				return fmt.Errorf("index %s: %w", d.ID, err)
			}
		}
		err := c.b.Batch(batch)
		if err != nil {
			return fmt.Errorf("write the search index: %w", err)
		}
		n, err := c.b.DocCount()
		if err != nil {
			return fmt.Errorf("count the documents: %w", err)
		}
		v := binary.BigEndian.AppendUint64(nil, uint64(position))
		err = c.b.SetInternal(positionKey, binary.BigEndian.AppendUint64(v, n))
		if err != nil {
			return fmt.Errorf("note the index's position: %w", err)
		}
	}
	return nil
}
