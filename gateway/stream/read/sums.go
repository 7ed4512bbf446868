package read

import (
	"errors"
	"slices"

	"guichet/connectors/ipc"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// The manifest has the sum of each message. What is read of a store that is not the
// operator's own is compared with it before it is used or sent; of an own one, the
// published sums go into the sum that ends the stream, which the client compares.
// Messages that a view makes have the sum of what was made.

// checkSum says whether a whole message is the published one, as far as that is known.
func checkSum(store *s3.Store, msg []byte, b schemas.Block) error {
	if store.Own() || b.Sum == 0 || ipc.Sum(msg) == b.Sum {
		return nil
	}
	return otherSum()
}

func otherSum() error { return NotAsPublished(errors.New("the message has another CRC-32C")) }

// checkSums compares the batches of a read from a store that is not the operator's.
func (rd *Range) checkSums(sh *schemas.Shard, bytes []byte) error {
	var batches []int
	for _, sl := range rd.slices {
		batches = append(batches, sl.Batch)
	}
	if rd.gather != nil {
		for _, p := range rd.gather.origins {
			batches = append(batches, p.Batch)
		}
	}
	for _, i := range slices.Compact(batches) {
		b := sh.Batches[i]
		if b.Sum != 0 && ipc.Sum(bytes[b.Offset-rd.offset:][:b.Len()]) != b.Sum {
			return otherSum()
		}
	}
	return nil
}

// JoinSum gives the sum of what has sum, followed by a message.
func (m *Message) JoinSum(sum uint32) uint32 {
	if m.Sum == 0 {
		return ipc.AddSum(sum, m.Bytes)
	}
	return ipc.JoinSums(sum, m.Sum, m.Len())
}
