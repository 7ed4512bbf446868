package rowindex

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/policy/view"
	"guichet/schemas"
)

func (c *Cache) load(ctx context.Context, key string, s *schemas.Split, vw *view.View) (*plan.RowIndex, error) {
	id, bucket, err := c.work(ctx)
	if err != nil {
		return nil, err
	}
	store, err := c.open(ctx, id)
	if err != nil {
		return nil, err
	}
	body, err := store.Open(ctx, bucket, "views/"+key+".json", "", 0, -1)
	if schemas.KindOf(err) == schemas.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxIndex))
	if err != nil {
		return nil, err
	}
	return parseIndex(b, s, vw), nil
}

// maxIndex is far above any index that is written: 256 bytes for each batch of 3.5 TiB.
const maxIndex = 256 << 20

// parseIndex reads a view's index over a split; nil where it is torn, of another form or
// names places that are not there: it is made anew.
func parseIndex(b []byte, s *schemas.Split, vw *view.View) *plan.RowIndex {
	var ix plan.RowIndex
	err := json.Unmarshal(unsealed(b), &ix)
	if err != nil || ix.Format != plan.RowIndexFormat || !ix.Fits(s, vw) {
		return nil
	}
	return &ix
}

// save writes an index for the other replicas and later starts. Where it cannot, the
// index serves from memory: it is whole, and making it again would change nothing.
func (c *Cache) save(ctx context.Context, key string, ix *plan.RowIndex) {
	err := c.write(ctx, key, ix)
	if err != nil {
		c.log.Warn("the index of a view is not kept in the work bucket", "index", key, "err", err)
	}
}

func (c *Cache) write(ctx context.Context, key string, ix *plan.RowIndex) error {
	id, bucket, err := c.work(ctx)
	if err != nil {
		return err
	}
	store, err := c.open(ctx, id)
	if err != nil {
		return err
	}
	b, err := encode(ix)
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, bucket, "views/"+key+".json", bytes.NewReader(b), int64(len(b)))
	return err
}

// encode writes an index as it is kept: JSON, a line end, and the CRC-32C of the JSON.
//
//	{"format":2,"shards":[{"shard":1,"batches":[{"r":32,"c":[256],"t":[{"b":3,"s":5,"r":10},…]}]}]}
//	0d9f6c51
func encode(ix *plan.RowIndex) ([]byte, error) {
	b, err := json.Marshal(ix)
	if err != nil {
		return nil, fmt.Errorf("write the view's index: %w", err)
	}
	return sealed(b), nil
}

// sealed gives a document with its sum, on a line of its own.
func sealed(b []byte) []byte {
	return fmt.Appendf(b, "\n%08x", ipc.Sum(b))
}

// unsealed gives a document whose sum is right; nil else.
func unsealed(b []byte) []byte {
	n := len(b) - len("\n00000000")
	if n < 0 || string(b) != string(sealed(slices.Clone(b[:n]))) {
		return nil
	}
	return b[:n]
}
