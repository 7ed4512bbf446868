package schemas

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Coarser is the step of two, as in Duty.To, whose values say nothing that those of the
// other do not: the longer time, the wider width where it is a multiple of the other,
// the fewer characters. It is false where neither is.
func Coarser(a, b string) (string, bool) {
	times := []string{"hour", "day", "month", "year"}
	x, y := slices.Index(times, a), slices.Index(times, b)
	if x >= 0 && y >= 0 {
		return times[max(x, y)], true
	}
	m, texts := strings.CutPrefix(a, "first:")
	n, both := strings.CutPrefix(b, "first:")
	if texts && both {
		i, err := strconv.Atoi(m)
		j, err2 := strconv.Atoi(n)
		return "first:" + strconv.Itoa(min(i, j)), err == nil && err2 == nil
	}
	if strings.Trim(a+b, "0123456789.") != "" { // a big exponent would take all memory
		return "", false
	}
	v, ok := new(big.Rat).SetString(a)
	w, ok2 := new(big.Rat).SetString(b)
	if !ok || !ok2 || v.Sign() <= 0 || w.Sign() <= 0 {
		return "", false
	}
	if v.Cmp(w) < 0 {
		a, v, w = b, w, v
	}
	return a, v.Quo(v, w).IsInt()
}
