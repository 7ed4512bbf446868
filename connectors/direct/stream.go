package direct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"guichet/connectors/client"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Stream is a rank's part in stored order as an IPC stream, read straight from S3 where that is
// given. Read it to io.EOF: any other end means that it broke off. Not safe for concurrent use.
type Stream struct {
	Rows int64 // that will come

	client    *client.Client // with a lease
	agreement schemas.AgreementID
	ask       RangesAsk
	given     *Ranges      // not read yet
	read      atomic.Int64 // rows
	byStream  atomic.Int64
	release   schemas.ReleaseID
	free      chan []byte // buffers of ranges
	out       *io.PipeReader
	stop      context.CancelFunc
}

// Open asks for the first ranges, with the keys of a stream; lease gives tokens of leases. Errors: the refusal
// of the gateway, also where it gives no URLs; Invalid for rows that are more than messages as they lie.
func Open(ctx context.Context, c *client.Client, lease client.TokenSource, id schemas.AgreementID, q url.Values) (*Stream, error) {
	for key, why := range map[string]string{"columns": "a URL shows all columns", "seed": "by a seed rows come in an order of their own, " +
		"which the Python kit makes of what it reads by URL"} {
		if q.Get(key) != "" {
			return nil, schemas.BadField("ranges", key, "rows are read by URL as they are stored here, and %s", why)
		}
	}
	ask := RangesAsk{Table: q.Get("table"), Split: q.Get("split"), Version: schemas.VersionID(q.Get("version")),
		Start: q.Get("start"), Even: q.Get("even")}
	for key, into := range map[string]*int64{"from": &ask.From, "epoch": &ask.Epoch} {
		*into, _ = strconv.ParseInt(q.Get(key), 10, 64) // what is no number the stream refuses
	}
	ask.World, _ = strconv.Atoi(q.Get("world"))
	ask.Rank, _ = strconv.Atoi(q.Get("rank"))
	ask.Bytes = Usual
	s := &Stream{client: c.As(lease), agreement: id, ask: ask, free: make(chan []byte, ahead)}
	err := s.next(ctx)
	if err != nil {
		return nil, err
	}
	s.Rows = s.given.Part - ask.From
	s.release = s.given.Release
	out, in := io.Pipe()
	ctx, s.stop = context.WithCancel(ctx)
	s.out = out
	go func() { _ = in.CloseWithError(s.copy(ctx, in)) }() // of a pipe, which takes any
	return s, nil
}

// Read gives IPC bytes.
func (s *Stream) Read(p []byte) (int, error) { return s.out.Read(p) }

// Close ends the stream.
func (s *Stream) Close() error {
	s.stop()
	return s.out.Close()
}

// next asks for what follows the rows that were read.
func (s *Stream) next(ctx context.Context) error {
	ask := s.ask
	ask.From += s.read.Load()
	var r Ranges
	err := s.client.Post(ctx, "/agreements/"+string(s.agreement)+"/ranges", ask, &r)
	if err != nil {
		return err
	}
	s.ask.Version, s.given = r.Version, &r
	return nil
}

// Received is the number of rows that were read so far.
func (s *Stream) Received() int64 { return s.read.Load() }

// ByStream is how many of them came by the gateway's stream.
func (s *Stream) ByStream() int64 { return s.byStream.Load() }

// Release names, in the record, the first release by URL; "" where all comes by the stream.
func (s *Stream) Release() string { return string(s.release) }

// slow is how long reading an answer may take for the next one to be larger.
const slow = 20 * time.Second

// tries is how often reading goes on with new URLs without a row between them.
const tries = 4

// copy writes the IPC stream of all rows, as the gateway's own would be. Errors: those of the
// gateway and of the store; Gone where an object is another one now.
func (s *Stream) copy(ctx context.Context, w io.Writer) error {
	err := s.schema(ctx, w)
	for failed := 0; err == nil && s.read.Load() < s.Rows; {
		before, began := s.read.Load(), time.Now()
		if s.given == nil {
			err = s.next(ctx)
		}
		if err == nil {
			err = s.pieces(ctx, w)
		}
		s.given = nil
		if time.Since(began) < slow { // what is given and not read before it dies is recorded all the same
			s.ask.Bytes = min(2*s.ask.Bytes, MaxBytes)
		} else {
			s.ask.Bytes = max(s.ask.Bytes/2, Usual/4)
		}
		switch {
		case s.read.Load() > before:
			failed = 0
		case err == nil && failed == tries:
			return schemas.Errorf(schemas.Internal, "ranges", "the gateway gives no rows after %d of %d", before, s.Rows)
		default:
			failed++
		}
		if _, again := errors.AsType[*againError](err); again && failed < tries { // URLs that were too old, or a connection that broke
			err = wait(ctx, time.Duration(failed)*250*time.Millisecond)
		}
	}
	if err == nil {
		_, err = w.Write(ipc.EndOfStream())
	}
	return err
}

