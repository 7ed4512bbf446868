package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"guichet/catalog/publish/disk"
	"guichet/connectors/s3"
	"guichet/connectors/sandbox"
	"guichet/schemas"
)

// ahead is how many shards of a version are read at once: one is fetched while
// another is read. Each takes its size and sandbox.MostOut of temporary disk at most.
const ahead = 2

// A store that sends a shard slower than leastPace bytes in a second, after patience,
// holds a publisher that others wait for.
const (
	leastPace = 1 << 20
	patience  = 10 * time.Minute
)

// tooSlow is the fault of an object whose store is too slow for those that wait behind
// it.
func tooSlow(key string) error {
	return &schemas.Error{
		Kind:    schemas.Invalid,
		Subject: key,
		Message: fmt.Sprintf("the store sends %s slower than 1 MiB in a second", key),
		Remedy:  "publish from a faster store, or upload the files",
	}
}

// Reader reads the objects of one publication, each whole, in processes of its own.
type Reader interface {
	Conform(ctx context.Context, in *os.File, size int64, spec sandbox.Spec, out *os.File) (sandbox.Report, error)
	Close() // ends the processes
}

// maxShard bounds one object.
const maxShard = 64 << 30

// tableReading is one table while its shards are read. Where the table has CSV files and
// no published shards, its types are open until the last file: those that were written
// with others are read again.
type tableReading struct {
	t     *schemas.Table
	spec  sandbox.Spec
	work  []work
	paths [][]sandbox.PathColumn // by work
	got   []*readShard           // by work; nil where it failed
	began bool                   // a shard was read
	files bool                   // a table of objects: nothing is read as rows

	format sandbox.Format // of its first shard
}

// work is one object of a table; n is its place in the publication.
type work struct {
	key, split string
	n          int
}

// table reads the shards of one table. Faults of shards go into the version;
// an error means that publishing itself cannot go on now.
func (pub *Publisher) table(ctx context.Context, p *publication, ask *schemas.PublicationTable, n *int) error {
	if ask.Objects {
		return pub.objects(ctx, p, ask, n)
	}
	tr := &tableReading{t: p.place(ask.Name)}
	for i := range p.dataset.Tables {
		if p.dataset.Tables[i].Name == ask.Name {
			tr.spec.CSV, tr.spec.Fields = p.dataset.Tables[i].CSV, p.dataset.Tables[i].Fields
		}
	}
	tr.spec.Schema, tr.spec.WindowRows = tr.t.Schema, tr.t.WindowRows
	tr.spec.Open = tr.t.Schema == nil
	for _, s := range ask.Splits {
		split(tr.t, s.Name)
		for _, key := range s.Keys {
			tr.work = append(tr.work, work{key, s.Name, *n})
			*n++
		}
	}
	for _, w := range tr.work {
		columns, err := p.ask.columnsIn(ask.Name, w.key)
		if err != nil {
			return err
		}
		tr.paths = append(tr.paths, columns)
	}
	p.withoutPaths(tr)
	sandbox.JoinPaths(tr.paths, tr.spec.Fields)
	tr.got = make([]*readShard, len(tr.work))
	all := make([]int, len(tr.work))
	for i := range all {
		all[i] = i
	}
	err := pub.readAll(ctx, p, tr, all)
	if err == nil && tr.spec.Open && (len(tr.spec.Seen) > 0 || tr.spec.Shape != nil || len(tr.spec.Members) > 0) {
		err = pub.settle(ctx, p, tr)
	}
	if err != nil || len(p.version.Failures) > 0 {
		return err
	}
	for i, got := range tr.got {
		p.keep(tr, tr.work[i], got)
	}
	return nil
}

// settle fixes the types that the texts of a table, CSV or JSON lines, have together, and reads again
// what was written with others.
func (pub *Publisher) settle(ctx context.Context, p *publication, tr *tableReading) error {
	spec := tr.spec
	spec.Path = tr.paths[0]
	schema, err := sandbox.SchemaOfTexts(spec)
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		p.fault(tr.t.Name, e.Message)
		return nil
	}
	if err != nil {
		return err
	}
	var again []int
	for i, got := range tr.got {
		if got != nil && !bytes.Equal(got.Schema, schema) {
			again = append(again, i)
		}
	}
	tr.spec.Schema = schema
	return pub.readAll(ctx, p, tr, again)
}

