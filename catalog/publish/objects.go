package publish

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"guichet/catalog/publish/listing"
	"guichet/catalog/publish/object"
	"guichet/connectors/s3"
	"guichet/connectors/sandbox"
	"guichet/schemas"
)

// A table of objects is files that are given as they are. Each is read once for its digest and
// media type, stays where it lies, and is decoded by nobody:
//
//	data/a.csv  data/b.csv  data/1.jpg     one table is asked for, "data", and nothing said of objects
//	└ table data ─────────┘ └ table data-files, of objects, as the name says that it holds no rows

// formatObject is the form of what an object was copied from.
const formatObject = "object"

// saidObjects says whether a table is one of objects by what its provider said, or by the version
// that is added to. Errors: Invalid where the two differ.
func saidObjects(d *schemas.Dataset, base *schemas.Version, t *schemas.PublicationTable, at string) (bool, error) {
	said := t.Objects
	for i := range d.Tables {
		said = said || d.Tables[i].Name == t.Name && d.Tables[i].Objects
	}
	if base == nil {
		return said, nil
	}
	for i := range base.Data {
		have := &base.Data[i]
		if have.Name == t.Name && said && !have.Objects {
			return false, schemas.BadField("publication", at+"/objects", "the table %s of version %s has rows: objects make a table of their own",
				t.Name, base.Version)
		}
		said = said || have.Name == t.Name && have.Objects
	}
	return said, nil
}

// separate makes a table of their own of the files that are objects by their names, where
// nothing is said of a table. Errors: Invalid.
func separate(d *schemas.Dataset, base *schemas.Version, p *asked) error {
	apart, err := listing.Separate(p.Tables, func(name string) bool { return hasTable(base, name) })
	if err != nil {
		return err
	}
	p.Tables = apart.Tables
	p.Said = append(p.Said, apart.Notes...)
	for objects, from := range apart.From {
		_, err := saidObjects(d, base, &schemas.PublicationTable{Name: objects, Objects: true}, "/tables")
		if err != nil {
			return err
		}
		if p.Roots != nil {
			p.Roots[objects] = p.Roots[from]
		}
	}
	return nil
}

// hasTable says whether a version has a table.
func hasTable(v *schemas.Version, name string) bool {
	return v != nil && slices.ContainsFunc(v.Data, func(t schemas.Table) bool { return t.Name == name })
}

// nameOf is the name of an object of a table: its path below the prefix that was published, or
// below its provider's own where keys are named; of an upload the file's name.
func (p *asked) nameOf(table, key string) string {
	if p.Uploaded {
		return path.Base(key)
	}
	return key[len(p.rootOf(table, key)):]
}

// checkObjects holds the names of a table's objects, with those that a base has, against each
// other and against the terms. Errors: Invalid.
func checkObjects(d *schemas.Dataset, base *schemas.Version, p *asked, t *schemas.PublicationTable, at string) error {
	if rule, is := divides(d.Offer, t.Name); is {
		return schemas.BadField("publication", at, "%s", wholeOnly(t.Name, rule))
	}
	for j, s := range t.Splits {
		var names []string
		if base != nil {
			for i := range base.Data {
				for _, have := range base.Data[i].Splits {
					for k := range have.Shards {
						if base.Data[i].Name == t.Name && have.Name == s.Name {
							names = append(names, have.Shards[k].Name)
						}
					}
				}
			}
		}
		old := len(names)
		for k, key := range s.Keys {
			name := p.nameOf(t.Name, key)
			if why := object.CheckName(name); why != "" {
				return schemas.BadField("publication", fmt.Sprintf("%s/splits/%d/keys/%d", at, j, k), "%q cannot name an object: %s", name, why)
			}
			names = append(names, name)
		}
		if why, i := object.CheckNames(names); why != "" {
			pointer := fmt.Sprintf("%s/splits/%d/keys/%d", at, j, max(i-old, 0))
			return schemas.BadField("publication", pointer, "%q in split %s: %s", names[i], s.Name, why)
		}
	}
	return nil
}

// divides finds a rule of an offer that shows a part of a table, or changes it.
func divides(o *schemas.Offer, table string) (rule string, is bool) {
	if o == nil {
		return "", false
	}
	for _, r := range o.Rules {
		for i := range r.Duties {
			if r.Duties[i].Divides(table) {
				return cmp.Or(r.ID, "a rule") + " (" + r.Duties[i].Kind + ")", true
			}
		}
	}
	return "", false
}

// wholeOnly says why objects cannot be published under a rule.
func wholeOnly(table, rule string) string {
	return fmt.Sprintf("the table %s is of objects, which are given whole or not at all, and the terms show a part of every table, by %s: "+
		"name in the rule the table that it is for, or publish the objects as a dataset of their own", table, rule)
}

