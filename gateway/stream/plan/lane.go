package plan

import (
	"fmt"
	"strconv"
	"strings"

	"guichet/schemas"
)

// Lane is one of several shares of a rank's rows, for readers of one process that hand on
// batches in turn, as a DataLoader takes them of its workers: the rows of the part are cut into
// blocks, which are dealt to the lanes in turn. The zero Lane is the whole part.
//
//	part            0 1 2 3 4 5 6 7 8 9 10      blocks of 2 rows, 2 lanes
//	lane 0 of 2     0 1     4 5     8 9
//	lane 1 of 2         2 3     6 7     10
type Lane struct {
	Number, Of int
	Block      int64 // rows
}

const (
	maxLanes = 1024
	maxBlock = 1 << 20
	maxDealt = 1 << 18 // pieces of a part, which a plan holds one by one
)

// String writes a lane as it is asked for.
func (l Lane) String() string { return fmt.Sprintf("lane=%d@%d block=%d", l.Number, l.Of, l.Block) }

// parseLane reads the two keys of a lane. Errors: Invalid naming the key.
func parseLane(lane, block string) (Lane, error) {
	bad := func(key, format string, args ...any) (Lane, error) {
		return Lane{}, schemas.BadField("stream", key, format, args...)
	}
	switch {
	case lane == "" && block == "":
		return Lane{}, nil
	case lane == "":
		return bad("lane", "block says how many rows are dealt to lanes at a time, and there is no lane: give lane, or leave block out")
	case block == "":
		return bad("block", "a lane is dealt blocks of rows: give block, the rows of a batch of yours")
	}
	number, of, found := strings.Cut(lane, "@")
	i, err1 := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if !found || err1 != nil || err2 != nil || n < 1 || n > maxLanes || i < 0 || i >= n {
		return bad("lane", "%q is not a lane: write lane@lanes, for instance 0@4, with at most %d lanes, which count from 0", lane, maxLanes)
	}
	rows, err := strconv.ParseInt(block, 10, 64)
	if err != nil || rows < 1 || rows > maxBlock {
		return bad("block", "%q is not a valid block: a whole number from 1 to %d", block, maxBlock)
	}
	return Lane{Number: i, Of: n, Block: rows}, nil
}

// deal gives the lane's rows of a part. Errors: Invalid where they are too many pieces.
func (l Lane) deal(part schemas.Segments) (schemas.Segments, error) {
	if l.Of == 0 {
		return part, nil
	}
	round := l.Block * int64(l.Of)
	if pieces := part.Rows() / round; pieces > maxDealt {
		return nil, schemas.BadField("stream", "block", "blocks of %d rows cut this lane into %d pieces, more than %d: give a larger block",
			l.Block, pieces, maxDealt)
	}
	var out schemas.Segments
	first := l.Block * int64(l.Number) // of the lane's next block, as the part counts
	at := int64(0)                     // of the segment
	for _, s := range part {
		end := at + s.Rows
		for first < end {
			lo, hi := max(first, at), min(first+l.Block, end)
			if lo < hi {
				out = append(out, segment(s.Shard, s.From+lo-at, hi-lo))
			}
			if first+l.Block > end {
				break // the block goes on in the next segment
			}
			first += round
		}
		at = end
	}
	return out, nil
}

// GoOn says with which keys a stream goes on after so many of its rows. Of a lane these are
// whole rounds: the rows of the block that was not finished come again.
func (p *Plan) GoOn(sent int64) string {
	l, from, done := p.Ask.Lane, p.Ask.From+sent, sent
	if l.Of > 0 {
		done = sent / l.Block * l.Block
		from = min(p.Ask.From+done*int64(l.Of), p.PartRows)
	}
	on := fmt.Sprintf("from=%d", from)
	if l.Of > 0 {
		on += " " + l.String()
	}
	if p.Ask.Most > 0 && done < p.Rows {
		on += fmt.Sprintf(" rows=%d", p.Rows-done)
	}
	return on
}
