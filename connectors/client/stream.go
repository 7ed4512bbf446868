package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Lease mints a lease on agreements of one project.
func (c *Client) Lease(ctx context.Context, run schemas.RunID, agreements ...schemas.AgreementID) (schemas.LeaseAnswer, error) {
	ask := struct {
		Run   schemas.RunID       `json:"run,omitempty"`
		Items []schemas.LeaseItem `json:"items"`
	}{Run: run}
	for _, a := range agreements {
		ask.Items = append(ask.Items, schemas.LeaseItem{Agreement: a})
	}
	var l schemas.LeaseAnswer
	return l, c.Post(ctx, "/leases", ask, &l)
}

// Stream is an open stream of IPC bytes. Read it to io.EOF: any other end means
// that it was cut, and how to go on stands in the error.
type Stream struct {
	Release string // id in the record
	Rows    int64  // rows that will come
	Part    int64  // rows of the rank's whole part
	Even    string // what even= changed
	Order   string // what the seed did, in words
	resp    *http.Response
	check   *checker
}

// OpenStream opens a rank's stream with a lease's token. Keys of query as in the
// API: seed, epoch, world, rank, from, start, table, split, columns, run.
func (c *Client) OpenStream(ctx context.Context, lease string, id schemas.AgreementID, query url.Values) (*Stream, error) {
	resp, err := c.As(Static(lease)).
		send(ctx, http.MethodGet, "/agreements/"+string(id)+"/stream?"+query.Encode(), nil, func(r *http.Request) {
			r.Header.Set("TE",
				"trailers")
		})
	if err != nil {
		return nil, err
	}
	s := &Stream{
		Release: resp.Header.Get("Guichet-Release"),
		Even:    resp.Header.Get("Guichet-Even"),
		Order:   resp.Header.Get("Guichet-Order"),
		resp:    resp,
	}
	s.Rows, err = strconv.ParseInt(resp.Header.Get("Guichet-Rows"), 10, 64)
	if err == nil {
		s.Part, err = strconv.ParseInt(resp.Header.Get("Guichet-Part"), 10, 64)
	}
	if err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("read the stream's headers: %w", err)
	}
	s.check = &checker{want: s.Rows}
	return s, nil
}

// Read gives IPC bytes. io.EOF comes only after the end marker and all rows, when the
// bytes are those that the gateway says were published or made. What lies between may
// leave the sum out.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.resp.Body.Read(p)
	bad := s.check.see(p[:n])
	if bad != nil {
		return n, bad
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, s.check.cut(err)
	}
	if err != nil && !s.check.done {
		return n, s.check.cut(io.ErrUnexpectedEOF)
	}
	if err != nil {
		sum := fmt.Sprintf("%08x", s.check.sum)
		if want := s.resp.Trailer.Get("Guichet-Crc32c"); want != "" && want != sum {
			return n, otherBytes(sum, want)
		}
	}
	return n, err
}

func otherBytes(sum, want string) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: "stream",
		Message: fmt.Sprintf("the bytes are not those that were published: their CRC-32C is %s, and %s was to come", sum, want),
		Remedy:  "do not use them; open the stream again, and tell the operator if it stays so",
	}
}

// Received is the number of rows in whole batches so far: go on with from=.
func (s *Stream) Received() int64 { return s.check.rows }

// Close ends the stream.
func (s *Stream) Close() error { return s.resp.Body.Close() }

// checker follows the framing of the bytes that pass and counts rows.
type checker struct {
	want, rows int64
	head       bytes.Buffer // of the message that is being read
	need       int          // bytes of head until the metadata is whole; 0: the prefix first
	skip       int64        // bytes of the body still to come
	pending    int64        // rows of the message whose body is coming
	done       bool
	sum        uint32 // CRC-32C of all that was seen
}

func (c *checker) cut(err error) error {
	return &schemas.Error{
		Kind:    schemas.Gone,
		Subject: "stream",
		Message: fmt.Sprintf("the stream was cut after %d of %d rows", c.rows, c.want),
		Remedy:  fmt.Sprintf("if the agreement still stands, open it again with from=%d added to the from you gave", c.rows),
		Err:     err,
	}
}

// maxMeta bounds one message's metadata [ipc.ParseMeta].
const maxMeta = 16 << 20

func (c *checker) see(p []byte) error {
	c.sum = ipc.AddSum(c.sum, p)
	for len(p) > 0 {
		if c.done {
			return c.cut(errors.New("bytes after the end marker"))
		}
		if c.skip > 0 {
			n := min(c.skip, int64(len(p)))
			c.skip -= n
			p = p[n:]
			c.finish()
			continue
		}
		want := 8
		if c.need > 0 {
			want = c.need
		}
		n := min(want-c.head.Len(), len(p))
		c.head.Write(p[:n])
		p = p[n:]
		if c.head.Len() < want {
			return nil
		}
		err := c.header()
		if err != nil {
			return c.cut(err)
		}
	}
	return nil
}

// header reads a whole prefix, or whole metadata.
func (c *checker) header() error {
	h := c.head.Bytes()
	if c.need == 0 {
		n := binary.LittleEndian.Uint32(h[4:])
		switch {
		case binary.LittleEndian.Uint32(h) != 0xffffffff || n > maxMeta:
			return errors.New("this is not an IPC message")
		case n == 0:
			c.done = true
			if c.rows != c.want {
				return fmt.Errorf("it ends after %d rows", c.rows)
			}
		default:
			c.need = 8 + int(n)
		}
		return nil
	}
	m, err := ipc.ParseMeta(h)
	if err != nil {
		return err
	}
	c.skip, c.pending, c.need = m.BodyLen, 0, 0
	if m.Kind == ipc.KindRecord {
		c.pending = m.Rows
	}
	c.head.Reset()
	c.finish()
	return nil
}

func (c *checker) finish() {
	if c.skip == 0 {
		c.rows += c.pending
		c.pending = 0
	}
}
