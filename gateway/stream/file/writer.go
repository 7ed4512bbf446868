package file

import (
	"bufio"
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// fileWriter writes one changed shard.
type fileWriter struct {
	life       *release.Lifecycle
	src        *plan.Source
	rd         *read.Reader
	n          int
	out        *bufio.Writer
	layout     *fileLayout
	most       int64             // bytes that the file may have
	compaction *batch.Compaction // of a filtering view's dictionaries
}

func (mk *fileWriter) write(ctx context.Context) (err error) {
	defer read.RecoverCorrupt(&err)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // an answer that is not read to its end
	schema := mk.src.Schema()
	err = mk.put(append(ipc.FileStart(), schema...))
	if err != nil {
		return err
	}
	if mk.src.Regrouped() && len(mk.src.View.Dictionaries) > 0 {
		err = mk.writeDictionaries(ctx)
	}
	if err == nil {
		err = mk.writeBatches(ctx)
	}
	if err != nil {
		return err
	}
	footer, err := ipc.FileFooter(schema, mk.layout.dicts, mk.layout.batches)
	if err != nil {
		return fmt.Errorf("lay out shard %d: %w", mk.n, err)
	}
	err = mk.put(footer)
	if err == nil {
		mk.layout.at += int64(len(footer))
		err = noSpace(mk.out.Flush())
	}
	return err
}

func noSpace(err error) error {
	if err == nil {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.Unavailable,
		Subject: "shard",
		Message: "the gateway cannot write a temporary file",
		Remedy:  "the operator looks at the free disk space",
		Err:     err,
	}
}

func (mk *fileWriter) put(p []byte) error {
	_, err := mk.out.Write(p)
	return noSpace(err)
}

func (mk *fileWriter) message(m read.Message) error {
	if mk.layout.at+int64(len(m.Bytes)) > mk.most {
		return &schemas.Error{
			Kind:    schemas.TooLarge,
			Subject: fmt.Sprint(mk.n),
			Message: fmt.Sprintf("the agreement changes this shard, and as a file it would have more than %d bytes", mk.most),
			Remedy:  "read it by /stream",
		}
	}
	mk.layout.add(int32(m.Meta), int64(len(m.Bytes)-m.Meta), m.Rows)
	return mk.put(m.Bytes)
}

// reads gives the ranges of the shard.
func (mk *fileWriter) reads() []read.Range {
	return read.PlanReads(mk.src, mk.src.ShardSlices(mk.n), read.MaxRange)
}

// writeBatches writes every message of the shard. An IPC file has each dictionary once,
// so a filtering view's batches refer to those that writeDictionaries wrote.
func (mk *fileWriter) writeBatches(ctx context.Context) error {
	if mk.compaction != nil {
		return mk.each(ctx, func(rec arrow.Record) error {
			p, err := mk.compaction.Encode(rec)
			if err != nil {
				return err
			}
			return mk.message(read.NewMessage(p, rec.NumRows()))
		})
	}
	for i, one := range mk.reads() {
		err := mk.writeRange(ctx, one, i == 0)
		if err != nil {
			return err
		}
	}
	return nil
}

func (mk *fileWriter) writeRange(ctx context.Context, one read.Range, first bool) error {
	res := mk.rd.Fetch(ctx, one, first)
	defer mk.rd.Recycle(res)
	for m, err := range res.Each(false) {
		if err == nil && mk.life.Closing() {
			err = release.Stopping()
		}
		if err == nil {
			err = mk.message(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each gives the batches of a filtering view one after another, with the dictionaries
// of the shard.
func (mk *fileWriter) each(ctx context.Context, do func(rec arrow.Record) error) error {
	for _, one := range mk.reads() {
		if mk.life.Closing() {
			return release.Stopping()
		}
		err := mk.rd.EachBatch(ctx, one, func(parts []batch.Part) error {
			g, err := mk.src.View.Gather(parts, false, nil)
			if err != nil {
				return err
			}
			return do(g.Record())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeDictionaries finds the dictionary values that the visible rows use, and writes the
// dictionaries.
func (mk *fileWriter) writeDictionaries(ctx context.Context) error {
	mk.compaction = batch.NewCompaction(mk.src.View.Fields)
	err := mk.each(ctx, mk.compaction.Use)
	if err != nil {
		return err
	}
	msgs, err := mk.compaction.Dictionaries()
	if err != nil {
		return err
	}
	for _, m := range msgs {
		err := mk.message(read.NewMessage(m, 0))
		if err != nil {
			return err
		}
	}
	return nil
}
