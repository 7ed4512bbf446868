package schemas

import "testing"

func TestCoarser(t *testing.T) {
	for _, x := range []struct{ a, b, want string }{
		{"day", "year", "year"}, {"month", "hour", "month"}, {"day", "day", "day"},
		{"10", "100", "100"}, {"0.5", "0.1", "0.5"}, {"10", "10", "10"}, {"10", "15", ""}, {"0.3", "0.2", ""},
		{"first:3", "first:2", "first:2"}, {"first:3", "10", ""}, {"year", "10", ""}, {"10", "first:3", ""}, {"", "10", ""}, {"-10", "10", ""}, {"1e999999999", "10", ""},
	} {
		for _, p := range [][2]string{{x.a, x.b}, {x.b, x.a}} {
			got, ok := Coarser(p[0], p[1])
			if ok != (x.want != "") || ok && got != x.want {
				t.Errorf("%s and %s: %q, %t", p[0], p[1], got, ok)
			}
		}
	}
}
