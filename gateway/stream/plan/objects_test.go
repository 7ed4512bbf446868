package plan

import (
	"testing"

	"guichet/schemas"
)

// An object is one row, in a shard of its own, without columns.
func TestObjectsAreRows(t *testing.T) {
	one := func(name string) schemas.Shard {
		return schemas.Shard{Name: name, Rows: 1, Batches: []schemas.Block{{Rows: 1, Body: 4}, {Offset: 4, Body: 2}}}
	}
	s := &schemas.Split{Name: "all", Shards: []schemas.Shard{one("a"), one("b")}}
	src := NewObjects(schemas.Version{Dataset: "ds-a"}, &schemas.Table{Name: "t", Objects: true}, s)
	if !src.Objects() || src.Rows() != 2 || src.NumShards() != 2 || src.ShardRows(1) != 1 || src.StoredShard(1).Name != "b" ||
		len(src.Columns()) != 0 || src.Schema() != nil || !src.View.Raw() {
		t.Errorf("%+v", src)
	}
}
