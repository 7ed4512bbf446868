package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"guichet/schemas"
)

// retries is how often a read goes on from where it stopped before it is given up;
// each retryBytes that came give it as many again.
const (
	retries    = 3
	retryBytes = 8 << 20
)

// Open reads length bytes from offset; length < 0 means to the end. With etag the
// object must still be that one. A read that breaks off or stops goes on from there a
// few times, over the same object. Errors: NotFound, Gone (changed), Unavailable, with
// a Fault where the store does not keep to the protocol. The reader's own errors are
// explained alike; what it gives are the bytes asked for.
func (s *Store) Open(ctx context.Context, bucket, key, etag string, offset, length int64) (io.ReadCloser, error) {
	if length == 0 {
		return http.NoBody, nil
	}
	return s.begin(&reader{s: s, ctx: ctx, bucket: bucket, key: key, etag: etag, at: offset, left: length, size: -1, tries: retries})
}

// OpenWhole reads an object whole, as Stat told of it: neither more nor less. Errors as
// Open.
func (s *Store) OpenWhole(ctx context.Context, bucket string, i Info) (io.ReadCloser, error) {
	if i.Size == 0 {
		return http.NoBody, nil
	}
	return s.begin(&reader{s: s, ctx: ctx, bucket: bucket, key: i.Key, etag: i.ETag, left: i.Size, size: i.Size, tries: retries})
}

func (s *Store) begin(r *reader) (io.ReadCloser, error) {
	for {
		err := r.open()
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, Stalls) || !r.again() { // minio-go tried the rest again
			return nil, s.explain(err, r.bucket, r.key)
		}
	}
}

// reader is one read of an object. Not safe for concurrent use.
type reader struct {
	s                 *Store
	ctx               context.Context //nolint:containedctx // of one read
	bucket, key, etag string
	at                int64 // of the next byte
	left              int64 // bytes to come; < 0: until the store ends
	size              int64 // of the whole object; < 0: not known
	body              *paced
	tries             int
	since             int64 // bytes since tries were given
	direct            bool  // over a connection of our own
}

// open asks for what is left.
func (r *reader) open() error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	head := time.AfterFunc(r.s.idle, func() { cancel(Stalls) })
	s := &slot{direct: r.direct}
	length := r.left
	if r.at == 0 && r.left == r.size { // the whole object: stores send it at less cost than a range
		length = -1
	}
	err := r.s.get(context.WithValue(ctx, slotKey{}, s), r.bucket, r.key, r.etag, r.at, length)
	head.Stop()
	if err == nil && s.resp == nil {
		err = OtherRange // neither 200 nor 206: nothing that minio-go takes for an object
	}
	if err == nil {
		err = r.answered(s.resp)
	}
	if err != nil {
		if f := faultOf(context.Cause(ctx)); f != "" {
			err = f
		}
		s.close()
		cancel(nil)
		return err
	}
	r.body = newPaced(ctx, cancel, s.resp.Body, r.s.idle)
	return nil
}

// get asks for an object by minio-go; length < 0 means to the end.
func (s *Store) get(ctx context.Context, bucket, key, etag string, offset, length int64) error {
	var o minio.GetObjectOptions
	if etag != "" {
		err := o.SetMatchETag(etag)
		if err != nil {
			return schemas.Errorf(schemas.Invalid, key, "pin %s: %w", key, err)
		}
	}
	switch {
	case length >= 0:
		o.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		o.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	_, _, _, err := s.core.GetObject(ctx, bucket, key, o)
	return err
}

// answered holds an answer against what was asked, and pins the object where nobody
// did yet.
func (r *reader) answered(resp *http.Response) error {
	etag := strings.Trim(resp.Header.Get("ETag"), `"`)
	switch {
	case r.etag == "":
		r.etag = etag
	case etag == "":
		return NoETag
	case etag != strings.Trim(r.etag, `"`):
		return changed(r.key)
	}
	if resp.StatusCode == http.StatusOK {
		switch {
		case r.at > 0:
			return NoRange
		case r.left < 0:
			r.left = resp.ContentLength
		case resp.ContentLength >= 0 && r.size >= 0 && resp.ContentLength != r.size:
			return OtherLength
		case resp.ContentLength >= 0 && resp.ContentLength < r.left:
			return shorter(r.key)
		}
		return nil // a whole object where its beginning was asked for: the rest is not read
	}
	var from, to, size int64
	n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size)
	if err != nil && n < 2 || from != r.at || to < from {
		return OtherRange
	}
	if r.size >= 0 && n == 3 && size != r.size {
		return OtherLength
	}
	switch length := to - from + 1; {
	case r.left < 0:
		r.left = length
	case length < r.left && to+1 == size:
		return shorter(r.key)
	case length != r.left:
		return OtherRange
	}
	if resp.ContentLength >= 0 && resp.ContentLength != r.left {
		return OtherRange
	}
	return nil
}

