package release

import (
	"fmt"
	"slices"

	"guichet/policy/agreement"
	"guichet/schemas"
)

// ReadPlan is which rows a release reads, in the order in which it sends them. A row
// that was read before in the same run, epoch and view costs nothing. The zero
// Reading is one in which every row costs.
type ReadPlan struct {
	Epoch    uint64
	View     string // digest of what the agreement and the ask show of the split
	Segments []schemas.Segment
}

// name is what rows that are paid for are kept under.
func (r ReadPlan) name() string { return fmt.Sprintf("%d/%s", r.Epoch, r.View) }

// A stream reserves its budget slice by slice, so that one long stream leaves the
// others theirs: a sixteenth of what it still reads, since then a stream that runs
// alone writes only some dozens of times; but never so little that a fast stream
// writes more than some ten times in a second.
const (
	sliceParts = 16
	sliceRows  = 1 << 20
	sliceBytes = 64 << 20
)

// Reservation is what a running release has reserved and not spent, and which rows of its
// plan are paid for already. A nil one pays everything. Not safe for concurrent use.
type Reservation struct {
	lease       schemas.Lease     // that it was begun under
	terms       schemas.Agreement // as they were read last
	basis       agreement.Basis   // what says that both stand; replaced, never changed
	every       bool              // every row costs
	plan        []stretch
	at          int64 // rows of the plan that were sent
	free        bool  // some of them cost nothing
	unpaidRows  int64 // rows that may still be sent and are not paid for
	maxBytes    int64 // bytes that may still be charged
	rows, bytes int64 // reserved of them
	sent        []sent
}

// sent is a message with what was charged for it, those without rows before it included.
type sent struct{ rows, bytes int64 }

// newReservation is that of a release that sends at most rows and bytes. plan is nil
// where every row costs.
func newReservation(plan []stretch, rows, bytes int64) *Reservation {
	t := &Reservation{every: plan == nil, plan: plan, unpaidRows: rows, maxBytes: bytes}
	if !t.every {
		t.unpaidRows = 0
		for _, s := range plan {
			if !s.paid {
				t.unpaidRows += s.rows
			}
		}
	}
	return t
}

// price gives what the next message costs: its new rows, and all of its bytes when
// one row of it is new. What carries no rows costs as the row after it does.
func (t *Reservation) price(rows, bytes int64) (int64, int64) {
	if t.every {
		return rows, bytes
	}
	// The plan is 20 rows paid for, then 30 that are not: the message of its rows 15 to 24
	// costs 5 rows and all of its bytes, since its bytes are not known row by row.
	fresh, left := int64(0), max(rows, 1)
	for _, s := range t.plan {
		n := min(s.rows, left)
		if !s.paid {
			fresh += n
		}
		left -= n
		if left == 0 {
			break
		}
	}
	if fresh == 0 {
		return 0, 0
	}
	return min(fresh, rows), bytes
}

// Pay charges the next message, of rows and bytes, to what is reserved and counts it
// in r. False: what is reserved does not cover it, and nothing is charged; ask More.
func (t *Reservation) Pay(r *schemas.Release, rows, bytes int64) bool {
	if t == nil {
		return true
	}
	costRows, costBytes := t.price(rows, bytes)
	if costRows > t.rows || costBytes > t.bytes {
		return false
	}
	t.rows, t.unpaidRows = t.rows-costRows, t.unpaidRows-costRows
	t.bytes, t.maxBytes = t.bytes-costBytes, t.maxBytes-costBytes
	r.ChargedRows += costRows
	r.ChargedBytes += costBytes
	t.keep(rows, costBytes)
	t.at += rows
	for rows > 0 && len(t.plan) > 0 {
		t.free = t.free || t.plan[0].paid
		n := min(rows, t.plan[0].rows)
		t.plan[0].rows -= n
		rows -= n
		if t.plan[0].rows == 0 {
			t.plan = t.plan[1:]
		}
	}
	return true
}

// keep keeps what was charged for a message, so that it can be given back when others
// have paid for its rows meanwhile.
func (t *Reservation) keep(rows, bytes int64) {
	if t.every {
		return
	}
	if n := len(t.sent) - 1; n >= 0 && (t.sent[n].rows == 0 || t.sent[n].bytes == 0 && bytes == 0) {
		t.sent[n].rows += rows
		t.sent[n].bytes += bytes
		return
	}
	t.sent = append(t.sent, sent{rows, bytes})
}

// chargeFor gives the bytes of the messages that hold a row which is not in had: rows differ
// in length, so a message with some of them is owed whole.
func (t *Reservation) chargeFor(plan []schemas.Segment, had schemas.Segments) (bytes int64) {
	// Messages of rows 0-9 and 10-19 were charged 100 bytes each, and another stream has
	// paid for the rows 0-14 meanwhile: only the second is owed, and whole.
	plan = slices.Clone(plan)
	for _, m := range t.sent {
		fresh := m.rows == 0
		for m.rows > 0 && len(plan) > 0 {
			part := plan[0]
			part.Rows = min(part.Rows, m.rows)
			fresh = fresh || slices.ContainsFunc(split(had, nil, part), func(s stretch) bool { return !s.paid })
			m.rows -= part.Rows
			plan[0].From, plan[0].Rows = plan[0].From+part.Rows, plan[0].Rows-part.Rows
			if plan[0].Rows == 0 {
				plan = plan[1:]
			}
		}
		if fresh {
			bytes += m.bytes
		}
	}
	return bytes
}

// reach gives the rows of the plan that may be sent with what is reserved, those sent
// included, and whether bytes may go with them that cost nothing.
func (t *Reservation) reach() (rows int64, free bool) {
	if t.every {
		return t.at + t.rows, t.at+t.rows == 0 // a schema without rows
	}
	// 10 rows were sent, 5 more are reserved, and of the plan 20 paid ones and 30 others
	// follow: 10 + 20 + 5 may be sent, and 20 of them without being counted.
	rows, free = t.at, t.free
	left := t.rows
	for _, s := range t.plan {
		n := s.rows
		if !s.paid {
			n = min(n, left)
			left -= n
		}
		free = free || s.paid
		rows += n
		if n < s.rows {
			break
		}
	}
	return rows, free || rows == 0
}

// nextSlice says how much more to reserve so that need is covered and a slice lies ready,
// where still is what may be charged yet, have what is reserved of it, and left what
// the budget gives. ok is false when that does not cover need.
func nextSlice(still, have, left, need, least int64) (more int64, ok bool) {
	// A stream may still be charged 100 rows, has 10 reserved, and the budget leaves 50: it
	// can come to have 60. A message of 25 rows needs 15 more, and gets them, since a
	// sixteenth of 60 and the least of 8 are smaller. One of 61 rows gets nothing.
	of := min(still, have+min(left, still))
	more = max(min(max(need, of/sliceParts, least), of)-have, 0)
	return more, have+more >= need
}
