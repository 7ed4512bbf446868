package byurl

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"guichet/connectors/direct"
	"guichet/connectors/s3"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// Door is how the record calls it.
const Door = "url"

// note is what every answer and every end in the record says.
const note = "released by URL: an upper bound, not revocable inside a range"

// Config is what URLs are made of.
type Config struct {
	Open   read.Opener
	Keeper *release.Keeper
	For    time.Duration // how long a URL is good; 0: the site gives none
	Now    func() time.Time
}

// URLs gives ranges by URL. Safe for concurrent use.
type URLs struct{ Config }

// New makes URLs.
func New(c Config) *URLs {
	c.For = min(c.For, direct.MaxLife)
	return &URLs{c}
}

// Allowed says whether anything is given under a grant, before its rows are planned. Errors:
// Denied: the site gives none, or policy.ByURL.
func (u *URLs) Allowed(g policy.Grant) error {
	if u.For < time.Second {
		return schemas.Refuse(string(g.Agreement().ID), "site.direct", "the operator", "this site gives no URLs",
			"stream the data; the operator turns it on (direct in the settings)")
	}
	return policy.ByURL(g)
}

// Rows gives about so many bytes of a plan's first rows; 0 is the usual number. Errors: as of
// Allowed and of Keeper.Give; Denied for a view that shows less than the object, and for stores
// whose bytes are compared; Invalid for a lane, which shares batches with others.
func (u *URLs) Rows(ctx context.Context, g policy.Grant, p *plan.Plan, bytes int64) (direct.Ranges, error) {
	src := p.Source
	out := direct.Ranges{Note: note, Version: src.Version.Version, Table: src.Table.Name, Split: src.Split.Name, Part: p.PartRows,
		Next: p.Ask.From, Order: p.Order, Even: p.Adjusted, Pieces: []direct.Piece{}}
	err := u.Allowed(g)
	if err != nil {
		return out, err
	}
	if !src.View.Raw() || src.View.Compact || src.View.Filter != nil {
		return out, schemas.Refuse(string(g.Agreement().ID), "view.direct", "the agreement",
			"the agreement shows less than the stored object, and a URL shows all of it", "stream the data")
	}
	if p.Ask.Lane.Of > 1 {
		return out, schemas.BadField("ranges", "lane", "lanes share record batches: one reader takes them by URL")
	}
	if p.Ask.Most > 0 {
		return out, schemas.BadField("ranges", "rows", "by URL come whole windows: say bytes, or stream so many rows")
	}
	picked := pick(p, g.Lease().Rank != nil, min(cmp.Or(bytes, direct.Usual), direct.MaxBytes))
	give := &giving{urls: u, out: &out, grant: g, name: src.Name(),
		release: schemas.Release{Ask: p.Ask.String(), Columns: plan.NameColumns(src.Columns())}}
	for _, one := range picked {
		out.Next += one.rows
		out.Pieces = append(out.Pieces, direct.Piece{Rows: one.rows, Window: one.window})
		for _, sp := range one.spans {
			give.add(len(out.Pieces)-1, src.StoredShard(sp.shard), direct.SignedRange{Bytes: sp.length, Shard: sp.shard,
				Dictionaries: sp.dictionaries, Rows: sp.rows, Skip: sp.skip, Take: sp.take}, sp.offset, sp.batches)
		}
	}
	return out, give.all(ctx)
}

