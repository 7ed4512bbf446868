package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/gateway/stream/plan"
	"guichet/policy/view"
	"guichet/schemas"
)

// windowPlan is what a read of a permuted source does: it reads the batches that a window's
// rows lie in, step by step, and gathers those of its slices in the window's own order. A
// window is one batch, or a part of one, but for those that are joined of what shards have
// over.
type windowPlan struct {
	slices []plan.Slice // of one window
	steps  []windowStep
}

// windowStep is a range of one shard with the rows of a window that lie in it.
type windowStep struct {
	offset, length int64
	rows           []plan.WindowRows
}

// planWindows makes one range of the slices of a window, which holds a step's bytes at a time.
func planWindows(s *plan.Source, list []plan.Slice) []Range {
	var out []Range
	for _, group := range s.Together(list) {
		w := &windowPlan{slices: group}
		one := Range{window: w, outputBound: s.OutputBound(plan.Bound(group))}
		for _, r := range s.Window(group[0].Shard) {
			b := s.StoredShard(r.Shard).Batches[r.Batch]
			if n := len(w.steps) - 1; n >= 0 && w.steps[n].rows[0].Shard == r.Shard {
				st := &w.steps[n]
				again := st.rows[len(st.rows)-1].Batch == r.Batch // its bytes are in the step already
				if again || st.offset+st.length == b.Offset && st.length+b.Len() <= maxGather {
					if !again {
						st.length += b.Len()
					}
					st.rows = append(st.rows, r)
					continue
				}
			}
			w.steps = append(w.steps, windowStep{b.Offset, b.Len(), []plan.WindowRows{r}})
		}
		for _, st := range w.steps {
			one.length = max(one.length, st.length)
		}
		if len(w.steps) > 1 { // rows of each step are copied, and joined, before they are permuted
			one.outputBound *= 3
		}
		one.shard = w.steps[0].rows[0].Shard
		out = append(out, one)
	}
	return out
}

// found is where a row of a window is, once its batch was read.
type found struct {
	record int32
	row    int32
}

// windowMessages makes the messages of the slices of a window.
func (r *Reader) windowMessages(ctx context.Context, rd Range) (out Result) {
	group := rd.window.slices
	order := r.source.Permutation(group)
	w := windowRows{places: make([]found, r.source.ShardRows(group[0].Shard))}
	for i := range w.places {
		w.places[i].record = unwanted
	}
	for _, row := range order {
		w.places[row].record = wanted
	}
	at := 0
	for _, st := range rd.window.steps {
		n, done, err := r.windowStep(ctx, &w, st, at, len(rd.window.steps) > 1)
		if err != nil {
			return Result{Err: err}
		}
		defer done() // the rows of a window of one step lie in its bytes
		at = n
	}
	if at != len(w.places) {
		return Result{Err: NotAsPublished(nil)}
	}
	out.made = r.space.Get(r.source.OutputBound(plan.Bound(group)))
	*out.made = (*out.made)[:0]
	out.Messages, out.Err = w.messages(r.source.View, nil, order, out.made)
	return out
}

// Where a row is that was not read: nobody wants it, or somebody does.
const (
	unwanted int32 = -2
	wanted   int32 = -1
)

// windowRows are the rows of a window: their records, and where each of them is.
type windowRows struct {
	records []arrow.Record
	places  []found
}

// windowStep reads a step whose first row has the place at in the window, and gives the place
// behind its last. Where there are several, the rows that are wanted are copied, so that the bytes
// of one step at a time are held; else they lie in what is held until done is called.
func (r *Reader) windowStep(
	ctx context.Context, w *windowRows, st windowStep, at int, several bool,
) (behind int, done func(), err error) {
	end := at
	for _, one := range st.rows {
		end += int(one.Rows)
	}
	if end > len(w.places) {
		return 0, nil, NotAsPublished(nil)
	}
	if !slices.ContainsFunc(w.places[at:end], func(f found) bool { return f.record == wanted }) {
		return end, func() {}, nil
	}
	shard := st.rows[0].Shard
	var origins []plan.Origin
	for _, one := range st.rows {
		origins = append(origins, one.Origin)
	}
	bytes, done, err := r.windowBytes(ctx, st,
		Range{shard: shard, offset: st.offset, length: st.length, gather: &gatherPlan{origins: origins}})
	if err != nil {
		return 0, nil, err
	}
	first := len(w.records)
	err = r.locate(ctx, w, st, bytes, at)
	if err == nil && several {
		err = w.copyFrom(first, at, end)
	}
	if err != nil || several {
		done()
		done = func() {}
	}
	return end, done, err
}

// windowBytes reads a step, to use until done is called. Where windows take only a part of its
// batches, others will ask for them soon.
func (r *Reader) windowBytes(ctx context.Context, st windowStep, rd Range) (bytes []byte, done func(), err error) {
	sh := r.source.StoredShard(rd.shard)
	taken, there, last := int64(0), int64(0), -1
	for _, one := range st.rows {
		taken += one.Rows
		if one.Batch != last {
			there, last = there+sh.Batches[one.Batch].Rows, one.Batch
		}
	}
	if r.source.View.Filter == nil && there >= 2*taken {
		return r.sharedBytes(ctx, rd)
	}
	buf, err := r.bytes(ctx, rd)
	if err != nil {
		return nil, nil, err
	}
	return *buf, func() { r.buffers.Put(buf) }, nil
}

