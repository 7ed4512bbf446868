package batch

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// maxDictionary is the most bytes of one dictionary, with its deltas.
const maxDictionary = 64 << 20

// Dictionaries are those of a stream or file as its messages leave them, one after
// another: a dictionary of an id that is there replaces it, a delta goes on with it.
type Dictionaries struct {
	values map[int64]*ipc.Node // the value type of each id
	now    map[int64]*column.Column
}

// NewDictionaries is for the dictionary messages of a schema. Kind: Invalid where two columns
// share an id and not a type.
func NewDictionaries(s *ipc.Schema) (*Dictionaries, error) {
	d := &Dictionaries{values: map[int64]*ipc.Node{}, now: map[int64]*column.Column{}}
	return d, valueNodes(s.Top, d.values)
}

// Add decodes one more dictionary message, which stands at a byte, and gives what the
// dictionary is after it. once says that none may be replaced.
func (d *Dictionaries) Add(m *ipc.Message, body []byte, at int64, unpack Unpacker, once bool) (*column.Column, error) {
	nd, ok := d.values[m.DictionaryID]
	if !ok {
		return nil, ipc.Invalid("the dictionary at byte %d has the id %d, which no column names", at, m.DictionaryID)
	}
	cols, err := Decode(m, body, []*ipc.Node{nd}, d.now, unpack)
	if err != nil {
		return nil, ipc.Invalid("dictionary %d at byte %d: %w", m.DictionaryID, at, err)
	}
	c, old := cols[0], d.now[m.DictionaryID]
	if old != nil && m.IsDelta {
		if c, err = joinColumns(nd.Field, old, c); err != nil {
			return nil, ipc.Invalid("dictionary %d at byte %d: %w", m.DictionaryID, at, err)
		}
	} else if old != nil && once {
		return nil, ipc.Invalid("dictionary %d is given twice; a file cannot replace one", m.DictionaryID)
	}
	d.now[m.DictionaryID] = c
	return c, nil
}

// joinColumns is a dictionary with its delta behind it. It is bounded, as a file may have any
// number of deltas.
func joinColumns(f arrow.Field, a, b *column.Column) (*column.Column, error) {
	f.Type = column.CanonicalType(f.Type)
	runs := []column.Run{{Column: a, Len: a.Len}, {Column: b, Len: b.Len}}
	size, err := column.Measure(f, runs)
	if err != nil {
		return nil, err
	}
	if size > maxDictionary {
		return nil, fmt.Errorf("with its deltas it is larger than 64 MiB")
	}
	return column.Canonical(f, runs, &column.DictionaryMap{})
}

// valueNodes finds the value type of each dictionary id.
func valueNodes(nodes []*ipc.Node, into map[int64]*ipc.Node) error {
	for _, n := range nodes {
		if d, ok := n.Field.Type.(*arrow.DictionaryType); ok {
			v := &ipc.Node{Field: arrow.Field{Name: n.Field.Name, Type: d.ValueType, Nullable: true}, DictionaryID: -1, Kids: n.Kids}
			if old, ok := into[n.DictionaryID]; ok && !arrow.TypeEqual(old.Field.Type, d.ValueType) {
				return ipc.Invalid("two columns of different types share the dictionary %d", n.DictionaryID)
			}
			into[n.DictionaryID] = v
		}
		if err := valueNodes(n.Kids, into); err != nil {
			return err
		}
	}
	return nil
}
