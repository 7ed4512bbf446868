package s3face

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/schemas"
)

const listTime = "2006-01-02T15:04:05.000Z"

// object is one shard of a bucket.
type object struct {
	key    string
	source *plan.Source
	shard  int
}

// keyOf names a shard.
func keyOf(s *plan.Source, n int) string {
	if s.Objects() {
		return fmt.Sprintf("%s/%s/%s/%s", s.Version.Version, s.Table.Name, s.Split.Name, s.StoredShard(n).Name)
	}
	return fmt.Sprintf("%s/%s/%s/%05d.arrow", s.Version.Version, s.Table.Name, s.Split.Name, n)
}

// objects are all shards of sources, sorted by their keys.
func objects(sources []*plan.Source) []object {
	var out []object
	for _, s := range sources {
		for n := range s.NumShards() {
			out = append(out, object{keyOf(s, n), s, n})
		}
	}
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(a.key, b.key) })
	return out
}

// common is the common prefix that a key is shown by; "" where it is shown itself.
func (p page) common(key string) string {
	if p.delimiter == "" {
		return ""
	}
	at := strings.Index(key[len(p.prefix):], p.delimiter)
	if at < 0 {
		return ""
	}
	return key[:len(p.prefix)+at+len(p.delimiter)]
}

// A continuation token is the last entry of the page before.
func writeToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte("1" + last)) }

func readToken(token string) (last string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(b), "1")
}

// listed is the answer of ListObjectsV2, and of ListObjects.
type listed struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string  `xml:",omitempty"`
	MaxKeys               int     `xml:"MaxKeys"`
	EncodingType          string  `xml:",omitempty"`
	IsTruncated           bool    `xml:"IsTruncated"`
	KeyCount              *int    `xml:",omitempty"` // V2
	ContinuationToken     *string `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	Marker                *string `xml:",omitempty"` // V1
	NextMarker            string  `xml:",omitempty"`
	Contents              []listedObject
	CommonPrefixes        []commonPrefix
}

type listedObject struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

type commonPrefix struct{ Prefix string }

// listObjects answers both versions of a list.
func (c *call) listObjects(q query) error {
	second := c.operation == "ListObjectsV2"
	p, err := q.page(second)
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	g, err := c.grant(ctx, c.bucket, "", "", "")
	if err != nil {
		return err
	}
	sources, err := c.door.Stream.Sources(ctx, g)
	if err != nil {
		return err
	}
	all := objects(sources)
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].key
	}
	found := p.of(keys)
	shown := func(s string) string {
		if p.encode {
			return escape(s, true)
		}
		return s
	}
	out := listed{
		Name: string(c.bucket), Prefix: shown(p.prefix), Delimiter: shown(p.delimiter), MaxKeys: p.most, IsTruncated: found.last != "",
	}
	if p.encode {
		out.EncodingType = "url"
	}
	if second {
		n := len(found.keys) + len(found.prefixes)
		out.KeyCount, out.StartAfter = &n, shown(q.get("start-after"))
		if q.has("continuation-token") {
			token := q.get("continuation-token")
			out.ContinuationToken = &token
		}
		if found.last != "" {
			out.NextContinuationToken = writeToken(found.last)
		}
	} else {
		marker := shown(p.after)
		out.Marker, out.NextMarker = &marker, shown(found.last)
	}
	out.Contents, err = c.contents(ctx, g, all, found.keys, shown)
	if err != nil {
		return err
	}
	for _, s := range found.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{shown(s)})
	}
	return c.xml(http.StatusOK, out)
}

// measuring is how long a list may go on to another size that only making a file tells. One that
// was begun is found whatever it takes: else a list would never get beyond a large shard.
const measuring = 20 * time.Second

// contents describes objects. What was measured is remembered, so that who is told to come
// again finds more of it done.
func (c *call) contents(
	ctx context.Context, g policy.Grant, all []object, places []int, shown func(string) string,
) ([]listedObject, error) {
	began := c.door.Now()
	out := make([]listedObject, 0, len(places))
	for i, at := range places {
		if c.door.Now().Sub(began) > measuring {
			return nil, &schemas.Error{Kind: schemas.Busy, Subject: string(c.bucket),
				Message: fmt.Sprintf("the sizes of what the agreement changes are being found, %d of %d so far", i, len(places)),
				Remedy:  "ask again"}
		}
		o := all[at]
		tag, size, err := c.measure(ctx, g, o)
		if err != nil {
			return nil, err
		}
		out = append(out, listedObject{shown(o.key), modified(o.source).Format(listTime), etag(tag), size, "STANDARD"})
	}
	return out, nil
}

// measure finds a file's tag and its exact size.
func (c *call) measure(ctx context.Context, g policy.Grant, o object) (tag string, size int64, err error) {
	if o.source.Objects() {
		f := file.LookObject(&o.source.Version, o.source.Table, o.source.Split, o.shard)
		return f.ETag, f.Size, nil
	}
	return c.door.Stream.Files.Measure(ctx, o.source, o.shard, g.Lease().Participant)
}

// bucketsListed is the answer of ListBuckets.
type bucketsListed struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner   struct {
		ID          string
		DisplayName string
	}
	Buckets struct {
		Bucket []bucketListed
	}
}

type bucketListed struct{ Name, CreationDate string }

// listBuckets names the agreements of the lease that it opens now.
func (c *call) listBuckets() error {
	ctx := c.r.Context()
	l, err := c.door.Leases.Find(ctx, c.token)
	if err != nil {
		return err
	}
	var out bucketsListed
	var first error
	out.Owner.ID, out.Owner.DisplayName = string(l.Participant), string(l.Participant)
	for _, it := range l.Items {
		g, err := c.grant(ctx, it.Agreement, "", "", "")
		if err != nil {
			if schemas.KindOf(err) != schemas.Denied {
				return err
			}
			if first == nil {
				first = err
			}
			continue
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket, bucketListed{string(it.Agreement), g.Agreement().From.UTC().Format(listTime)})
	}
	if len(out.Buckets.Bucket) == 0 && first != nil {
		return first
	}
	slices.SortFunc(out.Buckets.Bucket, func(a, b bucketListed) int { return strings.Compare(a.Name, b.Name) })
	return c.xml(http.StatusOK, out)
}
