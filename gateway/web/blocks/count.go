package blocks

import (
	"math/big"
	"regexp"
	"strings"
)

var (
	// grouped is a number as people write it: 10,000, 10.000 or 10 000.
	grouped = regexp.MustCompile(`^[1-9][0-9]{0,2}([,. '\x{a0}\x{202f}\x{2019}][0-9]{3})+$`)
	// sized is a number of bytes with a unit: 10 GB, 1.5 TB or 1,5 To.
	sized = regexp.MustCompile(`(?i)^([0-9]+)(?:[.,]([0-9]{1,2}))?[ \x{a0}\x{202f}]?([kmgtp])[bo]$`)
)

// count reads a number above 0 that was typed: with signs between its thousands, and of bytes with a unit of thousands.
func count(typed string, bytes bool) (n int64, ok bool) {
	s := strings.TrimSpace(typed)
	if grouped.MatchString(s) {
		s = strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	}
	value := new(big.Rat)
	unit := sized.FindStringSubmatch(s)
	switch {
	case unit != nil && bytes:
		value.SetString(unit[1] + "." + unit[2] + "0")
		for range 1 + strings.Index("kmgtp", strings.ToLower(unit[3])) {
			value.Mul(value, big.NewRat(1000, 1))
		}
	case s != "" && strings.Trim(s, "0123456789") == "":
		value.SetString(s)
	}
	if !value.IsInt() || !value.Num().IsInt64() || value.Sign() <= 0 {
		return 0, false
	}
	return value.Num().Int64(), true
}
