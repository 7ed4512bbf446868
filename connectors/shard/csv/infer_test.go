package csv

import (
	"strings"
	"testing"
	"time"
)

// TestDays: days are judged by their characters as time.Parse judges them.
func TestDays(t *testing.T) {
	at := time.Date(-1, 12, 30, 0, 0, 0, 0, time.UTC)
	for at.Year() < 10_001 {
		s := at.Format("2006-01-02")
		want, err := time.Parse("2006-01-02", s)
		got, ok := day(s)
		if ok != (err == nil) || ok && int64(got)*86_400 != want.Unix() {
			t.Fatalf("%s: %d, %t", s, got, ok)
		}
		at = at.AddDate(0, 0, 1+at.YearDay()%11)
	}
	for _, s := range []string{"2023-02-29", "2024-02-30", "2024-00-10", "2024-13-01", "2024-04-31", "2024-1-01", "2024-01-00",
		"20240-1-01", "2024-01-0x", "+024-01-01"} {
		if _, ok := day(s); ok {
			t.Errorf("%s is a day", s)
		}
	}
	if _, ok := day("2024-02-29"); !ok {
		t.Error("the leap day is none")
	}
}

// TestPlainNumbers: what is judged by characters is judged as parsing judges it.
func TestPlainNumbers(t *testing.T) {
	c := Column{}
	for _, s := range []string{"0", "-0", "00", "1", "-1", "1.5", "1.50", ".5", "5.", "-.5", "0.5", "-0.5", "00.5",
		"123456789012345", "1234567890123456", "0.1", "1e5", "", "-", "1.2.3", "0.000001", "-0.0", "12345678901234.5"} {
		kind := plainNumber(s)
		if kind != 0 && (!plainly(s, 64) || (kind == plainInt) != !strings.Contains(s, ".")) {
			t.Errorf("%q is taken for %d", s, kind)
		}
		c.See(s+"x", 1)
	}
	if c.Seen.Not&aKind != aKind {
		t.Error("texts are numbers")
	}
}
