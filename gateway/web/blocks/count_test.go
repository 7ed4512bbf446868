package blocks

import "testing"

// Numbers are read as the site itself writes them; what could be two numbers is none.
func TestCount(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]int64{
		"1": 1, "10000": 10_000, "10,000": 10_000, "10.000": 10_000, " 10 000 ": 10_000, "1\u202f000\u202f000": 1_000_000, "007": 7,
		"10 GB": 10_000_000_000, "1.5 TB": 1_500_000_000_000, "1,5 To": 1_500_000_000_000, "3kB": 3_000,
		"0": 0, "": 0, "-5": 0, "10,00": 0, "1,5": 0, "many": 0, "10 GiB": 0, "0.001 kB": 0, "99999999999999999999": 0, "9999999 PB": 0,
	} {
		n, ok := count(typed, true)
		if n != want || ok != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", typed, n, ok, want)
		}
	}
	if n, ok := count("10 GB", false); ok {
		t.Errorf("10 GB are %d rows", n)
	}
}
