package doortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Door is one way to an agreement's bytes.
type Door interface {
	Name() string
	// Ranks says whether the door knows seed, world, rank, from and start.
	Ranks() bool
	// Open opens what ask says, with a lease. An error is the refusal, as a
	// *schemas.Error.
	Open(ctx context.Context, lease string, id schemas.AgreementID, ask url.Values) (*Reading, error)
}

// Reading is an open stream. Read it to io.EOF.
type Reading struct {
	Schema *arrow.Schema
	next   func() (arrow.Record, error)
	close  func()
	raw    func() []byte
}

// Next gives a batch; io.EOF only after the last, when all is well.
func (r *Reading) Next() (arrow.Record, error) { return r.next() }

// Close ends it.
func (r *Reading) Close() { r.close() }

// Raw is every byte that came so far.
func (r *Reading) Raw() []byte { return r.raw() }

// Doors gives every door of a rig.
func Doors(t testing.TB, r *Rig) []Door {
	conn, err := grpc.NewClient(r.Flight, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2.CloseIdleConnections)
	return []Door{
		&webDoor{r, "http", http.DefaultTransport},
		&fileDoor{"file", "shard", problemError, r.byAddress},
		&flightDoor{flight.NewClientFromConn(conn, nil)},
		&webDoor{r, "http/2", h2},
		&fileDoor{"s3", "s3", s3Error, r.byS3},
	}
}

// webDoor is the HTTP door as a test's client.
type webDoor struct {
	r    *Rig
	name string
	rt   http.RoundTripper
}

func (d *webDoor) Name() string { return d.name }
func (*webDoor) Ranks() bool    { return true }

func (d *webDoor) Open(ctx context.Context, lease string, id schemas.AgreementID, ask url.Values) (*Reading, error) {
	c, err := client.New(d.r.HTTP, nil)
	if err != nil {
		return nil, err
	}
	st, err := c.Through(d.rt).OpenStream(ctx, lease, id, ask)
	if err != nil {
		return nil, err
	}
	raw := &tee{r: st}
	r, err := ipc.NewReader(raw)
	if err != nil {
		st.Close()
		return nil, errors.Join(err, raw.err)
	}
	return &Reading{Schema: r.Schema(), raw: raw.bytes, close: func() { st.Close() }, next: func() (arrow.Record, error) {
		if r.Next() {
			return r.Record(), nil
		}
		_, err := io.Copy(io.Discard, raw) // the library takes a stream that stops between messages for whole
		return nil, ended(r.Err(), raw.err, err)
	}}, nil
}

func ended(errs ...error) error {
	err := errors.Join(errs...)
	if err == nil || errors.Is(err, io.EOF) && err.Error() == "EOF" {
		return io.EOF
	}
	return err
}

// tee keeps what is read, and the error that ended it.
type tee struct {
	r   io.Reader
	b   bytes.Buffer
	err error
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.b.Write(p[:n])
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's contract
		t.err = err
	}
	return n, err
}

func (t *tee) bytes() []byte { return t.b.Bytes() }

// fileDoor reads every shard of a table by name, one after another.
type fileDoor struct {
	name, recorded string // as the record calls it
	refusal        func(body []byte) error
	send           func(
		ctx context.Context, method, lease string, id schemas.AgreementID, n int, ask url.Values, h http.Header,
	) (*http.Response, error)
}

func (d *fileDoor) Name() string { return d.name }
func (*fileDoor) Ranks() bool    { return false }

// ofFiles says whether a door gives whole shards and ranges of them.
func ofFiles(d Door) bool {
	_, ok := d.(*fileDoor)
	return ok
}

// fileDoors are those among doors that give shards.
func fileDoors(doors []Door) (out []*fileDoor) {
	for _, d := range doors {
		if f, ok := d.(*fileDoor); ok {
			out = append(out, f)
		}
	}
	return out
}

// get asks for one shard; header may carry a range.
func (d *fileDoor) get(
	ctx context.Context,
	method, lease string,
	id schemas.AgreementID,
	n int,
	ask url.Values,
	header http.Header,
) (*http.Response, error) {
	resp, err := d.send(ctx, method, lease, id, n, ask, header)
	if err != nil || resp.StatusCode < 400 || method == http.MethodHead || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return resp, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return nil, errors.Join(err, d.refusal(b))
}

