package page

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ring is an outline of land: tenths of a degree, east and south.
type ring [][2]int

// coasts reads the outlines of the map, which its path says as where each begins and how far it is from point to point.
func coasts(t *testing.T) (out []ring) {
	t.Helper()
	b, err := files.ReadFile("static/land.svg")
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(string(b), ` d="`)
	path, _, _ = strings.Cut(path, `"`)
	number := regexp.MustCompile(`-?\d+`)
	for sub := range strings.SplitSeq(strings.TrimPrefix(path, "M"), "M") {
		start, steps, relative := strings.Cut(sub, "l")
		at := number.FindAllString(start, -1)
		if len(at) != 2 || !relative || !strings.HasSuffix(sub, "z") {
			t.Fatalf("this outline is of another form: %.60s", sub)
		}
		x, y := whole(t, at[0]), whole(t, at[1])
		r := ring{{x, y}}
		by := number.FindAllString(steps, -1)
		for i := 0; i+1 < len(by); i += 2 {
			x, y = x+whole(t, by[i]), y+whole(t, by[i+1])
			r = append(r, [2]int{x, y})
		}
		out = append(out, r)
	}
	return out
}

func whole(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// holds says whether a place lies in the outline.
func (r ring) holds(x, y int) (in bool) {
	for i, a := range r {
		b := r[(i+1)%len(r)]
		if (a[1] > y) != (b[1] > y) && float64(x) < float64(a[0])+float64((b[0]-a[0])*(y-a[1]))/float64(b[1]-a[1]) {
			in = !in
		}
	}
	return in
}

// TestLand: land is where land is, and no outline that crosses the date line is closed across the map.
func TestLand(t *testing.T) {
	t.Parallel()
	all := coasts(t)
	for i, r := range all {
		for k, a := range r {
			b := r[(k+1)%len(r)]
			if far := max(a[0]-b[0], b[0]-a[0]); far > 1800 && (a[1] != 900 || b[1] != 900) {
				t.Errorf("outline %d goes across the map: from %v to %v", i, a, b)
			}
			if max(a[0], -a[0]) > 1800 || max(a[1], -a[1]) > 900 {
				t.Errorf("outline %d leaves the map at %v", i, a)
			}
		}
	}
	for _, c := range []struct {
		name        string
		east, north int // degrees
		land        bool
	}{
		{"the Greenland Sea", -5, 75, false},
		{"the Barents Sea", 35, 73, false},
		{"Baffin Bay", -65, 73, false},
		{"the Beaufort Sea", -140, 71, false},
		{"the Kara Sea", 65, 70, false},
		{"the Laptev Sea", 125, 75, false},
		{"the Arctic Ocean", 100, 84, false},
		{"the Atlantic", -30, 30, false},
		{"the Weddell Sea", -40, -70, false},
		{"Wrangel Island, west of the line", 179, 71, true},
		{"Chukotka, west of the line", 175, 67, true},
		{"Chukotka, east of the line", -175, 67, true},
		{"France", 2, 47, true},
		{"Greenland", -40, 75, true},
		{"Siberia", 100, 65, true},
		{"Antarctica", 60, -75, true},
		{"the South Pole", 0, -89, true},
		{"the Ross ice, near the line", 179, -86, true},
	} {
		n := 0
		for _, r := range all {
			if r.holds(c.east*10, -c.north*10) {
				n++
			}
		}
		if (n > 0) != c.land {
			t.Errorf("%s lies in %d outlines", c.name, n)
		}
	}
}
