package file

import (
	"errors"
	"io"
	"net"
	"os"

	"guichet/connectors/s3"
	"guichet/gateway/stream/read"
	"guichet/schemas"
)

// sectionReader reads sections one after another; each stored one by one ranged read
// that is pinned to the published object.
type sectionReader struct {
	left  []section
	open  func(section) (io.ReadCloser, error)
	body  io.ReadCloser
	n     int64         // still to come of body
	ahead io.ReadCloser // of the next stored section, where it was opened already
}

// next opens the next section where it is a stored one; io.EOF after the last.
func (s *sectionReader) next() error {
	switch {
	case s.body != nil:
		return nil
	case len(s.left) == 0:
		return io.EOF
	case s.left[0].memory != nil:
		return nil
	}
	err := s.ready()
	if err != nil {
		return err
	}
	s.body, s.n, s.ahead, s.left = s.ahead, s.left[0].n, nil, s.left[1:]
	return nil
}

// Read is io.Reader's.
func (s *sectionReader) Read(p []byte) (int, error) {
	err := s.next()
	if err != nil {
		return 0, err
	}
	if s.body == nil {
		n := copy(p, s.left[0].memory)
		s.sent(n)
		return n, nil
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.n)])
	if err == io.EOF && int64(n) < s.n { //nolint:errorlint // io.Reader's contract
		err = &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "store",
			Message: "the store ended a shard in the middle",
			Remedy:  "try again",
			Err:     io.ErrUnexpectedEOF,
		}
	}
	if int64(n) == s.n {
		err = nil
	}
	closed := s.took(int64(n))
	if err == nil {
		err = closed
	}
	return n, err
}

// sent leaves out bytes of the section that lies in memory.
func (s *sectionReader) sent(n int) {
	s.left[0].memory = s.left[0].memory[n:]
	if len(s.left[0].memory) == 0 {
		s.left = s.left[1:]
	}
}

// took counts bytes of the body, which is closed with its last.
func (s *sectionReader) took(n int64) error {
	s.n -= n
	if s.n > 0 {
		return nil
	}
	body := s.body
	s.body = nil
	return body.Close()
}

// ready opens the next stored section, so that what the store refuses is known before what
// lies in memory leaves.
func (s *sectionReader) ready() error {
	for i := range s.left {
		if s.body != nil || s.ahead != nil {
			break
		}
		if s.left[i].memory == nil {
			body, err := s.open(s.left[i])
			if err != nil {
				return err
			}
			s.ahead = body
		}
	}
	return nil
}

// pass hands on the next n bytes: those of the store out of its own socket. Its sections
// must be of a store that nobody compares.
func (s *sectionReader) pass(n int64, to Passer) error {
	for n > 0 {
		err := s.next()
		if err != nil {
			return err
		}
		if s.body == nil {
			k := min(n, int64(len(s.left[0].memory)))
			err = to.Write(s.left[0].memory[:k])
			s.sent(int(k))
			n -= k
		} else {
			k := min(n, s.n)
			err = to.Pass(s.body.(Body), k)
			if err == nil {
				err = s.took(k)
			}
			n -= k
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close is io.Closer's.
func (s *sectionReader) Close() error {
	var err error
	for _, b := range []io.Closer{s.body, s.ahead} {
		if b != nil {
			err = errors.Join(err, b.Close())
		}
	}
	return err
}

// namelessFile makes a temporary file that has no name, so that nothing is left of it
// whatever happens to us.
func namelessFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "shard-*.arrow")
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return nil, &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "shard",
			Message: "the gateway cannot write a temporary file",
			Remedy:  "the operator looks at the free disk space",
			Err:     err,
		}
	}
	return f, nil
}

// redactedBody is an object's bytes, whose errors name no place.
type redactedBody struct {
	*s3.Body
	where string
}

func (b redactedBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	return n, read.RedactLocation(b.where, err)
}

// Pass is s3.Body's.
func (b redactedBody) Pass(to *net.TCPConn, n int64, turn func(other bool)) error {
	return read.RedactLocation(b.where, b.Body.Pass(to, n, turn))
}