// Objects gives objects whole, in ranges of at most direct.MaxRange: the first ones of the files,
// one at least. Errors: as Rows.
func (u *URLs) Objects(ctx context.Context, g policy.Grant, files []*file.File, bytes int64) (direct.Ranges, error) {
	src := files[0].Source
	out := direct.Ranges{Note: note, Version: src.Version.Version, Table: src.Table.Name, Split: src.Split.Name, Part: int64(len(files)),
		Pieces: []direct.Piece{}}
	err := u.Allowed(g)
	if err != nil {
		return out, err
	}
	give := &giving{urls: u, out: &out, grant: g, name: src.Name(), release: schemas.Release{Ask: file.NameObjects(files)}}
	most := min(cmp.Or(bytes, direct.Usual), direct.MaxBytes)
	for _, f := range files {
		sh := f.Source.StoredShard(0)
		if out.Next > 0 && (out.Bytes+sh.Size > most || len(give.list) >= maxRanges) {
			break
		}
		out.Next++
		out.Pieces = append(out.Pieces, direct.Piece{Rows: 1, Object: sh.Name, SHA256: sh.SHA256})
		for at := int64(0); at < sh.Size; at += direct.MaxRange {
			one := direct.SignedRange{Bytes: min(direct.MaxRange, sh.Size-at)}
			if at == 0 {
				one.Rows = 1
			}
			give.add(len(out.Pieces)-1, sh, one, at, one.Rows)
		}
	}
	give.release.Ask = file.NameObjects(files[:out.Next])
	return out, give.all(ctx)
}

// giving is one answer on its way.
type giving struct {
	urls    *URLs
	out     *direct.Ranges
	grant   policy.Grant
	name    string // what callers know the data by
	release schemas.Release
	list    []ranged
}

// ranged is one range, with where its URL goes.
type ranged struct {
	piece  int
	shard  *schemas.Shard
	store  *s3.Store
	offset int64
	signed direct.SignedRange
}

// add counts a range at its upper bound.
func (v *giving) add(piece int, sh *schemas.Shard, one direct.SignedRange, offset, batches int64) {
	v.list = append(v.list, ranged{piece: piece, shard: sh, offset: offset, signed: one})
	v.out.Rows, v.out.Bytes, v.release.Batches = v.out.Rows+one.Rows, v.out.Bytes+one.Bytes, v.release.Batches+batches
}

// all looks at every store, begins the release, and gives what was signed after that. The release
// stays open while the URLs are good; no revocation reaches it any more.
func (v *giving) all(ctx context.Context) error {
	if len(v.list) == 0 { // all comes by the stream, or has no bytes
		return nil
	}
	for i := range v.list {
		store, err := v.urls.Open(ctx, v.list[i].shard.Store)
		if err != nil {
			return read.RedactLocation(v.name, err)
		}
		err = store.MayPresign()
		if err != nil {
			return err
		}
		v.list[i].store = store
	}
	v.release.MostRows, v.release.MostBytes = v.out.Rows, v.out.Bytes
	return v.urls.Keeper.Give(ctx, v.grant.At(v.out.Table, v.out.Split), v.release, v.sign)
}

// sign makes the URLs of a release that has begun, and says when they are dead.
func (v *giving) sign(ctx context.Context, o *release.Open) (until time.Time, cause string, err error) {
	err = v.urls.Keeper.WaitConfirmed(ctx)
	if err == nil {
		err = o.Charge(ctx, v.out.Rows, v.out.Bytes)
	}
	if err != nil {
		return until, "", err
	}
	o.Batches = v.release.Batches
	now := v.urls.Now()
	ends, what := v.grant.Until()
	life := min(v.urls.For, ends.Sub(now)).Truncate(time.Second)
	if life < time.Second {
		return until, "", &release.Cut{State: schemas.ReleaseCut, Kind: schemas.Denied, Reason: fmt.Sprintf("the %s ends within a second", what)}
	}
	until = now.Add(life).UTC()
	v.out.Release, v.out.Expires, v.out.Seconds = o.ID, until, int64(life/time.Second)
	for _, r := range v.list {
		made, err := r.store.Presign(ctx, r.shard.Bucket, r.shard.Key, r.shard.ETag, r.offset, r.signed.Bytes, life)
		if err != nil {
			return until, "", read.RedactLocation(v.name, err)
		}
		r.signed.URL, r.signed.Headers = made.URL, made.Headers
		v.out.Pieces[r.piece].Ranges = append(v.out.Pieces[r.piece].Ranges, r.signed)
	}
	return until, note + "; the URLs were good until " + until.Format(time.RFC3339), nil
}
