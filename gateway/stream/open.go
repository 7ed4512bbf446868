package stream

import (
	"context"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/policy/view"
)

// opened is a shard whose dictionaries were read: those that the view shows, edits or
// asks.
type opened struct {
	once    sync.Once
	dicts   map[int][]byte // by their place among the table's
	decoder *batch.Decoder
	err     error
	mu      sync.Mutex
	mapped  map[int]mapped // by column
}

// mapped is a dictionary of the shard whose values were edited.
type mapped struct{ from, to arrow.Array }

// opened reads a shard's dictionaries once.
func (r *reader) opened(ctx context.Context, i int) *opened {
	r.mu.Lock()
	o := r.decoders[i]
	if o == nil {
		o = &opened{}
		r.decoders[i] = o
	}
	r.mu.Unlock()
	o.once.Do(func() { o.err = o.load(ctx, r, i) })
	return o
}

func (o *opened) load(ctx context.Context, r *reader, i int) error {
	sh := r.source.shard(i)
	o.dicts, o.mapped = map[int][]byte{}, map[int]mapped{}
	var list [][]byte
	for _, place := range r.source.view.Needed {
		if place >= len(sh.Dictionaries) {
			continue
		}
		b := sh.Dictionaries[place]
		p := make([]byte, b.Len())
		store, err := r.open(ctx, sh.Store)
		if err == nil {
			err = store.ReadRange(ctx, sh.Bucket, sh.Key, sh.ETag, b.Offset, p)
		}
		if err != nil {
			return redactLocation(r.source.Name(), err)
		}
		err = compared(store, p, b)
		if err != nil {
			return err
		}
		o.dicts[place] = p
		list = append(list, p)
	}
	var err error
	o.decoder, err = batch.NewDecoder(r.source.view.TableSchema, list)
	if err != nil {
		return changed(err)
	}
	return nil
}

// columns decodes some columns of a batch.
func (o *opened) columns(msg []byte, which []int) ([]arrow.Array, error) {
	cols, err := o.decoder.Columns(msg, which)
	if err != nil {
		return nil, changed(err)
	}
	return cols, nil
}

// forget drops shards that the stream has left behind.
func (r *reader) forget(before map[int]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.decoders {
		if !before[i] {
			delete(r.decoders, i)
		}
	}
}

// dictionaries gives the dictionary messages that come once for a shard.
func (r *reader) dictionaries(ctx context.Context, i int) ([]Message, error) {
	if len(r.source.view.Dictionaries) == 0 {
		return nil, nil
	}
	o := r.opened(ctx, i)
	if o.err != nil {
		return nil, o.err
	}
	var out []Message
	for _, place := range r.source.view.Dictionaries {
		p, ok := o.dicts[place]
		if !ok {
			continue
		}
		m, err := ipc.ParseMeta(p)
		if err != nil || m.Kind != ipc.KindDictionary || m.DictionaryID != int64(place) {
			return nil, changed(err)
		}
		b := r.source.shard(i).Dictionaries[place]
		out = append(out, Message{Bytes: p, Meta: int(b.Meta), Sum: b.Sum})
	}
	return out, nil
}

// edit edits column i of the shard. A dictionary's values are edited once; what comes
// back has them under the same indices, to be written out.
func (o *opened) edit(v *view.View, i int, a arrow.Array) (arrow.Array, error) {
	d, ok := a.(*array.Dictionary)
	if !ok {
		return v.Apply(i, a)
	}
	values := d.Dictionary()
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.mapped[i]
	if m.from == nil || m.from.Data() != values.Data() {
		to, err := v.Apply(i, values)
		if err != nil {
			return nil, err
		}
		m = mapped{values, to}
		o.mapped[i] = m
	}
	t := *d.DataType().(*arrow.DictionaryType)
	t.ValueType = m.to.DataType()
	return array.NewDictionaryArray(&t, d.Indices(), m.to), nil
}