// locate decodes the batches of a step and says where its rows are.
func (r *Reader) locate(ctx context.Context, w *windowRows, st windowStep, bytes []byte, at int) error {
	shard := st.rows[0].Shard
	o := r.decoder(ctx, shard)
	if o.err != nil {
		return o.err
	}
	sh := r.source.StoredShard(shard)
	last := -1
	var matching []int32 // of a view that filters rows
	for _, one := range st.rows {
		if one.Batch != last {
			b := sh.Batches[one.Batch]
			rec, rows, err := r.windowBatch(o, bytes[b.Offset-st.offset:][:b.Len()], b)
			if err != nil {
				return fmt.Errorf("batch %d of %s: %w", one.Batch, sh.Key, err)
			}
			w.records, matching, last = append(w.records, rec), rows, one.Batch
		}
		if r.source.View.Filter != nil && int64(len(matching)) < one.Skip+one.Rows {
			return NotAsPublished(nil)
		}
		for i := range one.Rows {
			row := int32(one.Skip + i)
			if matching != nil {
				row = matching[row]
			}
			if f := &w.places[at]; f.record == wanted {
				*f = found{int32(len(w.records) - 1), row}
			}
			at++
		}
	}
	return nil
}

// windowBatch decodes a batch; rows are those that stay, nil where all do.
func (r *Reader) windowBatch(o *shardDecoder, msg []byte, b schemas.Block) (rec arrow.Record, rows []int32, err error) {
	_, err = checkMessage(msg, b)
	if err != nil {
		return nil, nil, err
	}
	if r.source.View.Filter != nil {
		return r.matchingRows(o, msg)
	}
	rec, err = r.record(o, msg)
	return rec, nil, err
}

// copyFrom joins the records from one on, of which the places in [at, end) hold rows, in a
// copy of what is wanted of them.
func (w *windowRows) copyFrom(first, at, end int) error {
	var parts []batch.Part
	n := int32(0)
	for i := at; i < end; i++ {
		f := &w.places[i]
		if f.record >= 0 {
			parts = appendPart(parts, w.records[f.record], f.row)
			*f = found{int32(first), n}
			n++
		}
	}
	copied, err := batch.Gather(parts, false) // of one shard: its dictionaries stay
	if err != nil {
		return err
	}
	w.records = append(w.records[:first], copied)
	return nil
}

func appendPart(parts []batch.Part, rec arrow.Record, row int32) []batch.Part {
	if n := len(parts) - 1; n >= 0 && parts[n].Record == rec && parts[n].From+parts[n].N == int64(row) {
		parts[n].N++
		return parts
	}
	return append(parts, batch.Part{Record: rec, From: int64(row), N: 1})
}

// messages appends the messages of rows in their order, which lie in made, with dictionaries of
// their own. Rows that are too many for a message, or of several shards with more values than a
// dictionary holds, are halved.
func (w *windowRows) messages(v *view.View, out []Message, order []int32, made *[]byte) ([]Message, error) {
	rec, rows, several, err := w.joined(order)
	before := len(*made)
	var g *batch.Gathered
	var dicts [][]byte
	if err == nil {
		g, err = v.Take(rec, rows, made)
	}
	if err == nil {
		dicts, err = dictionariesOf(v, g)
	}
	var msg []byte
	if err == nil {
		msg = g.Message()
	}
	tooLarge := err == nil && (len(msg) > view.MaxMessage ||
		several && slices.ContainsFunc(dicts, func(d []byte) bool { return len(d) > view.MaxMessage }))
	if (tooLarge || err != nil && several) && len(order) > 1 {
		*made = (*made)[:before]
		half := len(order) / 2
		out, err = w.messages(v, out, order[:half], made)
		if err != nil {
			return nil, err
		}
		return w.messages(v, out, order[half:], made)
	}
	if err != nil {
		return nil, err
	}
	for _, d := range dicts {
		out = append(out, NewMessage(d, 0))
	}
	return append(out, NewMessage(msg, int64(len(order)))), nil
}

// dictionariesOf numbers them as the stream's schema does.
func dictionariesOf(v *view.View, g *batch.Gathered) ([][]byte, error) {
	if v.Filter != nil {
		return g.Dictionaries()
	}
	return g.DictionariesAs(v.Dictionaries)
}

// joined gives the record that the rows of an order lie in, and their places in it: those of
// several records are joined as they are stored first, because single rows are taken of one record.
func (w *windowRows) joined(order []int32) (rec arrow.Record, rows []int32, several bool, err error) {
	rec = w.records[w.places[order[0]].record]
	rows = make([]int32, len(order))
	for i, row := range order {
		several = several || w.records[w.places[row].record] != rec
		rows[i] = w.places[row].row
	}
	if !several {
		return rec, rows, false, nil
	}
	sorted := slices.Clone(order)
	slices.Sort(sorted)
	var parts []batch.Part
	for _, row := range sorted {
		parts = appendPart(parts, w.records[w.places[row].record], w.places[row].row)
	}
	rec, err = batch.Gather(parts, true)
	if err != nil {
		return nil, nil, true, err
	}
	at := make(map[int32]int32, len(sorted))
	for i, row := range sorted {
		at[row] = int32(i)
	}
	for i, row := range order {
		rows[i] = at[row]
	}
	return rec, rows, true, nil
}
