package shard

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxDictionary is the most bytes of one dictionary, with its deltas.
const maxDictionary = 64 << 20

// dictionaries are those of a stream or file as its messages leave them, one after
// another: a dictionary of an id that is there replaces it, a delta goes on with it.
type dictionaries struct {
	values map[int64]*node // the value type of each id
	now    map[int64]*col
}

func newDictionaries(s *Schema) (*dictionaries, error) {
	d := &dictionaries{values: map[int64]*node{}, now: map[int64]*col{}}
	return d, valueNodes(s.top, d.values)
}

// add decodes one more dictionary message, which stands at a byte, and gives what the
// dictionary is after it. once says that none may be replaced.
func (d *dictionaries) add(m *Message, body []byte, at int64, unpack Unpacker, once bool) (*col, error) {
	nd, ok := d.values[m.DictionaryID]
	if !ok {
		return nil, invalid("the dictionary at byte %d has the id %d, which no column names", at, m.DictionaryID)
	}
	cols, err := decodeBatch(m, body, []*node{nd}, d.now, unpack)
	if err != nil {
		return nil, invalid("dictionary %d at byte %d: %w", m.DictionaryID, at, err)
	}
	c, old := cols[0], d.now[m.DictionaryID]
	if old != nil && m.IsDelta {
		if c, err = joinColumns(nd.field, old, c); err != nil {
			return nil, invalid("dictionary %d at byte %d: %w", m.DictionaryID, at, err)
		}
	} else if old != nil && once {
		return nil, invalid("dictionary %d is there twice; a file cannot replace one", m.DictionaryID)
	}
	d.now[m.DictionaryID] = c
	return c, nil
}

func joinColumns(f arrow.Field, a, b *col) (*col, error) {
	f.Type = target(f.Type)
	segs := []seg{{c: a, n: a.n}, {c: b, n: b.n}}
	size, err := measure(f, segs)
	if err != nil {
		return nil, err
	}
	if size > maxDictionary {
		return nil, fmt.Errorf("with its deltas it is larger than 64 MiB")
	}
	return canon(f, segs, &canonizer{})
}

// valueNodes finds the value type of each dictionary id.
func valueNodes(nodes []*node, into map[int64]*node) error {
	for _, n := range nodes {
		if d, ok := n.field.Type.(*arrow.DictionaryType); ok {
			v := &node{field: arrow.Field{Name: n.field.Name, Type: d.ValueType, Nullable: true}, id: -1, kids: n.kids}
			if old, ok := into[n.id]; ok && !arrow.TypeEqual(old.field.Type, d.ValueType) {
				return invalid("two columns of different types share the dictionary %d", n.id)
			}
			into[n.id] = v
		}
		if err := valueNodes(n.kids, into); err != nil {
			return err
		}
	}
	return nil
}
