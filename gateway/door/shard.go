package door

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// fileType is an Arrow IPC file [IANA].
const fileType = "application/vnd.apache.arrow.file"

// shard answers GET and HEAD of one shard by name.
func (d *Door) shard(c *gin.Context) {
	digits, ok := strings.CutSuffix(c.Param("file"), ".arrow")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || strconv.Itoa(n) != digits {
		d.fail(c, schemas.Errorf(schemas.NotFound, c.Param("file"), "there is no file %q here; a shard is 0.arrow, 1.arrow, …", c.Param("file")))
		return
	}
	err = named(c, []string{"version", "columns", "run", "table", "split"})
	for _, key := range []string{"table", "split"} { // they may repeat the path
		if said := c.Query(key); err == nil && said != "" && said != c.Param(key) {
			err = schemas.BadField("stream", key, "the path says %q and the query %q", c.Param(key), said)
		}
	}
	if err != nil {
		d.fail(c, err)
		return
	}
	g, err := d.grant(c, "shard", 0, plan.Ask{})
	if err != nil {
		d.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	src, err := d.Stream.Source(ctx, g)
	if err != nil {
		d.fail(c, err)
		return
	}
	f, err := d.Stream.Files.Look(src, n)
	if err != nil {
		d.fail(c, err)
		return
	}
	// What needs no bytes makes no file: nothing of it would be recorded.
	terms := g.Agreement()
	budget := slices.ContainsFunc(terms.Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyBudget })
	if a := choose(c.Request, `"`+f.ETag+`"`, f.Size, budget); c.Request.Method == http.MethodHead || !a.bytes() {
		(&fileAnswer{w: c.Writer, answer: a}).head()
		return
	}
	f, err = d.Stream.Files.Open(ctx, src, n, g.Lease().Participant)
	if err != nil {
		d.fail(c, err)
		return
	}
	defer f.Close()
	a := choose(c.Request, `"`+f.ETag+`"`, f.Size, budget)
	s := &fileAnswer{w: c.Writer, answer: a}
	if !a.bytes() {
		s.head()
		return
	}
	err = d.Stream.Files.Send(ctx, g, f, a.rg, s, func() { cutOff(c) })
	d.ended(c, string(src.Version.Dataset), s, err)
}

// answer is what a request's conditions and range come to.
type answer struct {
	status int
	rg     file.Range
	size   int64
	etag   string
}

// choose reads conditions and range [RFC 9110 §13, §14]. Of several ranges the whole
// is sent, as the RFC allows; under a budget, where that would cost all rows for a
// client's slip, a range that is not understood is not satisfied.
func choose(r *http.Request, etag string, size int64, budget bool) answer {
	a := answer{status: http.StatusOK, rg: file.Range{N: size}, size: size, etag: etag}
	if m := r.Header.Get("If-Match"); m != "" && !matches(m, etag, false) {
		a.status = http.StatusPreconditionFailed
		return a
	}
	if m := r.Header.Get("If-None-Match"); m != "" && matches(m, etag, true) {
		a.status = http.StatusNotModified
		return a
	}
	want := r.Header.Get("Range")
	if size < 0 { // the file is not made: of a HEAD a range may be ignored
		want = ""
	}
	if m := r.Header.Get("If-Range"); m != "" && m != etag {
		want = ""
	}
	rg, ok, satisfiable := parseRange(want, size)
	switch {
	case !ok && budget && want != "":
		a.status = http.StatusRequestedRangeNotSatisfiable
	case !ok:
	case !satisfiable:
		a.status = http.StatusRequestedRangeNotSatisfiable
	default:
		a.status, a.rg = http.StatusPartialContent, rg
	}
	return a
}

// bytes says whether it has any.
func (a answer) bytes() bool {
	return a.status == http.StatusOK || a.status == http.StatusPartialContent
}

// matches says whether an ETag is in a list; weak also takes weak ones.
func matches(list, etag string, weak bool) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one = strings.TrimPrefix(one, "W/")
		}
		if one == etag || one == "*" {
			return true
		}
	}
	return false
}

// parseRange reads one range of bytes. ok is false where there is none that counts.
func parseRange(s string, size int64) (rg file.Range, ok, satisfiable bool) {
	spec, found := strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return rg, false, false
	}
	if from == "" { // the last bytes
		n, err := strconv.ParseInt(to, 10, 64)
		if err != nil || n < 0 {
			return rg, false, false
		}
		n = min(n, size)
		return file.Range{From: size - n, N: n}, true, n > 0
	}
	lo, err := strconv.ParseInt(from, 10, 64)
	if err != nil || lo < 0 {
		return rg, false, false
	}
	hi := size - 1
	if to != "" {
		hi, err = strconv.ParseInt(to, 10, 64)
		if err != nil || hi < lo {
			return rg, false, false
		}
		hi = min(hi, size-1)
	}
	return file.Range{From: lo, N: hi - lo + 1}, true, lo < size
}

// fileAnswer sends a file's bytes with their length.
type fileAnswer struct {
	w   http.ResponseWriter
	out io.Writer // w, in pieces
	answer
	sent bool
}

func (s *fileAnswer) begun() bool { return s.sent }

// head sends status and headers.
func (s *fileAnswer) head() {
	h := s.w.Header()
	h.Set("ETag", s.etag)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", "private, no-cache") // a cache asks each time: the agreement may have ended
	h.Set("Vary", "Authorization")
	switch s.status {
	case http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", s.size))
	case http.StatusPartialContent:
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.rg.From, s.rg.From+s.rg.N-1, s.size))
		fallthrough
	case http.StatusOK:
		h.Set("Content-Type", fileType)
		if s.size >= 0 {
			h.Set("Content-Length", number(s.rg.N))
		}
	}
	s.sent = true
	s.w.WriteHeader(s.status)
}

// Begin is for file.Sink.
func (s *fileAnswer) Begin(ctx context.Context, r schemas.Release, f *file.File) error {
	s.out = release.Pieces(ctx, s.w)
	_, _, rows := f.Touched(s.rg)
	s.w.Header().Set("Guichet-Release", string(r.ID))
	s.w.Header().Set("Guichet-Rows", number(rows))
	s.head()
	return nil
}

// Write is for file.Sink.
func (s *fileAnswer) Write(p []byte) error {
	_, err := s.out.Write(p)
	if err != nil {
		return &release.ClientError{Err: err}
	}
	return nil
}
