package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/catalog/publish/listing"
	"guichet/connectors/db"
	"guichet/schemas"
)

// maxShards bounds one version; the figure keeps a manifest within 100 MB.
const maxShards = 100_000

// Publish begins to publish a version: it names the objects, checks that the
// provider may name them, and leaves the reading to Run. Errors: NotFound,
// Invalid, Denied (a foreign prefix), Conflict, Unavailable.
func (pub *Publisher) Publish(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, p schemas.Publication,
) (schemas.VersionSummary, error) {
	d, err := pub.Catalog.Own(ctx, by, id)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	if d.Withdrawn {
		return schemas.VersionSummary{}, catalog.WithdrawnError(id)
	}
	now := pub.Now().UTC()
	if p.Version == "" && p.DryRun {
		p.Version = "dry-run"
	}
	if p.Version == "" {
		p.Version = schemas.VersionID(now.Format(time.DateOnly))
	}
	if p.Uploaded {
		err = pub.uploaded(ctx, &d, &p)
		if err != nil {
			return schemas.VersionSummary{}, err
		}
	}
	err = checkPublication(&p)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	base, err := pub.base(ctx, id, &p)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	whole := asked{Publication: p}
	shards, err := pub.expand(ctx, by, &d, &whole, base)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	err = distribution.Check(p.Distributions, base, &whole.Publication)
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	ask, err := json.Marshal(whole)
	if err != nil {
		return schemas.VersionSummary{}, fmt.Errorf("write the publication: %w", err)
	}
	v := schemas.Version{
		Dataset: id,
		VersionSummary: schemas.VersionSummary{
			Version: p.Version,
			State:   schemas.VersionPublishing,
			Tables:  tables(base, &whole.Publication),
			Shards:  shards,
			Started: now,
		},
	}
	err = pub.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return pub.begin(ctx, tx, by, &d, v, string(ask), p.Distributions)
	})
	if err != nil {
		return schemas.VersionSummary{}, err
	}
	select {
	case pub.wake <- struct{}{}:
	default:
	}
	return v.VersionSummary, nil
}