// againError is a failure after which new URLs may help.
type againError struct{ error }

func (e *againError) Unwrap() error { return e.error }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// query is the ask as a stream has it.
func (s *Stream) query(from int64) url.Values {
	q := url.Values{"table": {s.ask.Table}, "split": {s.ask.Split}, "version": {string(s.ask.Version)},
		"start": {s.ask.Start}, "even": {s.ask.Even}, "rank": {strconv.Itoa(s.ask.Rank)}, "world": {strconv.Itoa(max(s.ask.World, 1))},
		"from": {strconv.FormatInt(s.ask.From+from, 10)}, "epoch": {strconv.FormatInt(s.ask.Epoch, 10)}}
	for key, v := range q {
		if v[0] == "" {
			q.Del(key)
		}
	}
	return q
}

// schema writes the schema message, by a stream of no rows.
func (s *Stream) schema(ctx context.Context, w io.Writer) error {
	q := s.query(0)
	q.Set("schema", "only")
	token, err := s.client.Token(ctx)
	if err != nil {
		return err
	}
	only, err := s.client.OpenStream(ctx, token, s.agreement, q)
	if err != nil {
		return err
	}
	defer only.Close()
	b, err := io.ReadAll(only)
	if err == nil {
		_, err = w.Write(b[:max(0, len(b)-len(ipc.EndOfStream()))])
	}
	return err
}

// ahead is how many ranges are under way at once.
const ahead = 4

// fetched is one range in memory, or rows that come by the stream.
type fetched struct {
	body []byte
	rows int64
	err  error
}

// pieces writes all pieces of an answer.
func (s *Stream) pieces(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chan fetched, ahead-2) // beside it one is started and one is written
	go s.fetchAll(ctx, s.given.Pieces, time.Duration(s.given.Seconds)*time.Second, queue)
	for c := range queue {
		f := <-c
		err := f.err
		switch {
		case err != nil:
		case f.body != nil:
			_, err = w.Write(f.body)
			select {
			case s.free <- f.body:
			default:
			}
		default:
			err = s.stream(ctx, w, f.rows)
			s.byStream.Add(f.rows)
		}
		if err != nil {
			return err
		}
		s.read.Add(f.rows)
	}
	return ctx.Err()
}

// early is how long before its end a URL is not used any more.
const early = time.Second

// fetchAll starts what the pieces need, in order, while URLs are good, and closes the queue.
func (s *Stream) fetchAll(ctx context.Context, pieces []Piece, good time.Duration, queue chan<- chan fetched) {
	defer close(queue)
	began := time.Now()
	put := func(get func() fetched) bool {
		c := make(chan fetched, 1)
		select {
		case queue <- c:
		case <-ctx.Done():
			return false
		}
		go func() { c <- get() }()
		return true
	}
	for _, p := range pieces {
		if time.Since(began) > good-min(early, good/4) && len(p.Ranges) > 0 { // what is left is asked for anew
			return
		}
		if !p.whole() {
			if !put(func() fetched { return fetched{rows: p.Rows} }) {
				return
			}
			continue
		}
		for _, r := range p.Ranges {
			if !put(func() fetched { return s.fetch(ctx, r) }) {
				return
			}
		}
	}
}

// whole says whether a piece is all rows of its ranges, as they lie.
func (p *Piece) whole() bool {
	for _, r := range p.Ranges {
		if !r.Dictionaries && (r.Skip > 0 || r.Take < r.Rows) {
			return false
		}
	}
	return len(p.Ranges) > 0 && p.Window == nil
}

