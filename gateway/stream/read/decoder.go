package read

import (
	"context"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/policy/view"
)

// shardDecoder is a shard whose dictionaries were read: those that the view shows, edits or
// asks.
type shardDecoder struct {
	once    sync.Once
	dicts   map[int][]byte // by their place among the table's
	decoder *batch.Decoder
	err     error
	mu      sync.Mutex
	edited  map[int]editedDictionary // by column
}

// editedDictionary is a dictionary of the shard whose values were edited.
type editedDictionary struct{ from, to arrow.Array }

// decoder reads a shard's dictionaries once.
func (r *Reader) decoder(ctx context.Context, i int) *shardDecoder {
	r.mu.Lock()
	o := r.decoders[i]
	if o == nil {
		o = &shardDecoder{}
		r.decoders[i] = o
	}
	r.mu.Unlock()
	o.once.Do(func() { o.err = o.load(ctx, r, i) })
	return o
}

func (o *shardDecoder) load(ctx context.Context, r *Reader, i int) error {
	sh := r.source.StoredShard(i)
	o.dicts, o.edited = map[int][]byte{}, map[int]editedDictionary{}
	var list [][]byte
	for _, place := range r.source.View.Needed {
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
			return RedactLocation(r.source.Name(), err)
		}
		err = checkSum(store, p, b)
		if err != nil {
			return err
		}
		o.dicts[place] = p
		list = append(list, p)
	}
	var err error
	o.decoder, err = batch.NewDecoder(r.source.View.TableSchema, list)
	if err != nil {
		return NotAsPublished(err)
	}
	return nil
}

// columns decodes some columns of a batch.
func (o *shardDecoder) columns(msg []byte, which []int) ([]arrow.Array, error) {
	return o.rows(msg, which, 0, -1)
}

// rows decodes some rows of them, as batch.Decoder does.
func (o *shardDecoder) rows(msg []byte, which []int, from, n int64) ([]arrow.Array, error) {
	cols, err := o.decoder.Rows(msg, which, from, n)
	if err != nil {
		return nil, NotAsPublished(err)
	}
	return cols, nil
}

// retain keeps a shard's decoder until release, and drops those that no read uses any
// more; but not of the two shards that were read last, which seeded streams come back to.
//
// Rows of one batch may be gathered by reads of the shard that follow each other. They
// must come of one decoder: by the identity of its dictionaries equal values are told.
func (r *Reader) retain(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users[i]++
	if i != r.latest[0] {
		r.latest = [2]int{i, r.latest[0]}
	}
	for k := range r.decoders {
		if r.users[k] == 0 && k != r.latest[0] && k != r.latest[1] {
			delete(r.decoders, k)
		}
	}
}

// release ends a use.
func (r *Reader) release(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users[i]--
	if r.users[i] == 0 {
		delete(r.users, i)
	}
}

// Forget drops all decoders, where nothing is read.
func (r *Reader) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.decoders)
}

// dictionaryMessages gives the dictionary messages that come once for a shard.
func (r *Reader) dictionaryMessages(ctx context.Context, i int) ([]Message, error) {
	if len(r.source.View.Dictionaries) == 0 {
		return nil, nil
	}
	o := r.decoder(ctx, i)
	if o.err != nil {
		return nil, o.err
	}
	var out []Message
	for _, place := range r.source.View.Dictionaries {
		p, ok := o.dicts[place]
		if !ok {
			continue
		}
		m, err := ipc.ParseMeta(p)
		if err != nil || m.Kind != ipc.KindDictionary || m.DictionaryID != int64(place) {
			return nil, NotAsPublished(err)
		}
		b := r.source.StoredShard(i).Dictionaries[place]
		out = append(out, Message{Bytes: p, Meta: int(b.Meta), Sum: b.Sum})
	}
	return out, nil
}

// column decodes and edits column i of a batch.
func (o *shardDecoder) column(v *view.View, i int, msg []byte) (arrow.Array, error) {
	cols, err := o.columns(msg, []int{i})
	if err != nil {
		return nil, err
	}
	return o.edit(v, i, cols[0])
}

// edit edits column i of the shard. A dictionary's values are edited once; what comes
// back has them under the same indices, to be written out.
func (o *shardDecoder) edit(v *view.View, i int, a arrow.Array) (arrow.Array, error) {
	d, ok := a.(*array.Dictionary)
	if !ok {
		return v.Apply(i, a)
	}
	values := d.Dictionary()
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.edited[i]
	if m.from == nil || m.from.Data() != values.Data() {
		to, err := v.Apply(i, values)
		if err != nil {
			return nil, err
		}
		m = editedDictionary{values, to}
		o.edited[i] = m
	}
	t := *d.DataType().(*arrow.DictionaryType)
	t.ValueType = m.to.DataType()
	return array.NewDictionaryArray(&t, d.Indices(), m.to), nil
}