// again waits a moment and says whether the read may be tried again.
func (r *reader) again() bool {
	if r.tries == 0 || r.ctx.Err() != nil {
		return false
	}
	r.tries--
	t := time.NewTimer(r.s.idle / 100)
	defer t.Stop()
	select {
	case <-r.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Read is io.Reader's.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	for {
		n, err := r.read(p)
		if n > 0 {
			return n, nil // what comes after it is seen at the next read
		}
		if err == nil || r.left < 0 && err == io.EOF { //nolint:errorlint // io.Reader's contract
			return 0, err
		}
		err = r.goOn(err)
		if err != nil {
			return 0, err
		}
	}
}

// goOn gives up the answer that ended with err, and says why the rest cannot be asked for
// again.
func (r *reader) goOn(err error) error {
	r.close()
	if r.ctx.Err() != nil {
		return r.s.explain(context.Cause(r.ctx), r.bucket, r.key)
	}
	if !passes(err) || r.etag == "" || !r.again() { // without an ETag the rest might be another object's
		return r.s.explain(broke(err), r.bucket, r.key)
	}
	return nil
}

// passes says whether a read that ended so may go well when it is tried again.
func passes(err error) bool {
	if f := faultOf(err); f != "" {
		return f == Stalls
	}
	status := minio.ToErrorResponse(err).StatusCode
	return schemas.KindOf(err) == schemas.Internal && (status < 400 || status >= 500)
}

// broke names a body that ended too early.
func broke(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Stalls
	}
	return err
}

func (r *reader) read(p []byte) (int, error) {
	if r.body == nil {
		err := r.open()
		if err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p)
	r.took(int64(n))
	return n, err
}

// took counts bytes that came.
func (r *reader) took(n int64) {
	r.at += n
	if r.left > 0 {
		r.left -= n
	}
	r.since += n
	if r.since >= retryBytes {
		r.tries, r.since = retries, 0
	}
}

func (r *reader) close() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

// Close is io.Closer's.
func (r *reader) Close() error {
	r.close()
	return nil
}

// ReadRange fills p from offset. Errors as Open.
func (s *Store) ReadRange(ctx context.Context, bucket, key, etag string, offset int64, p []byte) error {
	body, err := s.Open(ctx, bucket, key, etag, offset, int64(len(p)))
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.ReadFull(body, p)
	return err
}

// noSuchTag is no object's.
const noSuchTag = "00000000000000000000000000000000"

// Probe asks whether a store does what published versions rest on, over one object:
// it says ETags, sends the part that is asked for, and refuses one with another ETag.
// An Invalid error names what it lacks. Others as Open.
func (s *Store) Probe(ctx context.Context, bucket, key string) error {
	info, err := s.Stat(ctx, bucket, key)
	if err != nil {
		return err
	}
	if info.ETag == "" {
		return s.lacks(NoETag)
	}
	if info.Size > 1 {
		err = s.ReadRange(ctx, bucket, key, info.ETag, info.Size-1, make([]byte, 1))
		if f := faultOf(err); f == NoRange || f == OtherRange || f == NoETag {
			return s.lacks(f)
		}
		if err != nil {
			return err
		}
	}
	a, length := &slot{}, int64(1)
	if info.Size == 0 {
		length = -1
	}
	err = s.get(context.WithValue(ctx, slotKey{}, a), bucket, key, noSuchTag, 0, length)
	a.close()
	switch {
	case err == nil:
		return s.lacks(NoCondition)
	case minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed:
		return nil
	}
	return s.explain(err, bucket, key)
}

func (s *Store) lacks(f Fault) error {
	return &schemas.Error{
		Kind:    schemas.Invalid,
		Subject: string(s.id),
		Message: fmt.Sprintf("store %s %s, so nobody could say later whether the bytes are still those that were published", s.id, string(f)),
		Remedy:  f.Remedy(),
		Err:     f,
	}
}