// readAll reads some objects of a table, ahead of them at once.
func (pub *Publisher) readAll(ctx context.Context, p *publication, tr *tableReading, which []int) error {
	ctx, stop := context.WithCancel(ctx)
	var pending []*reading
	defer func() {
		stop()
		for _, r := range pending {
			<-r.done
			if r.err == nil { // so that what it wrote is found
				p.done[r.n] = *r.got
			}
		}
	}()
	next := func() error {
		r := pending[0]
		pending = pending[1:]
		<-r.done
		return pub.take(ctx, p, tr, r)
	}
	for _, i := range which {
		// The first shard says the schema of the others.
		for len(pending) == tr.ahead() || len(pending) > 0 && !tr.began {
			err := next()
			if err != nil {
				return err
			}
		}
		if len(p.version.Failures) >= maxFaults {
			break
		}
		pending = append(pending, pub.startReading(ctx, p, tr, i))
	}
	for len(pending) > 0 {
		err := next()
		if err != nil {
			return err
		}
	}
	return nil
}

// readShard is what was read of one object, kept as progress until the version ends.
type readShard struct {
	sandbox.Report
	Shard schemas.Shard
}

// reading is one shard that is read beside others; got and err stand when done is
// closed.
type reading struct {
	work
	i     int // its place in the table
	done  chan struct{}
	saved bool
	got   *readShard
	err   error
}

// startReading reads one object whole, in the child.
func (pub *Publisher) startReading(ctx context.Context, p *publication, tr *tableReading, i int) *reading {
	r := &reading{work: tr.work[i], i: i, done: make(chan struct{})}
	before := tr.got[i]
	if saved, ok := p.done[r.n]; ok && before == nil && !(tr.spec.Open && isText(saved.Format) && !hasShown(&saved)) {
		r.got, r.saved = &saved, true
		close(r.done)
		return r
	}
	spec := tr.spec
	spec.Name, spec.Path = r.key, tr.paths[i]
	go func() {
		defer close(r.done)
		again := &backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2,
			MaxInterval: 5 * time.Second}
		_, _ = backoff.Retry(ctx, func() (struct{}, error) {
			if tr.files {
				r.got, r.err = pub.object(ctx, p, tr.t.Name, r.work)
			} else {
				r.got, r.err = pub.conform(ctx, p, spec, r.work, before)
			}
			if mayPass(r.err) {
				return struct{}{}, r.err
			}
			return struct{}{}, nil // it was read, or no waiting helps
		}, backoff.WithBackOff(again), backoff.WithMaxTries(5)) // r.err says how it ended
	}()
	return r
}

// take notes what was read of a shard; a fault of the object goes to the version's
// failures.
func (pub *Publisher) take(ctx context.Context, p *publication, tr *tableReading, r *reading) error {
	if r.err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e, ok := errors.AsType[*schemas.Error](r.err)
		if !ok {
			return r.err
		}
		said := e.Message
		if e.Kind == schemas.Unavailable && e.Remedy != "" { // the object is not at fault: what is?
			said += "; " + e.Remedy
		}
		p.fault(asUploaded(&p.dataset, r.key), asUploaded(&p.dataset, said))
		return nil
	}
	again := tr.got[r.i] != nil
	tr.got[r.i] = r.got
	if !again {
		if tr.began && tr.spec.Open && isText(r.got.Format) && r.got.Format != tr.format { // each binds the other to nothing
			p.fault(asUploaded(&p.dataset, r.key), fmt.Sprintf("the table's files before are of the format %s, and this is %s: make "+
				"tables of them, or write them in one", tr.format, r.got.Format))
			return nil
		}
		if !tr.files {
			tr.learn(r.got)
		}
		p.version.ShardsDone++
	}
	if r.saved {
		return nil
	}
	p.done[r.n] = *r.got
	return pub.saveProgress(ctx, p)
}

