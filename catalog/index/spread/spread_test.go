package spread

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"guichet/schemas"
)

// said writes a facet in a line.
func said(f schemas.Facet) string {
	var out []string
	for _, v := range f.Values {
		out = append(out, fmt.Sprintf("%s:%d", v.Value, v.Count))
	}
	return strings.Join(append(out, fmt.Sprintf("+%d", f.Remainder)), " ")
}

// span is one in days.
type span [2]int32

func times(now int, hits ...[]span) schemas.Facet {
	t := NewTimes(now)
	for _, h := range hits {
		t.Hit()
		var from, until []int32
		for _, s := range h {
			from, until = append(from, s[0]), append(until, s[1])
		}
		t.Add(from, until)
	}
	return t.Facet()
}

// Periods are as short as there is room for, and a hit counts once in each.
func TestTimes(t *testing.T) {
	t.Parallel()
	year := func(a, b int32) span { return span{a*10000 + 101, b*10000 + 1231} }
	for name, x := range map[string]struct {
		got  schemas.Facet
		want string
	}{
		"nothing":  {times(2026), "+0"},
		"untimed":  {times(2026, nil, nil), "+2"},
		"years":    {times(2026, []span{year(2000, 2001)}, []span{year(2001, 2002)}, nil), "2000/2000:1 2001/2001:2 2002/2002:1 +1"},
		"gap":      {times(2026, []span{year(2000, 2000), year(2002, 2002)}), "2000/2000:1 2001/2001:0 2002/2002:1 +0"},
		"one year": {times(2026, []span{{20000101, 20000201}, {20000301, 20000401}}), "2000/2000:1 +0"},
		"ongoing":  {times(2003, []span{{20010101, math.MaxInt32}}), "2001/2001:1 2002/2002:1 2003/2003:1 +0"},
		"ongoing and planned": {times(2003, []span{{20020101, math.MaxInt32}}, []span{year(2004, 2004)}),
			"2002/2002:1 2003/2003:1 2004/2004:2 +0"},
		"no beginning": {times(2003, []span{{0, 20010101}}), "../2000:1 2001/2001:1 +0"},
		"decades":      {times(2026, []span{year(1843, 2026)}, []span{year(1991, 1993), year(1998, 1998)}), "1840/1849:1 1850/1859:1 1860/1869:1 1870/1879:1 1880/1889:1 1890/1899:1 1900/1909:1 1910/1919:1 1920/1929:1 1930/1939:1 1940/1949:1 1950/1959:1 1960/1969:1 1970/1979:1 1980/1989:1 1990/1999:2 2000/2009:1 2010/2019:1 2020/2029:1 +0"},
	} {
		if got := said(x.got); got != x.want {
			t.Errorf("%s: %s; want %s", name, got, x.want)
		}
	}
	var many [][]span
	for range 500 {
		many = append(many, []span{year(2000, 2003)})
	}
	got := said(times(2026, append(many, []span{year(12, 12)}, []span{year(9999, 9999)})...))
	if got != "../1999:1 2000/2000:500 2001/2001:500 2002/2002:500 2003/2003:500 2004/..:1 +0" {
		t.Errorf("errors in descriptions: %s", got)
	}
}

// Every period has as many hits as overlap it.
func TestTimesAreExact(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		var hits [][]span
		for range 1 + r.IntN(60) {
			var h []span
			at := int32(1000 + r.IntN(900))
			for range r.IntN(4) {
				end := at + int32(r.IntN(1+n))
				h = append(h, span{at*10000 + 101, end*10000 + 1231})
				at = end + 1 + int32(r.IntN(30))
			}
			hits = append(hits, h)
		}
		for _, v := range times(2026, hits...).Values {
			var a, b int32
			if _, err := fmt.Sscanf(v.Value, "%d/%d", &a, &b); err != nil {
				a, b = 0, 9999
				_, _ = fmt.Sscanf(strings.ReplaceAll(v.Value, "..", ""), "%d/", &a)
				_, _ = fmt.Sscanf(strings.ReplaceAll(v.Value, "..", ""), "/%d", &b)
			}
			want := 0
			for _, h := range hits {
				for _, s := range h {
					if s[0]/10000 <= b && a <= s[1]/10000 {
						want++
						break
					}
				}
			}
			if v.Count != want {
				t.Fatalf("%d: %s has %d, want %d", n, v.Value, v.Count, want)
			}
		}
	}
}

func places(look *Box, hits ...Box) schemas.Facet {
	p := NewPlaces(look)
	for _, b := range hits {
		p.Hit()
		p.Add(b)
	}
	p.Hit() // one that says no place
	return p.Facet()
}

