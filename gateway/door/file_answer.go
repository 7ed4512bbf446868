package door

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/s3"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/release"
	"guichet/policy"
	"guichet/schemas"
)

// fileType is an Arrow IPC file [IANA].
const fileType = "application/vnd.apache.arrow.file"

// FileHead is what is known of a file before any of its bytes.
type FileHead struct {
	ETag     string // with its quotes
	Size     int64  // in bytes; -1 where the file would have to be made for it
	Modified time.Time

	// Of an object, which is given as it is.
	MediaType string // "" is an Arrow IPC file
	SHA256    string // hex
}

// HeadOf is what is known of a file. tag makes its ETag, with quotes.
func HeadOf(f *file.File, tag func(string) string, modified time.Time) FileHead {
	return FileHead{ETag: tag(f.ETag), Size: f.Size, Modified: modified, MediaType: f.MediaType(), SHA256: f.SHA256()}
}

// FileAnswer is what a request for a file comes to by its conditions and its range, and the
// file.Sink of its bytes.
type FileAnswer struct {
	FileHead
	Status int
	Range  file.Range // that is sent, where Status is 200 or 206

	w      http.ResponseWriter
	out    io.Writer         // w, in pieces
	turn   func(client bool) // tells whom the range waits for
	socket *net.TCPConn      // nil where bytes cannot be moved into it
	passed int64             // bytes that went past w
	sent   bool
}

// HasBudget says whether rows under a grant are paid for.
func HasBudget(g policy.Grant) bool {
	return slices.ContainsFunc(g.Agreement().Obligations, func(d schemas.Duty) bool { return d.Kind == schemas.DutyBudget })
}

// AnswerFile reads conditions and range [RFC 9110 §13, §14]. Of several ranges the whole
// is sent, as the RFC allows; under a budget, where that would cost all rows for a
// client's slip, a range that is not understood is not satisfied.
func AnswerFile(w http.ResponseWriter, r *http.Request, head FileHead, budget bool) *FileAnswer {
	a := &FileAnswer{FileHead: head, Status: http.StatusOK, Range: file.Range{N: head.Size}, w: w, socket: socketOf(r)}
	a.Status = conditions(r.Header, head)
	if a.Status != http.StatusOK {
		return a
	}
	want := r.Header.Get("Range")
	if head.Size < 0 { // the file is not made: of a HEAD a range may be ignored
		want = ""
	}
	if m := r.Header.Get("If-Range"); m != "" && m != head.ETag {
		want = ""
	}
	rg, ok, satisfiable := parseRange(want, head.Size)
	switch {
	case !ok && budget && want != "":
		a.Status = http.StatusRequestedRangeNotSatisfiable
	case !ok:
	case !satisfiable:
		a.Status = http.StatusRequestedRangeNotSatisfiable
	default:
		a.Status, a.Range = http.StatusPartialContent, rg
	}
	return a
}

// conditions gives 200 where a request's conditions hold, else 412 or 304. A time is looked at
// where no ETag is named, and where the file has one [RFC 9110 §13.2.2].
func conditions(h http.Header, head FileHead) int {
	dated := func(name string) (time.Time, bool) {
		t, err := http.ParseTime(h.Get(name))
		return t, err == nil && !head.Modified.IsZero()
	}
	if m := h.Get("If-Match"); m != "" {
		if !matches(m, head.ETag, false) {
			return http.StatusPreconditionFailed
		}
	} else if t, ok := dated("If-Unmodified-Since"); ok && head.Modified.Truncate(time.Second).After(t) {
		return http.StatusPreconditionFailed
	}
	if m := h.Get("If-None-Match"); m != "" {
		if matches(m, head.ETag, true) {
			return http.StatusNotModified
		}
	} else if t, ok := dated("If-Modified-Since"); ok && !head.Modified.Truncate(time.Second).After(t) {
		return http.StatusNotModified
	}
	return http.StatusOK
}

// Bytes says whether it has any.
func (a *FileAnswer) Bytes() bool {
	return a.Status == http.StatusOK || a.Status == http.StatusPartialContent
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
		n, err := digits(to)
		if err != nil {
			return rg, false, false
		}
		n = min(n, size)
		return file.Range{From: size - n, N: n}, true, n > 0
	}
	lo, err := digits(from)
	if err != nil {
		return rg, false, false
	}
	hi := size - 1
	if to != "" {
		hi, err = digits(to)
		if err != nil || hi < lo {
			return rg, false, false
		}
		hi = min(hi, size-1)
	}
	return file.Range{From: lo, N: hi - lo + 1}, true, lo < size
}

