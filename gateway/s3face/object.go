package s3face

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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
	name         string // of an object, or of a shard: 00000.arrow
}

// readKey reads version/table/split/name; false for anything else.
func readKey(key string) (named, bool) {
	parts := strings.SplitN(key, "/", 4)
	runsAway := func(part string) bool { return part == "" || part == "." || part == ".." }
	if len(parts) != 4 || slices.ContainsFunc(strings.Split(key, "/"), runsAway) {
		return named{}, false
	}
	return named{schemas.VersionID(parts[0]), parts[1], parts[2], parts[3]}, true
}

// shard reads the number of a shard, 00000.arrow; false for anything else.
func (k named) shard() (int, bool) {
	digits, ok := strings.CutSuffix(k.name, ".arrow")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && fmt.Sprintf("%05d", n) == digits && n >= 0
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
	g, err := c.grant(ctx, c.bucket, k.version, k.table, k.split)
	if err != nil {
		return err
	}
	f, err := c.door.Stream.Object(ctx, g, k.name)
	if schemas.KindOf(err) == schemas.Invalid || schemas.KindOf(err) == schemas.NotFound {
		return noKey(c.key)
	}
	if f != nil || err != nil {
		return c.asItIs(g, f, err)
	}
	n, ok := k.shard()
	if !ok {
		return noKey(c.key)
	}
	return c.shard(ctx, g, n)
}

// asItIs answers for an object.
func (c *call) asItIs(g policy.Grant, f *file.File, err error) error {
	if err != nil {
		return err
	}
	a := c.choose(g, f)
	if !a.Bytes() {
		return c.withoutBytes(a)
	}
	if c.r.Method == http.MethodHead || a.Range.N == 0 {
		a.Head()
		return nil
	}
	return c.send(g, f, a)
}

// send sends a file; what ends badly once it has begun is cut.
func (c *call) send(g policy.Grant, f *file.File, a *door.FileAnswer) error {
	defer func() { c.w.bytes += a.Passed() }()
	err := c.door.Stream.Files.Send(c.r.Context(), g, f, a.Range, a, func() { door.CutOff(c.w, c.r) })
	if err != nil && a.Begun() {
		door.Tear(c.w, c.r, c.door.Log, string(f.Source.Version.Dataset), err)
	}
	return err
}

// shard answers for a shard.
func (c *call) shard(ctx context.Context, g policy.Grant, n int) error {
	src, err := c.door.Stream.Source(ctx, g)
	if schemas.KindOf(err) == schemas.Invalid || err == nil && n >= src.NumShards() {
		return noKey(c.key)
	}
	if err != nil {
		return err
	}
	files, who := c.door.Stream.Files, g.Lease().Participant
	f, err := files.Look(src, n)
	if err == nil && f.Size < 0 { // who asks for its size asks for its bytes next
		f, err = files.Open(ctx, src, n, who)
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
	f, err = files.Open(ctx, src, n, who)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.send(g, f, c.choose(g, f))
}

// choose reads conditions and range of a request for a file.
func (c *call) choose(g policy.Grant, f *file.File) *door.FileAnswer {
	for _, name := range []string{"If-Match", "If-None-Match"} { // S3 takes ETags without their quotes too
		if m := c.r.Header.Get(name); m != "" && m != "*" && !strings.Contains(m, `"`) {
			c.r.Header.Set(name, `"`+m+`"`)
		}
	}
	return door.AnswerFile(c.w, c.r, door.HeadOf(f, etag, modified(f.Source)), door.HasBudget(g))
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