// Cells are as small as there is room for.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		got  schemas.Facet
		want string
	}{
		"nothing":     {places(nil), "+1"},
		"a point":     {places(nil, Box{4.5, 50.5, 4.5, 50.5}), "4,50,5,51:1 +1"},
		"a corner":    {places(nil, Box{4, 50, 4, 50}), "4,50,5,51:1 +1"},
		"the pole":    {places(&Box{-180, 80, 180, 90}, Box{180, 90, 180, 90}), "160,70,180,90:1 +1"},
		"whole cells": {places(&Box{0, 40, 20, 60}, Box{0, 40, 10, 50}), "0,48,2,50:1 2,48,4,50:1 4,48,6,50:1 6,48,8,50:1 8,48,10,50:1 0,46,2,48:1 2,46,4,48:1 4,46,6,48:1 6,46,8,48:1 8,46,10,48:1 0,44,2,46:1 2,44,4,46:1 4,44,6,46:1 6,44,8,46:1 8,44,10,46:1 0,42,2,44:1 2,42,4,44:1 4,42,6,44:1 6,42,8,44:1 8,42,10,44:1 0,40,2,42:1 2,40,4,42:1 4,40,6,42:1 6,40,8,42:1 8,40,10,42:1 +1"},
		"the world":   {places(&Box{-180, -90, 180, 90}, Box{-180, -90, 180, 90}), ""},
		"date line":   {places(&Box{170, -20, -170, -10}, Box{179, -19, -179, -18}), "160,-20,180,0:1 -180,-20,-160,0:1 +1"},
	} {
		got := said(x.got)
		switch name {
		case "the world":
			if len(x.got.Values) != 18*9 || x.got.Values[0].Value != "-180,70,-160,90" {
				t.Errorf("%s: %s", name, got)
			}
		case "date line":
			if len(x.got.Values) != 2 {
				t.Errorf("%s: %s", name, got)
			}
		default:
			if got != x.want {
				t.Errorf("%s: %s; want %s", name, got, x.want)
			}
		}
	}
	var many []Box
	for i := range 300 {
		many = append(many, Box{4 + float64(i%3), 50, 4.5 + float64(i%3), 50.5})
	}
	f := places(nil, append(many, Box{-180, -90, 180, 90}, Box{100, -30, 101, -29})...)
	if first := f.Values[0]; !strings.HasPrefix(first.Value, "-1,") || len(f.Values) > mostWide*mostHigh {
		t.Errorf("the map does not look at where the hits are: %s", said(f))
	}
	f = places(nil, Box{5.8, 47.2, 28.3, 59.7}) // all of it is seen, and not its middle alone
	if first, last := f.Values[0].Value, f.Values[len(f.Values)-1].Value; first != "4,58,6,60" || last != "28,46,30,48" {
		t.Errorf("of a large area the map shows %s to %s", first, last)
	}
}

// Every cell has as many hits as lie in it.
func TestPlacesAreExact(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 100 {
		var hits []Box
		for range 1 + r.IntN(40) {
			west, south := float64(r.IntN(360)-180)+r.Float64(), float64(r.IntN(180)-90)+r.Float64()
			b := Box{west, south, min(west+r.Float64()*float64(n), 180), min(south+r.Float64()*20, 90)}
			if r.IntN(10) == 0 {
				b.West, b.East = b.East, b.West // across the date line
			}
			hits = append(hits, b)
		}
		var look *Box
		if n%2 == 0 {
			look = &Box{-30, 20, 60, 70}
		}
		for _, v := range places(look, hits...).Values {
			var c [4]float64
			if _, err := fmt.Sscanf(v.Value, "%g,%g,%g,%g", &c[0], &c[1], &c[2], &c[3]); err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, b := range hits {
				over := b.West < c[2] && c[0] < b.East
				if b.West > b.East {
					over = b.West < c[2] || c[0] < b.East
				}
				if over && b.South < c[3] && c[1] < b.North {
					want++
				}
			}
			if v.Count != want {
				t.Fatalf("%d: %s has %d, want %d", n, v.Value, v.Count, want)
			}
		}
	}
}

// A million hits are counted in little time.
func BenchmarkSpread(b *testing.B) {
	for b.Loop() {
		t, p := NewTimes(2026), NewPlaces(nil)
		for i := range 1_000_000 {
			y := int32(1990 + i%30)
			t.Hit()
			t.Add([]int32{y * 10000}, []int32{(y + 3) * 10000})
			p.Hit()
			p.Add(Box{float64(i % 30), 40 + float64(i%20), float64(i%30) + 2, 42 + float64(i%20)})
		}
		if len(t.Facet().Values) == 0 || len(p.Facet().Values) == 0 {
			b.Fatal("nothing is counted")
		}
	}
}

// Degrees and days at the ends of what there is.
func TestEnds(t *testing.T) {
	t.Parallel()
	for _, b := range []Box{
		{-180, -90, -180, -90},
		{180, 90, 180, 90},
		{-180, -90, 180, 90},
		{180, -90, -180, 90},
		{0, 0, 0, 0},
		{500, 500, 500, 500},
		{math.NaN(), math.NaN(), math.NaN(), math.NaN()},
	} {
		for _, look := range []*Box{nil, {-180, -90, 180, 90}, {179, 89, 180, 90}, {170, 0, -170, 10}, {0, 0, 0, 0}} {
			f := places(look, b)
			for _, v := range f.Values {
				if v.Count != 1 {
					t.Errorf("%v on %v: %s", b, look, said(f))
				}
			}
			if f.Remainder != 1 || len(f.Values) > 36*18 {
				t.Errorf("%v on %v: %s", b, look, said(f))
			}
		}
	}
	for _, s := range []span{{-5, -1}, {0, math.MaxInt32 - 1}, {99991231, 99991231}, {math.MaxInt32, math.MaxInt32}} {
		f := times(2026, []span{s})
		if f.Remainder != 0 || len(f.Values) > mostPeriods*3 {
			t.Errorf("%v: %s", s, said(f))
		}
	}
}