// learn takes from a shard what binds the others.
func (tr *tableReading) learn(got *readShard) {
	if !tr.began {
		tr.began, tr.format = true, got.Format
		tr.spec.Open = tr.spec.Open && isText(got.Format)
		if tr.spec.WindowRows == 0 {
			tr.spec.WindowRows = got.WindowRows
		}
	}
	switch {
	case !tr.spec.Open:
	case got.Format == sandbox.FormatCSV:
		tr.spec.Seen = sandbox.JoinCSV(tr.spec.Seen, got.Seen)
	case got.Format == sandbox.FormatJSON:
		tr.spec.Shape = sandbox.JoinJSON(tr.spec.Shape, got.Shape)
	case got.Format == sandbox.FormatTar:
		tr.spec.Members = sandbox.JoinTar(tr.spec.Members, got.Members)
	}
	if tr.spec.Schema == nil || tr.spec.Open && isText(got.Format) {
		tr.spec.Schema = got.Schema
	}
}

// hasShown says whether what was read of a text tells what its values are.
func hasShown(s *readShard) bool { return s.Seen != nil || s.Shape != nil || s.Members != nil }

// isText says whether types of a format follow from all files of a table.
func isText(f sandbox.Format) bool {
	return f == sandbox.FormatCSV || f == sandbox.FormatJSON || f == sandbox.FormatTar
}

// keep puts a shard into the version, with the notes on it.
func (p *publication) keep(tr *tableReading, w work, got *readShard) {
	t := tr.t
	if t.Schema == nil {
		t.Schema, t.WindowRows, t.Columns = got.Schema, tr.spec.WindowRows, got.Columns
		for i := range p.dataset.Tables {
			if p.dataset.Tables[i].Name == t.Name {
				t.Columns = schemas.Described(t.Columns, p.dataset.Tables[i].Fields)
			}
		}
	}
	into := split(t, w.split)
	into.Shards = append(into.Shards, got.Shard)
	p.version.Rows += got.Shard.Rows
	for _, b := range got.Shard.Batches {
		p.version.Bytes += b.Len()
	}
	notes := make([]string, len(got.Notes))
	for i, note := range got.Notes {
		notes[i] = asUploaded(&p.dataset, note)
	}
	p.report.add(t.Name, asUploaded(&p.dataset, w.key), notes)
}

// fault notes what is wrong with an object, or a table; the version fails by it.
func (p *publication) fault(at, message string) {
	if len(p.version.Failures) < maxFaults {
		p.version.Failures = append(p.version.Failures, schemas.FieldError{Pointer: at, Message: message})
	}
}

// mayPass says whether what kept an object from being read may be over in a moment: a
// store that is away is asked again, one that does not keep to the protocol is not.
func mayPass(err error) bool {
	f, ours := errors.AsType[s3.Fault](err)
	return schemas.KindOf(err) == schemas.Unavailable && (!ours || f == s3.Stalls || f == s3.Endless)
}

// find looks at an object before it is read: it may be named, is there and not too large, and
// its store does what published versions rest on.
func (pub *Publisher) find(ctx context.Context, p *publication, key string) (*s3.Store, s3.Info, error) {
	err := pub.MayName(ctx, p.dataset.Provider, p.ask.Store, p.ask.Bucket, key)
	if err != nil {
		return nil, s3.Info{}, err
	}
	store, err := pub.Store(ctx, p.ask.Store)
	if err != nil {
		return nil, s3.Info{}, err
	}
	info, err := store.Stat(ctx, p.ask.Bucket, key)
	if err == nil && info.Size > maxShard {
		err = schemas.Errorf(schemas.TooLarge, key, "the object has %d bytes; a shard has at most 64 GiB: split it into several", info.Size)
	}
	if err == nil {
		err = p.probed(ctx, store, p.ask.Bucket, key)
	}
	return store, info, err
}