// begin writes the version that is to be published, in the transaction in which its
// dataset is looked at: a name that a failed or tried version had is free again.
func (pub *Publisher) begin(
	ctx context.Context, tx *db.Tx, by schemas.Principal, d *schemas.Dataset, v schemas.Version, ask string, asked []string,
) error {
	key := catalog.VersionKey(d.ID, v.Version)
	now, err := pub.Catalog.Dataset(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	if now.Withdrawn {
		return catalog.WithdrawnError(d.ID)
	}
	cols := db.Columns{"dataset": string(d.ID), "state": string(v.State), "started": v.Started.UnixMicro(), "ask": ask, "shards": "{}"}
	have, revision, err := db.Get[schemas.Version](ctx, tx, "version", key)
	switch {
	case schemas.KindOf(err) == schemas.NotFound:
		err = db.Insert(ctx, tx, "version", key, v, cols)
	case err == nil && (have.State == schemas.VersionFailed || have.State == schemas.VersionTried):
		_, err = db.Update(ctx, tx, "version", key, revision, v, cols)
	case err == nil:
		return &schemas.Error{
			Kind:    schemas.Conflict,
			Subject: key,
			Message: fmt.Sprintf("version %s is %s already; a version never changes", v.Version, have.State),
			Remedy:  "publish under another version name (--version NAME)",
		}
	}
	if err != nil {
		return err
	}
	return pub.Catalog.Changed(ctx, tx, by, schemas.ChangeVersion, d,
		distribution.Entry(map[string]string{"version": string(v.Version), "state": string(v.State)}, asked))
}

// checkName checks a table's or split's name, and that it is said once.
func checkName(what, at, name string, seen map[string]bool) error {
	if !schemas.IsSlug(name) {
		return schemas.BadField("publication", at, "%q cannot name a %s: a name has %s", name, what, schemas.SlugInWords)
	}
	if seen[name] {
		return schemas.BadField("publication", at, "the %s %q is given twice", what, name)
	}
	seen[name] = true
	return nil
}

// checkPublication checks what can be said before any object is looked at.
func checkPublication(p *schemas.Publication) error {
	if !schemas.IsSlug(string(p.Version)) {
		return schemas.BadField("publication", "/version", "%q cannot name a version: a name has %s", p.Version, schemas.SlugInWords)
	}
	if p.Store == "" || p.Bucket == "" {
		return schemas.BadField("publication", "/store", "name the store and bucket in which you have a prefix")
	}
	if len(p.Tables) == 0 {
		return schemas.BadField("publication", "/tables", "a version has at least one table")
	}
	tables := map[string]bool{}
	for i := range p.Tables {
		t := &p.Tables[i]
		at := fmt.Sprintf("/tables/%d", i)
		err := checkName("table", at+"/name", t.Name, tables)
		if err != nil {
			return err
		}
		if len(t.Splits) == 0 {
			return schemas.BadField("publication", at+"/splits", "a table has at least one split")
		}
		splits := map[string]bool{}
		for j := range t.Splits {
			s := &t.Splits[j]
			if s.Name == "" {
				s.Name = "all"
			}
			where := fmt.Sprintf("%s/splits/%d", at, j)
			err := checkName("split", where+"/name", s.Name, splits)
			if err != nil {
				return err
			}
			if (len(s.Keys) == 0) == (s.Prefix == "") {
				return schemas.BadField("publication", where, "give either keys or a prefix")
			}
			if s.Prefix != "" && !strings.HasSuffix(s.Prefix, "/") {
				return schemas.BadField("publication", where+"/prefix", "the prefix %q does not end with /", s.Prefix)
			}
		}
	}
	return nil
}

// expand turns prefixes into keys and checks every key. It gives the number of
// shards, the base's included.
func (pub *Publisher) expand(ctx context.Context, by schemas.Principal, d *schemas.Dataset, p *asked, base *schemas.Version) (int, error) {
	n := 0
	if base != nil {
		n = base.Shards
	}
	have := held(base, &p.Publication)
	for i := range p.Tables {
		seen := map[string]bool{}
		var err error
		p.Tables[i].Objects, err = saidObjects(d, base, &p.Tables[i], fmt.Sprintf("/tables/%d", i))
		if err != nil {
			return 0, err
		}
		for j := range p.Tables[i].Splits {
			s := &p.Tables[i].Splits[j]
			at := fmt.Sprintf("/tables/%d/splits/%d", i, j)
			prefix := s.Prefix
			if prefix != "" {
				err := pub.list(ctx, by, p, base, s, at, p.Tables[i].Objects)
				if err != nil {
					return 0, err
				}
			}
			for k, key := range s.Keys {
				if seen[key] {
					return 0, schemas.BadField("publication", fmt.Sprintf("%s/keys/%d", at, k),
						"%s is given twice in the table %s: its rows would be doubled", asUploaded(d, key), p.Tables[i].Name)
				}
				seen[key] = true
				err := pub.MayName(ctx, by.Participant, p.Store, p.Bucket, key)
				if err != nil {
					return 0, err
				}
				if prefix == "" || k == 0 {
					err := pub.root(ctx, by, p, base, p.Tables[i].Name, prefix, key)
					if err != nil {
						return 0, err
					}
				}
				if _, is := have[key]; is {
					return 0, schemas.BadField("publication", fmt.Sprintf("%s/keys/%d", at, k), "version %s holds %s already", p.Base, key)
				}
			}
			n += len(s.Keys)
			if n > maxShards {
				return 0, schemas.Errorf(schemas.TooLarge, "publication", "a version has at most %d shards", maxShards)
			}
		}
	}
	err := separate(d, base, p)
	if err != nil {
		return 0, err
	}
	for i := range p.Tables {
		at := fmt.Sprintf("/tables/%d", i)
		if p.Tables[i].Objects {
			err = checkObjects(d, base, p, &p.Tables[i], at)
		} else {
			err = checkPaths(d, p, &p.Tables[i], at)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// list puts the objects under a split's prefix into the split, as far as they are shards
// and not in the base already.
func (pub *Publisher) list(
	ctx context.Context, by schemas.Principal, p *asked, base *schemas.Version, s *schemas.PublicationSplit, at string, files bool,
) error {
	err := pub.mayList(ctx, by, &p.Publication, s.Prefix)
	if err != nil {
		return err
	}
	store, err := pub.Store(ctx, p.Store)
	if err != nil {
		return err
	}
	objects, err := store.List(ctx, p.Bucket, s.Prefix, maxShards)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return schemas.BadField("publication", at+"/prefix", "there is no object under %s", s.Prefix)
	}
	var left *listing.Left
	if files {
		objects, left = listing.Objects(objects, s.Prefix)
	} else {
		objects, left, err = listing.Shards(objects, s.Prefix, at)
	}
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return schemas.BadField("publication", at+"/prefix", "there is no shard under %s: %s are left out", s.Prefix, left)
	}
	if left != nil {
		p.Left = append(p.Left, *left)
	}
	objects, err = added(objects, base, &p.Publication)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return schemas.BadField("publication", at+"/prefix", "nothing under %s is new since version %s", s.Prefix, p.Base)
	}
	for _, o := range objects {
		s.Keys = append(s.Keys, o.Key)
	}
	s.Prefix = ""
	return nil
}

// mayList asks for a prefix as MayName does for a key: for any key under it, whose
// name the answer must not show.
func (pub *Publisher) mayList(ctx context.Context, by schemas.Principal, p *schemas.Publication, prefix string) error {
	key := prefix + "x"
	err := pub.MayName(ctx, by.Participant, p.Store, p.Bucket, key)
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Subject != key {
		return err
	}
	of := strings.NewReplacer(fmt.Sprintf("the key %q", key), fmt.Sprintf("the prefix %q", prefix))
	refused := *e
	refused.Subject, refused.Message, refused.Reasons = prefix, of.Replace(e.Message), slices.Clone(e.Reasons)
	for i := range refused.Reasons {
		refused.Reasons[i].Text = of.Replace(refused.Reasons[i].Text)
	}
	return &refused
}
