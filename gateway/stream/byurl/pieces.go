package byurl

import (
	"guichet/connectors/direct"
	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// What one range has, so that a client reads several at a time and holds little; a single
// batch may have more, up to direct.MaxRange.
const rangeBytes = 16 << 20

// maxRanges bounds the signatures of an answer.
const maxRanges = 512

// span is one range of a shard before it is signed.
type span struct {
	shard          int // of what is stored
	offset, length int64
	dictionaries   bool
	rows           int64 // of its batches
	skip, take     int64
	batches        int64
}

// piece is some next rows of a plan. Without spans they come by the stream.
type piece struct {
	rows   int64
	spans  []span
	window *direct.Window
}

// picker cuts a plan into pieces.
type picker struct {
	src   *plan.Source
	exact bool // the lease is for these rows and no others: no batch that has others is given
	most  int64
	given map[int]bool // shards whose dictionaries were
	out   []piece
	bytes int64
	count int // of spans
}

// pick gives the first pieces of a plan: about so many bytes, one piece at least.
func pick(p *plan.Plan, exact bool, most int64) []piece {
	k := &picker{src: p.Source, exact: exact, most: most, given: map[int]bool{}}
	for _, group := range p.Source.Together(p.Source.Slices(p.Segments)) {
		if k.bytes >= k.most || k.count >= maxRanges {
			break
		}
		if p.Source.Permuted() {
			k.window(group)
		} else {
			k.slice(group[0])
		}
	}
	return k.out
}

// window adds rows of a permuted window, which may lie in all of its batches.
func (k *picker) window(group []plan.Slice) {
	bound := plan.Bound(group)
	w := &direct.Window{Number: int64(bound.Shard), Rows: k.src.ShardRows(bound.Shard), From: bound.From}
	one := piece{rows: bound.Rows, window: w}
	for i, next := 0, bound.From; i < len(group); i++ {
		if group[i].From != next { // rows between were read before, by another world
			k.stream(bound.Rows)
			return
		}
		next += group[i].Rows
	}
	if k.exact && bound.Rows < w.Rows {
		k.stream(bound.Rows)
		return
	}
	for _, rows := range k.src.Window(bound.Shard) {
		b := k.src.StoredShard(rows.Shard).Batches[rows.Batch]
		if k.exact && rows.Rows < b.Rows || !k.fits(rows.Shard, b) {
			k.stream(bound.Rows)
			return
		}
		one.spans = extend(one.spans, rows.Shard, b, rows.Skip, rows.Rows)
	}
	k.add(one)
}

// slice adds rows of a batch as they are stored, to the piece before where they follow it.
func (k *picker) slice(sl plan.Slice) {
	b := k.src.StoredShard(sl.Shard).Batches[sl.Batch]
	if k.exact && !sl.Whole || !k.fits(sl.Shard, b) {
		k.stream(sl.Rows)
		return
	}
	if last := len(k.out) - 1; last >= 0 && len(k.out[last].spans) > 0 {
		had := k.out[last].spans
		grown := extend(had, sl.Shard, b, sl.From, sl.Rows)
		if len(grown) == len(had) {
			k.out[last].rows += sl.Rows
			k.bytes += b.Len()
			return
		}
	}
	k.add(piece{rows: sl.Rows, spans: extend(nil, sl.Shard, b, sl.From, sl.Rows)})
}

// stream adds rows that are not given by URL.
func (k *picker) stream(rows int64) {
	if last := len(k.out) - 1; last >= 0 && len(k.out[last].spans) == 0 {
		k.out[last].rows += rows
		return
	}
	k.out = append(k.out, piece{rows: rows})
}

// add adds a piece, with the dictionaries of the shards that it is the first of.
func (k *picker) add(one piece) {
	var before []span
	for _, sp := range one.spans {
		if k.given[sp.shard] {
			continue
		}
		k.given[sp.shard] = true
		for _, d := range k.src.StoredShard(sp.shard).Dictionaries {
			if n := len(before) - 1; n >= 0 && before[n].shard == sp.shard && before[n].offset+before[n].length == d.Offset &&
				before[n].length+d.Len() <= rangeBytes {
				before[n].length += d.Len()
				continue
			}
			before = append(before, span{shard: sp.shard, offset: d.Offset, length: d.Len(), dictionaries: true})
		}
	}
	one.spans = append(before, one.spans...)
	for _, sp := range one.spans {
		k.bytes += sp.length
	}
	k.count += len(one.spans)
	k.out = append(k.out, one)
}

// fits says whether a batch, and the dictionaries that it needs, may each be one range.
func (k *picker) fits(shard int, b schemas.Block) bool {
	for _, d := range k.src.StoredShard(shard).Dictionaries {
		if d.Len() > direct.MaxRange {
			return false
		}
	}
	return b.Len() <= direct.MaxRange
}

// extend adds rows of a batch to spans: to the last one where they follow it.
//
//	spans    batches 0 and 1, all rows      batch 2, rows 0-9 of 20
//	batch 2  the last span grows            batch 2 again: another span, its bytes come twice
func extend(spans []span, shard int, b schemas.Block, skip, take int64) []span {
	if n := len(spans) - 1; n >= 0 && skip == 0 {
		last := &spans[n]
		follows := !last.dictionaries && last.shard == shard && last.offset+last.length == b.Offset && last.skip+last.take == last.rows
		if follows && last.length+b.Len() <= rangeBytes {
			last.length, last.rows, last.take, last.batches = last.length+b.Len(), last.rows+b.Rows, last.take+take, last.batches+1
			return spans
		}
	}
	return append(spans, span{shard: shard, offset: b.Offset, length: b.Len(), rows: b.Rows, skip: skip, take: take, batches: 1})
}
