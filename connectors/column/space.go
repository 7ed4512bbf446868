package column

import (
	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/ipc"
)

// Space is memory that canonical columns are made in, one buffer after another, each padded
// as a message's body has them: what Layout gives of columns that were made in order is then
// a body already. A nil Space takes other memory for each buffer. Not safe for concurrent use.
//
//	rest before   |........................................|
//	columns a, b  | a's bitmap | a's data | b's offsets | b's data |..|   padding is zero
type Space struct {
	rest    []byte
	spilled bool
}

// NewSpace is a space in b, whatever it holds.
func NewSpace(b []byte) *Space { return &Space{rest: b} }

// Spilled says that the space was too small: some buffers lie elsewhere.
func (s *Space) Spilled() bool { return s.spilled }

// zeros gives n bytes that are zero.
func (s *Space) zeros(n int) []byte {
	b, fresh := s.take(n)
	if !fresh {
		clear(b)
	}
	return b
}

// Bytes gives a buffer of n bytes, each of which is to be written.
func (s *Space) Bytes(n int) []byte {
	b, _ := s.take(n)
	return b
}

func (s *Space) take(n int) (b []byte, fresh bool) {
	if s == nil {
		return make([]byte, n), true
	}
	padded := int(ipc.Padded(int64(n)))
	if padded > len(s.rest) {
		s.spilled = true
		return make([]byte, n), true
	}
	b = s.rest[:n:n]
	clear(s.rest[n:padded])
	s.rest = s.rest[padded:]
	return b, false
}

// FromArray makes the canonical column of an array in the space. Kind: Invalid.
func (s *Space) FromArray(f arrow.Field, a arrow.Array) (*Column, error) {
	c, err := FromArrow(a.Data(), map[arrow.ArrayData]*Column{})
	if err == nil && isDecodable(f, c) {
		c, err = s.decodeDictionary(f, c)
	} else if err == nil {
		c, err = s.Canonical(f, []Run{{Column: c, Len: c.Len}}, &DictionaryMap{Dictionary: c.Dictionary})
	}
	if err != nil {
		return nil, ipc.Invalid("column %q: %w", f.Name, err)
	}
	return c, nil
}
