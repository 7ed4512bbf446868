package maker

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// shard is one part of a table: which rows, and where its chance comes from.
type shard struct {
	seed  uint64
	world string // dataset: traits are the same in all its tables
	key   string
	first int64
	rows  int64
}

// rand is the shard's own stream of chance, so that shards can be made in any
// order and side by side.
func (s *shard) rand() *rand.Rand {
	h := sha256.Sum256([]byte(strconv.FormatUint(s.seed, 10) + "/" + s.key))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])))
}

// traits answers for what stays the same of a thing wherever it appears: a
// patient's birth year, a meter's household size.
type traits uint64

func (s *shard) traits() traits {
	h := sha256.Sum256([]byte(strconv.FormatUint(s.seed, 10) + "/" + s.world))
	return traits(binary.LittleEndian.Uint64(h[:]))
}

// of is an even number in [0, 1) for trait no of thing id (splitmix64).
func (t traits) of(id, no int64) float64 {
	z := uint64(t) + uint64(id)*0x9e3779b97f4a7c15 + uint64(no)*0xd1b54a32d192ed03
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}

// between is of, stretched.
func (t traits) between(id, no int64, low, high float64) float64 {
	return low + t.of(id, no)*(high-low)
}

// pick is one of values.
func (t traits) pick(id, no int64, values []string) string {
	return values[int(t.of(id, no)*float64(len(values)))]
}

// yearly is a wave of one year with its top at day peak, in [-1, 1].
func yearly(unix int64, peak float64) float64 {
	days := float64(unix)/86400 - peak
	return math.Cos(2 * math.Pi * days / 365.2425)
}

// hour is the hour of the day, with its fraction, in UTC.
func hour(unix int64) float64 { return float64(unix%86400) / 3600 }

// bump is a bell around the hour at, that wide, over a day that closes on
// itself.
func bump(h, at, wide float64) float64 {
	d := math.Abs(h - at)
	d = min(d, 24-d)
	return math.Exp(-d * d / (2 * wide * wide))
}

// weekend says whether the instant lies on a Saturday or Sunday.
func weekend(unix int64) bool { return (unix/86400+3)%7 >= 5 } // 1 January 1970 was a Thursday

// start is midnight UTC of a date, in seconds.
func start(year, month, day int) int64 {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix()
}

// round keeps so many decimals: instruments do not say more.
func round(v float64, decimals int) float64 {
	p := math.Pow10(decimals)
	return math.Round(v*p) / p
}
