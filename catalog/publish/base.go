package publish

import (
	"context"
	"fmt"
	"slices"

	"guichet/connectors/s3"
	"guichet/schemas"
)

// A version may be the shards of an earlier one and added ones [decisions.md 9]. The
// earlier shards stay where they are; added ones take the schema and the window size
// of their table, so that the order of an epoch stays one rule.

// base finds the version that a publication adds to; nil when it adds to none.
// Errors: Invalid.
func (pub *Publisher) base(ctx context.Context, id schemas.DatasetID, p *schemas.Publication) (*schemas.Version, error) {
	if p.Base == "" {
		return nil, nil
	}
	v, err := pub.Catalog.Manifest(ctx, id, p.Base)
	switch schemas.KindOf(err) {
	case schemas.NotFound, schemas.Busy, schemas.Gone:
		return nil, schemas.BadField("publication", "/base", "the dataset has no published version %q to add to", p.Base)
	}
	return &v, err
}

// given is the object that the provider gave for a shard.
func given(s *schemas.Shard) schemas.Source {
	if s.Source != nil {
		return *s.Source
	}
	return schemas.Source{Store: s.Store, Bucket: s.Bucket, Key: s.Key, ETag: s.ETag, Size: s.Size, SHA256: s.SHA256}
}

// held gives the ETags of the base's objects in the store and bucket of a publication,
// by key.
func held(base *schemas.Version, p *schemas.Publication) map[string]string {
	have := map[string]string{}
	if base == nil || p.Uploaded { // an upload's name may be used again: versions have copies
		return have
	}
	for s := range base.EveryShard() {
		g := given(s)
		if g.Store == p.Store && g.Bucket == p.Bucket {
			have[g.Key] = g.ETag
		}
	}
	return have
}

// added leaves out of a listing what the base holds already, as it was then. Errors:
// Conflict for an object that changed since.
func added(objects []s3.Info, base *schemas.Version, p *schemas.Publication) ([]s3.Info, error) {
	have := held(base, p)
	var out []s3.Info
	for _, o := range objects {
		etag, is := have[o.Key]
		switch {
		case !is:
			out = append(out, o)
		case etag != o.ETag:
			return nil, &schemas.Error{
				Kind:    schemas.Conflict,
				Subject: o.Key,
				Message: fmt.Sprintf("%s changed since version %s", o.Key, base.Version),
				Remedy:  "publish a whole version, without a base",
			}
		}
	}
	return out, nil
}

// stands notes as faults the base's objects that are not as they were published: what
// is published is readable whole. An error means that this cannot be seen now.
func (pub *Publisher) stands(ctx context.Context, p *publication, base *schemas.Version) error {
	if base == nil {
		return nil
	}
	for s := range base.EveryShard() {
		if len(p.version.Failures) >= maxFaults {
			return nil
		}
		store, err := pub.Store(ctx, s.Store)
		var info s3.Info
		if err == nil {
			info, err = store.Stat(ctx, s.Bucket, s.Key)
		}
		switch {
		case schemas.KindOf(err) == schemas.NotFound || err == nil && info.ETag != s.ETag:
			p.version.Failures = append(
				p.version.Failures,
				schemas.FieldError{
					Pointer: asUploaded(&p.dataset, given(s).Key),
					Message: fmt.Sprintf("it is not as it was when version %s was published; publish a whole version", base.Version),
				},
			)
		case err != nil:
			return err
		}
	}
	return nil
}

// tables is how many tables a version has.
func tables(base *schemas.Version, p *schemas.Publication) int {
	n := len(p.Tables)
	if base == nil {
		return n
	}
	for i := range base.Data {
		if !slices.ContainsFunc(p.Tables, func(t schemas.PublicationTable) bool { return t.Name == base.Data[i].Name }) {
			n++
		}
	}
	return n
}

// grow takes the base's tables into a version that is being made.
func (p *publication) grow(base *schemas.Version) {
	p.sums = map[string]string{}
	if base == nil {
		return
	}
	v := &p.version
	v.Data, v.Rows, v.Objects, v.Bytes, v.ShardsDone = base.Data, base.Rows, base.Objects, base.Bytes, base.Shards
	for s := range base.EveryShard() {
		p.sums[given(s).SHA256] = given(s).Key
	}
}

// place finds a table by its name, or makes it.
func (p *publication) place(name string) *schemas.Table {
	v := &p.version
	for i := range v.Data {
		if v.Data[i].Name == name {
			return &v.Data[i]
		}
	}
	v.Data = append(v.Data, schemas.Table{Name: name})
	return &v.Data[len(v.Data)-1]
}

// split finds a split of a table by its name, or makes it.
func split(t *schemas.Table, name string) *schemas.Split {
	for i := range t.Splits {
		if t.Splits[i].Name == name {
			return &t.Splits[i]
		}
	}
	t.Splits = append(t.Splits, schemas.Split{Name: name})
	return &t.Splits[len(t.Splits)-1]
}