// byAddress asks the HTTP door for a shard.
func (r *Rig) byAddress(
	ctx context.Context, method, lease string, id schemas.AgreementID, n int, ask url.Values, header http.Header,
) (*http.Response, error) {
	path := fmt.Sprintf("/agreements/%s/%d.arrow", id, n)
	if t := ask.Get("table"); t != "" {
		split := ask.Get("split")
		if split == "" {
			split = "all"
		}
		path = fmt.Sprintf("/agreements/%s/tables/%s/%s/%d.arrow", id, t, split, n)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.HTTP+"/api/v1"+path+"?"+ask.Encode(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if lease != "" {
		req.Header.Set("Authorization", "Bearer "+lease)
	}
	return http.DefaultClient.Do(req)
}

// problemError reads a problem body.
func problemError(b []byte) error {
	var p struct {
		Type, Detail, Remedy string
		Reasons              []schemas.Reason
		Errors               []schemas.FieldError
	}
	err := json.Unmarshal(b, &p)
	if err != nil {
		return fmt.Errorf("no problem: %q: %w", b, err)
	}
	e := &schemas.Error{Message: p.Detail, Remedy: p.Remedy, Reasons: p.Reasons, Fields: p.Errors}
	for _, k := range schemas.Kinds() {
		if "urn:guichet:problem:"+k.String() == p.Type {
			e.Kind = k
		}
	}
	return e
}

func (d *fileDoor) Open(ctx context.Context, lease string, id schemas.AgreementID, ask url.Values) (*Reading, error) {
	resp, err := d.get(ctx, http.MethodGet, lease, id, 0, ask, nil)
	if err != nil {
		return nil, err
	}
	f := &shards{door: d, ctx: ctx, lease: lease, id: id, ask: ask, body: resp.Body, raw: &tee{}}
	return &Reading{next: f.next, raw: f.raw.bytes, close: func() { f.body.Close() }}, nil
}

// shards reads the batches of shard after shard.
type shards struct {
	door  *fileDoor
	ctx   context.Context
	lease string
	id    schemas.AgreementID
	ask   url.Values
	body  io.ReadCloser
	raw   *tee
	n, at int
	file  *ipc.FileReader
}

func (s *shards) next() (arrow.Record, error) {
	for {
		if s.file == nil {
			err := s.load()
			if err != nil {
				return nil, err
			}
		}
		if s.at < s.file.NumRecords() {
			s.at++
			return s.file.RecordAt(s.at - 1)
		}
		s.n, s.at, s.file = s.n+1, 0, nil
		resp, err := s.door.get(s.ctx, http.MethodGet, s.lease, s.id, s.n, s.ask, nil)
		if schemas.KindOf(err) == schemas.NotFound {
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		s.body = resp.Body
	}
}

func (s *shards) load() error {
	s.raw.r = s.body
	from := s.raw.b.Len()
	_, err := io.Copy(io.Discard, s.raw)
	s.body.Close()
	if err != nil {
		return err
	}
	s.file, err = ipc.NewFileReader(bytes.NewReader(s.raw.b.Bytes()[from:]))
	return err
}

// flightDoor is the Flight door as a test's client.
type flightDoor struct{ c flight.Client }

func (*flightDoor) Name() string { return "flight" }
func (*flightDoor) Ranks() bool  { return true }

// descriptor writes an ask as a path.
func descriptor(id schemas.AgreementID, ask url.Values) *flight.FlightDescriptor {
	path := []string{string(id)}
	for k := range ask {
		path = append(path, k+"="+ask.Get(k))
	}
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path}
}

func withLease(ctx context.Context, lease string) context.Context {
	if lease == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+lease)
}

func (d *flightDoor) Open(ctx context.Context, lease string, id schemas.AgreementID, ask url.Values) (*Reading, error) {
	ctx = withLease(ctx, lease)
	var trailer metadata.MD
	info, err := d.c.GetFlightInfo(ctx, descriptor(id, ask), grpc.Trailer(&trailer))
	if err != nil {
		return nil, flightError(err, trailer)
	}
	ctx, cancel := context.WithCancel(ctx)
	st, err := d.c.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		cancel()
		return nil, flightError(err, nil)
	}
	raw := &frames{st: st}
	r, err := flight.NewRecordReader(raw)
	if err != nil {
		cancel()
		return nil, flightError(errors.Join(raw.err, err), st.Trailer())
	}
	return &Reading{Schema: r.Schema(), close: cancel, raw: raw.bytes, next: func() (arrow.Record, error) {
		if r.Next() {
			return r.Record(), nil
		}
		return nil, ended(r.Err(), raw.err)
	}}, nil
}

// frames keeps what comes.
type frames struct {
	st  flight.FlightService_DoGetClient
	mu  sync.Mutex
	b   bytes.Buffer
	err error
}

// Recv gives the next message.
func (f *frames) Recv() (*flight.FlightData, error) {
	m, err := f.st.Recv()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.b.Write(m.DataHeader)
		f.b.Write(m.AppMetadata)
		f.b.Write(m.DataBody)
	} else if err != io.EOF { //nolint:errorlint // gRPC's contract
		f.err = err
	}
	return m, err
}

func (f *frames) bytes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.b.Bytes()
}

// flightError reads the problem beside a status, where there is one.
func flightError(err error, trailer metadata.MD) error {
	if v := trailer.Get("guichet-problem-bin"); len(v) == 1 {
		return errors.Join(problemError([]byte(v[0])), err)
	}
	return err
}

// code is a Flight error's.
func code(err error) string {
	for _, line := range strings.Split(err.Error(), "\n") {
		if strings.HasPrefix(line, "rpc error: code = ") {
			return strings.Fields(line)[4]
		}
	}
	return status.Code(err).String()
}