// conform copies the object into an unlinked file, has the child read it, and
// puts what was rewritten into the work bucket. before is what was read of it with other
// types.
func (pub *Publisher) conform(ctx context.Context, p *publication, spec sandbox.Spec, w work, before *readShard) (*readShard, error) {
	key := w.key
	store, info, err := pub.find(ctx, p, key)
	if err == nil {
		err = disk.Fits(pub.TempDir, key, info.Size)
	}
	if err != nil {
		return nil, err
	}
	in, err := disk.Unlinked(pub.TempDir)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	reading, cancel := context.WithTimeoutCause(ctx, patience+time.Duration(info.Size/leastPace)*time.Second, tooSlow(key))
	defer cancel()
	body, err := store.OpenWhole(reading, p.ask.Bucket, info)
	if err != nil {
		return nil, err
	}
	copied, err := io.Copy(in, body)
	body.Close()
	if disk.Full(err) {
		return nil, disk.NoRoom(pub.TempDir, key, info.Size, err)
	}
	if err != nil {
		return nil, err
	}
	if copied != info.Size {
		return nil, schemas.Errorf(schemas.Unavailable, key, "the store sent %d of %d bytes of %s", copied, info.Size, key)
	}
	out, err := disk.Unlinked(pub.TempDir)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	report, err := p.reader.Conform(ctx, in, info.Size, spec, out)
	if schemas.KindOf(err) == schemas.Unavailable && ctx.Err() == nil {
		return nil, disk.NoRoom(pub.TempDir, key, info.Size, err)
	}
	if err != nil {
		return nil, err
	}
	if same, ok := p.sums[report.SHA256]; ok && len(spec.Path) == 0 {
		return nil, schemas.Errorf(schemas.Invalid, key, "version %s holds the same bytes already, as %s", p.ask.Base, same)
	}
	got := &readShard{Report: report}
	got.Shard = schemas.Shard{Store: p.ask.Store, Bucket: p.ask.Bucket, Key: key, ETag: info.ETag, Size: info.Size, SHA256: report.SHA256,
		Rows: report.Rows, Dictionaries: report.Dictionaries, Batches: report.Batches}
	if report.Conforms && !p.ask.Uploaded {
		return got, nil
	}
	if report.Conforms { // an upload's name may be used again: the version gets a copy of its own
		out, got.OutSize, got.OutSHA256 = in, info.Size, report.SHA256
	}
	if p.ask.DryRun {
		got.Shard.Size = got.OutSize
		return got, nil
	}
	got.Shard.Source = &schemas.Source{
		Store:  p.ask.Store,
		Bucket: p.ask.Bucket,
		Key:    key,
		ETag:   info.ETag,
		Size:   info.Size,
		SHA256: report.SHA256,
		Format: string(report.Format),
	}
	return got, pub.rewrite(ctx, p, got, out, w.n, before)
}

// rewrite puts the canonical form of an object into the work bucket, where nobody but
// the gateway writes. before is the object as it was written with other types; that copy
// goes.
func (pub *Publisher) rewrite(ctx context.Context, p *publication, got *readShard, out *os.File, n int, before *readShard) error {
	id, bucket, err := pub.Work(ctx)
	if err != nil {
		return err
	}
	work, err := pub.Store(ctx, id)
	if err != nil {
		return err
	}
	// A failed publication's name may be used again while its files are removed.
	key := fmt.Sprintf("versions/%s/%s/%d/shard-%05d.arrow", p.version.Dataset, p.version.Version, p.version.Started.UnixMicro(), n)
	if before != nil && before.Shard.Key == key {
		key = strings.TrimSuffix(key, ".arrow") + "-again.arrow"
	}
	put, err := work.PutOnce(ctx, bucket, key, io.NewSectionReader(out, 0, got.OutSize), got.OutSize)
	if err != nil {
		return err
	}
	s := &got.Shard
	s.Store, s.Bucket, s.Key, s.ETag, s.Size, s.SHA256 = id, bucket, key, put.ETag, got.OutSize, got.OutSHA256
	if before != nil && before.Shard.Source != nil {
		err = work.Delete(ctx, before.Shard.Bucket, before.Shard.Key)
		if err != nil { // it only takes room
			pub.Log.Warn("a shard that was written again stays in the work bucket", "key", before.Shard.Key, "err", err)
		}
	}
	return p.probed(ctx, work, bucket, key)
}

// probed asks a store once in a publication, over the first object that is read or
// written there, whether it does what published versions rest on.
func (p *publication) probed(ctx context.Context, store *s3.Store, bucket, key string) error {
	p.probing.Lock()
	defer p.probing.Unlock()
	if p.probes[store.ID()] {
		return nil
	}
	err := store.Probe(ctx, bucket, key)
	if err == nil {
		if p.probes == nil {
			p.probes = map[schemas.StoreID]bool{}
		}
		p.probes[store.ID()] = true
	}
	return err
}
