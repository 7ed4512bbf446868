package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"guichet/schemas"
)

// Ask is which part of an epoch is wanted, and from where.
type Ask struct {
	Seed  *uint64 // nil: stored order
	Epoch uint64
	World int
	Rank  int
	From  int64   // rows of the rank's part to leave out
	Start []Stage // earlier worlds of this epoch
	Even  string  // "", drop, pad
	Lane  Lane    // of what is left of the part after From
	Most  int64   // rows of what is left then; 0 is all of them

	Shuffle string // what a seed orders: rows, windows; "" is what the order number means by itself
	Number  int    // of the order: 1 or 2; 0 is what is given today, 2
}

// Today is the order of epochs that begin.
const Today = 2

// order is the number of the order; 0 where rows come as they are stored.
func (a Ask) order() int {
	if a.Seed == nil {
		return 0
	}
	return cmp.Or(a.Number, Today)
}

// shuffle is what a seed orders.
func (a Ask) shuffle() string {
	switch {
	case a.Seed == nil:
		return ""
	case a.Number == 1:
		return "windows"
	}
	return cmp.Or(a.Shuffle, "rows")
}

// rows says whether rows are permuted inside windows.
func (a Ask) rows() bool { return a.shuffle() == "rows" }

// MaxWorld bounds the ranks of a job: the largest machines have some 20,000 GPUs.
const MaxWorld = 65_536

// Keys are all that a door with ranks may be told, the same at every one [doors.md]:
// what ParseAsk reads, and what is read.
func Keys() []string {
	return []string{"seed", "epoch", "world", "rank", "from", "start", "even", "lane", "block", "rows", "shuffle", "order", "table", "split",
		"version", "columns", "run"}
}

// CheckKey says whether a door may be told key, which was said before or not. A
// misspelt one would otherwise give other rows than were asked for. Errors: Invalid.
func CheckKey(keys []string, key string, before bool) error {
	switch {
	case !slices.Contains(keys, key):
		return schemas.BadField("stream", key, "there is no key %q; the keys are %s", key, strings.Join(keys, ", "))
	case before:
		return schemas.BadField("stream", key, "the key %q is given twice", key)
	}
	return nil
}

// ParseAsk reads an ask from its texts; get gives "" for what was not said.
// Errors: Invalid naming the key.
func ParseAsk(get func(key string) string) (Ask, error) {
	a := Ask{World: 1, Even: get("even")}
	if s := get("seed"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return a, schemas.BadField("stream", "seed", "%q is not a seed: a whole number from 0 to 18446744073709551615", s)
		}
		a.Seed = &n
	}
	var err error
	number := func(key string, least, most int64, into func(int64)) {
		s := get(key)
		if s == "" || err != nil {
			return
		}
		n, e := strconv.ParseInt(s, 10, 64)
		if e != nil || n < least || n > most {
			err = schemas.BadField("stream", key, "%q is not a valid %s: a whole number from %d to %d", s, key, least, most)
			return
		}
		into(n)
	}
	number("epoch", 0, math.MaxInt64, func(n int64) { a.Epoch = uint64(n) })
	number("world", 1, MaxWorld, func(n int64) { a.World = int(n) })
	number("rank", 0, MaxWorld, func(n int64) { a.Rank = int(n) })
	number("from", 0, math.MaxInt64, func(n int64) { a.From = n })
	number("rows", 1, math.MaxInt64, func(n int64) { a.Most = n })
	if err != nil {
		return a, err
	}
	if a.Rank >= a.World {
		return a, schemas.BadField("stream", "rank", "rank %d is outside the world of %d: ranks count from 0 to %d", a.Rank, a.World, a.World-1)
	}
	if !slices.Contains([]string{"", "drop", "pad"}, a.Even) {
		return a, schemas.BadField("stream", "even", "%q is neither drop nor pad", a.Even)
	}
	a.Start, err = parseStart(get("start"))
	if err == nil {
		a.Lane, err = parseLane(get("lane"), get("block"))
	}
	if err == nil {
		err = a.parseOrder(get("shuffle"), get("order"))
	}
	return a, err
}

