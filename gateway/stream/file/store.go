package file

import (
	"io"
	"os"

	"guichet/gateway/stream/read"
	"guichet/schemas"
)

// sectionReader reads sections one after another; each stored one by one ranged read
// that is pinned to the published object.
type sectionReader struct {
	left []section
	open func(section) (io.ReadCloser, error)
	body io.ReadCloser
	n    int64 // still to come of body
}

func (s *sectionReader) Read(p []byte) (int, error) {
	for s.body == nil {
		if len(s.left) == 0 {
			return 0, io.EOF
		}
		next := s.left[0]
		if next.memory != nil {
			n := copy(p, next.memory)
			s.left[0].memory = next.memory[n:]
			if n == len(next.memory) {
				s.left = s.left[1:]
			}
			return n, nil
		}
		body, err := s.open(next)
		if err != nil {
			return 0, err
		}
		s.body, s.n, s.left = body, next.n, s.left[1:]
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.n)])
	s.n -= int64(n)
	switch {
	case s.n == 0:
		err = s.body.Close()
		s.body = nil
	case err == io.EOF: //nolint:errorlint // io.Reader's contract
		err = &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "store",
			Message: "the store ended a shard in the middle",
			Remedy:  "try again",
			Err:     io.ErrUnexpectedEOF,
		}
	}
	return n, err
}

func (s *sectionReader) Close() error {
	if s.body != nil {
		return s.body.Close()
	}
	return nil
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
	io.ReadCloser
	where string
}

func (b redactedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, read.RedactLocation(b.where, err)
}