// fetch reads one range from the store. No token goes there.
func (s *Stream) fetch(ctx context.Context, r SignedRange) fetched {
	f := fetched{rows: r.Rows}
	var buf []byte
	select {
	case buf = <-s.free:
	default:
	}
	f.body, f.err = Get(ctx, s.client.Plain(), r, buf)
	if f.err != nil {
		return f
	}
	rows, err := rowsOf(f.body)
	if err != nil || rows != r.Rows {
		f.err = &schemas.Error{Kind: schemas.Gone, Subject: "ranges", Message: fmt.Sprintf("%d of %d rows came by URL", rows, r.Rows),
			Remedy: "let the provider publish a new version", Err: err}
	}
	return f
}

// rowsOf counts the rows of whole messages.
func rowsOf(p []byte) (rows int64, err error) {
	for len(p) > 0 {
		is, at, err := ipc.SplitMessage(p)
		if err != nil {
			return rows, err
		}
		if is.Kind == ipc.KindRecord {
			rows += is.Rows
		}
		p = p[at.Len():]
	}
	return rows, nil
}

// Get reads one range from its store, into buf where that is large enough: all of its bytes, or an
// error. Errors: Gone where the object
// is another one than was published; those of the network; what the store refused.
func Get(ctx context.Context, h *http.Client, r SignedRange, buf []byte) ([]byte, error) {
	if r.Bytes < 1 || r.Bytes > MaxRange {
		return nil, schemas.Errorf(schemas.Invalid, "ranges", "a range of %d bytes is none", r.Bytes)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the store: %w", err)
	}
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	resp, err := h.Do(req)
	if said, ok := errors.AsType[*url.Error](err); ok {
		err = said.Err // without the URL, which opens the range to whoever reads it
	}
	if err != nil {
		return nil, &againError{schemas.Errorf(schemas.Unavailable, "ranges", "the store does not answer: %w", err)}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPreconditionFailed:
		return nil, &schemas.Error{Kind: schemas.Gone, Subject: "ranges", Message: "the object is another one than was published",
			Remedy: "let the provider publish a new version"}
	case resp.StatusCode != http.StatusPartialContent || resp.ContentLength >= 0 && resp.ContentLength != r.Bytes:
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return nil, &againError{schemas.Errorf(schemas.Unavailable, "ranges", "the store answered %s to a URL: %s", resp.Status, said)}
	}
	if int64(cap(buf)) < r.Bytes {
		buf = make([]byte, r.Bytes)
	}
	body := buf[:r.Bytes]
	_, err = io.ReadFull(resp.Body, body)
	if err != nil {
		return nil, &againError{schemas.Errorf(schemas.Unavailable, "ranges", "the store broke off: %w", err)}
	}
	return body, nil
}

// stream writes rows that come by the gateway's stream.
func (s *Stream) stream(ctx context.Context, w io.Writer, rows int64) error {
	token, err := s.client.Token(ctx)
	if err != nil {
		return err
	}
	in, err := s.client.OpenStream(ctx, token, s.agreement, s.query(s.read.Load()))
	if err != nil {
		return err
	}
	defer in.Close()
	got, _, err := transfer(w, in, func(got, _ int64) bool { return got >= rows })
	if err == nil && got != rows {
		err = schemas.Errorf(schemas.Internal, "ranges", "%d rows came by the stream in place of %d", got, rows)
	}
	return err
}

// transfer copies dictionaries and record batches until done, which is asked after each; schemas
// stay away.
func transfer(w io.Writer, r io.Reader, done func(rows, bytes int64) bool) (rows, n int64, err error) {
	for !done(rows, n) {
		head := make([]byte, 8)
		_, err := io.ReadFull(r, head)
		if err != nil {
			return rows, n, err
		}
		m := int64(head[4]) | int64(head[5])<<8 | int64(head[6])<<16 | int64(head[7])<<24
		if m <= 0 || m > ipc.MaxMeta {
			return rows, n, schemas.Errorf(schemas.Invalid, "ranges", "this is no IPC message")
		}
		head = append(head, make([]byte, m)...)
		_, err = io.ReadFull(r, head[8:])
		if err != nil {
			return rows, n, err
		}
		is, err := ipc.ParseMeta(head)
		if err != nil {
			return rows, n, err
		}
		to := w
		if is.Kind == ipc.KindSchema {
			to = io.Discard
		}
		_, err = to.Write(head)
		if err == nil {
			_, err = io.CopyN(to, r, is.BodyLen)
		}
		if err != nil {
			return rows, n, err
		}
		n += int64(len(head)) + is.BodyLen
		if is.Kind == ipc.KindRecord {
			rows += is.Rows
		}
	}
	return rows, n, nil
}
