package s3face

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"guichet/gateway/door"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/schemas"
)

// etag is an object's: a tag that no client takes for the MD5 of its bytes, which 32
// hexadecimal digits would be.
func etag(tag string) string { return `"` + tag + `-1"` }

// modified is since when an object is as it is.
func modified(s *plan.Source) time.Time { return s.Version.Published.UTC().Truncate(time.Second) }

// named is a key that was read.
type named struct {
	version      schemas.VersionID
	table, split string
	shard        int
}

// readKey reads version/table/split/00000.arrow; false for anything else.
func readKey(key string) (named, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 {
		return named{}, false
	}
	digits, ok := strings.CutSuffix(parts[3], ".arrow")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || fmt.Sprintf("%05d", n) != digits || n < 0 {
		return named{}, false
	}
	return named{schemas.VersionID(parts[0]), parts[1], parts[2], n}, parts[0] != "" && parts[1] != "" && parts[2] != ""
}

// object answers HeadObject and GetObject.
func (c *call) object() error {
	ctx := c.r.Context()
	k, ok := readKey(c.key)
	if !ok { // a folder, or nothing: who may not read the bucket hears that
		_, err := c.grant(ctx, c.bucket, "", "", "")
		if err != nil {
			return err
		}
		return noKey(c.key)
	}
	g, src, err := c.source(ctx, k)
	if err != nil {
		return err
	}
	files, who := c.door.Stream.Files, g.Lease().Participant
	f, err := files.Look(src, k.shard)
	if err == nil && f.Size < 0 { // who asks for its size asks for its bytes next
		f, err = files.Open(ctx, src, k.shard, who)
		if err == nil {
			defer f.Close()
		}
	}
	if err != nil {
		return err
	}
	a := c.choose(g, f)
	if !a.Bytes() {
		return c.withoutBytes(a)
	}
	if c.r.Method == http.MethodHead {
		a.Head()
		return nil
	}
	f, err = files.Open(ctx, src, k.shard, who)
	if err != nil {
		return err
	}
	defer f.Close()
	a = c.choose(g, f)
	defer func() { c.w.bytes += a.Passed() }()
	err = files.Send(ctx, g, f, a.Range, a, func() { door.CutOff(c.w, c.r) })
	if err != nil && a.Begun() {
		door.Tear(c.w, c.r, c.door.Log, string(src.Version.Dataset), err)
	}
	return err
}

// source finds the split of a key.
func (c *call) source(ctx context.Context, k named) (policy.Grant, *plan.Source, error) {
	g, err := c.grant(ctx, c.bucket, k.version, k.table, k.split)
	if err != nil {
		return g, nil, err
	}
	src, err := c.door.Stream.Source(ctx, g)
	if schemas.KindOf(err) == schemas.Invalid || err == nil && k.shard >= src.NumShards() {
		return g, nil, noKey(c.key)
	}
	return g, src, err
}

// choose reads conditions and range of a request for a file.
func (c *call) choose(g policy.Grant, f *file.File) *door.FileAnswer {
	for _, name := range []string{"If-Match", "If-None-Match"} { // S3 takes ETags without their quotes too
		if m := c.r.Header.Get(name); m != "" && m != "*" && !strings.Contains(m, `"`) {
			c.r.Header.Set(name, `"`+m+`"`)
		}
	}
	return door.AnswerFile(c.w, c.r, door.FileHead{ETag: etag(f.ETag), Size: f.Size, Modified: modified(f.Source)}, door.HasBudget(g))
}

// withoutBytes answers where conditions or range leave nothing to send.
func (c *call) withoutBytes(a *door.FileAnswer) error {
	switch a.Status {
	case http.StatusPreconditionFailed:
		return failure(a.Status, "PreconditionFailed", "the object is not the one that the condition names: its ETag is %s", a.ETag)
	case http.StatusRequestedRangeNotSatisfiable:
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", a.Size))
		return failure(a.Status, "InvalidRange", "the object has %d bytes; the range %.100q is not among them", a.Size, c.r.Header.Get("Range"))
	default:
		a.Head()
		return nil
	}
}