// parseOrder reads how a seed orders. An epoch that goes on says under which order it began:
// rows would otherwise come twice, and others never, when a gateway gives another one to
// streams that begin.
func (a *Ask) parseOrder(shuffle, order string) error {
	bad := func(key, format string, args ...any) error { return schemas.BadField("stream", key, format, args...) }
	if !slices.Contains([]string{"", "rows", "windows"}, shuffle) {
		return bad("shuffle", "%q is neither rows nor windows", shuffle)
	}
	if !slices.Contains([]string{"", "1", "2"}, order) {
		return bad("order", "%q is no order: there are 1 and 2", order)
	}
	a.Shuffle = shuffle
	if order != "" {
		a.Number = int(order[0] - '0')
	}
	switch {
	case a.Seed == nil && shuffle+order != "":
		return bad("seed", "shuffle and order say what a seed does, and there is none: give seed, or leave them out")
	case a.Number == 1 && shuffle == "rows":
		return bad("shuffle", "order 1 has no rows to shuffle, only windows: say order=2, or leave shuffle out")
	case a.Seed != nil && shuffle+order == "" && (a.From > 0 || len(a.Start) > 0):
		return bad("order", "an epoch that goes on says under which order it began: give order=2, as Guichet-Order said when it "+
			"began, or order=1 where it said none")
	}
	return nil
}

// maxStages bounds a chain of resumes; each costs a pass over the windows.
const maxStages = 64

func parseStart(s string) ([]Stage, error) {
	if s == "" {
		return nil, nil
	}
	var out []Stage
	for part := range strings.SplitSeq(s, ",") {
		rows, world, found := strings.Cut(part, "@")
		k, err1 := strconv.ParseInt(rows, 10, 64)
		w, err2 := strconv.Atoi(world)
		if !found || err1 != nil || err2 != nil || k < 0 || w < 1 || w > MaxWorld || len(out) == maxStages {
			return nil, schemas.BadField("stream", "start", "%q is not a start: write rows@world, for instance 1000@8, or a chain of at most %d "+
				"such, separated by commas", s, maxStages)
		}
		out = append(out, Stage{World: w, Rows: k})
	}
	return out, nil
}

// Order is what a lease binds of an ask beside world and rank: what decides, with them,
// which rows it gives.
func (a Ask) Order() schemas.Order {
	o := schemas.Order{Epoch: int64(a.Epoch), Start: stages(a.Start), Even: a.Even} // ParseAsk bounds the epoch
	if a.Seed != nil {
		o.Seed = strconv.FormatUint(*a.Seed, 10)
		o.Shuffle, o.Number = a.shuffle(), a.order()
	}
	return o
}

func stages(list []Stage) string {
	var b strings.Builder
	for i, st := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d@%d", st.Rows, st.World)
	}
	return b.String()
}

// String writes the ask as the record keeps it.
func (a Ask) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "world=%d rank=%d", a.World, a.Rank)
	if a.Seed != nil {
		fmt.Fprintf(&b, " seed=%d order=%d", *a.Seed, a.order())
		if a.order() > 1 {
			b.WriteString(" shuffle=" + a.shuffle())
		}
	}
	fmt.Fprintf(&b, " epoch=%d", a.Epoch)
	if a.From > 0 {
		fmt.Fprintf(&b, " from=%d", a.From)
	}
	if len(a.Start) > 0 {
		b.WriteString(" start=" + stages(a.Start))
	}
	if a.Even != "" {
		fmt.Fprintf(&b, " even=%s", a.Even)
	}
	if a.Lane.Of > 0 {
		b.WriteString(" " + a.Lane.String())
	}
	if a.Most > 0 {
		fmt.Fprintf(&b, " rows=%d", a.Most)
	}
	return b.String()
}