// objects reads a table of objects, in the order of their names.
func (pub *Publisher) objects(ctx context.Context, p *publication, ask *schemas.PublicationTable, n *int) error {
	tr := &tableReading{t: p.place(ask.Name), files: true, began: true}
	tr.t.Objects = true
	if rule, is := divides(p.dataset.Offer, ask.Name); is { // set since it was asked
		p.fault(ask.Name, wholeOnly(ask.Name, rule))
		return nil
	}
	for _, s := range ask.Splits {
		split(tr.t, s.Name)
		for _, key := range s.Keys {
			tr.work = append(tr.work, work{key, s.Name, *n})
			*n++
		}
	}
	tr.paths, tr.got = make([][]sandbox.PathColumn, len(tr.work)), make([]*readShard, len(tr.work))
	all := make([]int, len(tr.work))
	for i := range all {
		all[i] = i
	}
	err := pub.readAll(ctx, p, tr, all)
	if err != nil || len(p.version.Failures) > 0 {
		return err
	}
	for i, got := range tr.got {
		into := split(tr.t, tr.work[i].split)
		into.Shards = append(into.Shards, got.Shard)
		p.version.Rows++
		p.version.Objects++
		p.version.Bytes += got.Shard.Size
		p.report.add(tr.t.Name, asUploaded(&p.dataset, tr.work[i].key), got.Notes)
	}
	for i := range tr.t.Splits {
		slices.SortFunc(tr.t.Splits[i].Shards, func(a, b schemas.Shard) int { return strings.Compare(a.Name, b.Name) })
	}
	return nil
}

// objectsAhead is how many objects are read at once: most are small, and none takes more than a
// piece of memory.
const objectsAhead = 16

// ahead is how many of a table's files are read at once.
func (tr *tableReading) ahead() int {
	if tr.files {
		return objectsAhead
	}
	return ahead
}

// object reads an object once for what there is to know of it. One that was uploaded is copied,
// since its name may be used again; any other stays where it lies.
func (pub *Publisher) object(ctx context.Context, p *publication, table string, w work) (*readShard, error) {
	store, info, err := pub.find(ctx, p, w.key)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithTimeoutCause(ctx, patience+time.Duration(info.Size/leastPace)*time.Second, tooSlow(w.key))
	defer cancel()
	body, err := store.OpenWhole(reading, p.ask.Bucket, info)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	o := object.NewReader(p.ask.nameOf(table, w.key), body)
	copied := p.ask.Uploaded && !p.ask.DryRun
	got := &readShard{}
	if copied {
		got, err = pub.copyObject(reading, p, o, info, w.n)
	} else {
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, o, make([]byte, 256<<10))
	}
	if err != nil {
		return nil, err
	}
	s, note := o.Learnt()
	if s.Size != info.Size {
		return nil, schemas.Errorf(schemas.Unavailable, w.key, "the store sent %d of %d bytes of %s", s.Size, info.Size, w.key)
	}
	s.Store, s.Bucket, s.Key, s.ETag = p.ask.Store, p.ask.Bucket, w.key, info.ETag
	if copied {
		s.Source = &schemas.Source{
			Store: s.Store, Bucket: s.Bucket, Key: s.Key, ETag: s.ETag, Size: s.Size, SHA256: s.SHA256, Format: formatObject,
		}
		s.Store, s.Bucket, s.Key, s.ETag = got.Shard.Store, got.Shard.Bucket, got.Shard.Key, got.Shard.ETag
	}
	got.Shard = s
	if note != "" {
		got.Notes = []string{note}
	}
	return got, nil
}

// copyObject copies an object into the work bucket as it is read, where it is a version's own.
func (pub *Publisher) copyObject(ctx context.Context, p *publication, from io.Reader, info s3.Info, n int) (*readShard, error) {
	id, bucket, err := pub.Work(ctx)
	if err != nil {
		return nil, err
	}
	into, err := pub.Store(ctx, id)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("versions/%s/%s/%d/object-%05d", p.version.Dataset, p.version.Version, p.version.Started.UnixMicro(), n)
	put, err := into.PutOnce(ctx, bucket, key, from, info.Size)
	if err != nil {
		return nil, err
	}
	return &readShard{Shard: schemas.Shard{Store: id, Bucket: bucket, Key: key, ETag: put.ETag}}, p.probed(ctx, into, bucket, key)
}

// parted notes as a fault a table of objects of which the terms, as they are by now, show a part.
func parted(d *schemas.Dataset, v *schemas.Version) []schemas.FieldError {
	for i := range v.Data {
		if rule, is := divides(d.Offer, v.Data[i].Name); v.Data[i].Objects && is {
			return []schemas.FieldError{{Pointer: v.Data[i].Name, Message: wholeOnly(v.Data[i].Name, rule)}}
		}
	}
	return nil
}