// digits reads a place in a file: digits alone, where ParseInt takes a sign.
func digits(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// Begun says whether a client has its status: what ends badly from then on can only be cut.
func (a *FileAnswer) Begun() bool { return a.sent }

// Head sends status and headers.
func (a *FileAnswer) Head() {
	h := a.w.Header()
	h.Set("ETag", a.ETag)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", "private, no-cache") // a cache asks each time: the agreement may have ended
	h.Set("Vary", "Authorization")
	if !a.Modified.IsZero() {
		h.Set("Last-Modified", a.Modified.UTC().Format(http.TimeFormat))
	}
	switch a.Status {
	case http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", a.Size))
	case http.StatusPartialContent:
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", a.Range.From, a.Range.From+a.Range.N-1, a.Size))
		fallthrough
	case http.StatusOK:
		h.Set("Content-Type", cmp.Or(a.MediaType, fileType))
		if a.Size >= 0 {
			h.Set("Content-Length", number(a.Range.N))
		}
		a.asItIs(h)
	}
	a.sent = true
	a.w.WriteHeader(a.Status)
}

// asItIs says what an object is, to clients that compare it, and to browsers, which must not take
// a page or a script of a provider's for one of ours.
func (a *FileAnswer) asItIs(h http.Header) {
	digest, err := hex.DecodeString(a.SHA256)
	if a.SHA256 == "" || err != nil {
		return
	}
	field := "sha-256=:" + base64.StdEncoding.EncodeToString(digest) + ":" // [RFC 9530]
	h.Set("Repr-Digest", field)
	if a.Status == http.StatusOK {
		h.Set("Content-Digest", field)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
}

// Begin is for file.Sink.
func (a *FileAnswer) Begin(ctx context.Context, r schemas.Release, f *file.File) error {
	a.out, a.turn = release.Pieces(ctx, a.w), release.Turn(ctx)
	_, _, rows := f.Touched(a.Range)
	a.w.Header().Set("Guichet-Release", string(r.ID))
	a.w.Header().Set("Guichet-Rows", number(rows))
	a.Head()
	return nil
}

// Write is for file.Sink.
func (a *FileAnswer) Write(p []byte) error {
	_, err := a.out.Write(p)
	if err != nil {
		return &release.ClientError{Err: err}
	}
	return nil
}

// RestBytes is for file.Passer.
func (a *FileAnswer) RestBytes() int64 {
	if a.socket == nil || readerFrom(a.w) == nil {
		return 0
	}
	return passBytes
}

// Pass is for file.Passer: net/http lets the connection take the bytes, and counts them, so
// that it serves the next request too.
func (a *FileAnswer) Pass(from file.Body, n int64) error {
	if a.passed == 0 {
		freeUnsent(a.socket)
		_, err := a.w.Write(nil) // a writer that keeps the head back sends it down
		if err != nil {
			return &release.ClientError{Err: err}
		}
	}
	p := &passing{from: from, left: n, turn: a.turn}
	k, err := readerFrom(a.w).ReadFrom(p)
	a.passed += k
	if to, ok := errors.AsType[*s3.DestinationError](err); ok {
		return &release.ClientError{Err: to.Err}
	}
	if err == nil && p.left > 0 {
		err = io.ErrShortWrite
	}
	return err
}

// Passed is how many bytes went past the writer that it was made with.
func (a *FileAnswer) Passed() int64 { return a.passed }

// readerFrom is net/http's own writer under those that wrap it; nil where it is another.
func readerFrom(w http.ResponseWriter) io.ReaderFrom {
	for {
		under, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			r, _ := w.(io.ReaderFrom)
			return r
		}
		w = under.Unwrap()
	}
}

// passing is a piece of a body on its way through net/http, which reads its first bytes and
// has the connection take the others.
type passing struct {
	from file.Body
	left int64
	turn func(client bool)
}

// Read is io.Reader's.
func (p *passing) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	p.turn(false)
	n, err := p.from.Read(b[:min(int64(len(b)), p.left)])
	p.turn(true)
	p.left -= int64(n)
	return n, err
}

// PassTo moves what is left to a socket.
func (p *passing) PassTo(to *net.TCPConn) (int64, error) {
	n := p.left
	err := p.from.Pass(to, n, p.turn)
	if err != nil {
		return 0, err
	}
	p.left = 0
	return n, nil
}
