// Package chart lays out the pictures of pages: bars, shaded cells, and boxes with lines from one to the next, each with
// its title, a sentence that says what it shows, and its table.
//
// In: counts and names of the API's answers. Out: shapes of an SVG that the server draws, and the rows of the
// table behind it. Always: text of others stands in boxes and tables alone, where templates cut it and make
// it harmless; what a picture says, its table says too. It must not ask for counts.
package chart

import (
	"math"
	"strconv"

	"guichet/gateway/web/words"
)

// The size of a picture of bars, in its own units.
const (
	width  = 240
	height = 48
)

// Picture is one, with the table behind it.
type Picture struct {
	Title    string
	Sentence string
	Notes    []string // what else there is to say of it
	Of       string   // what the rows are, as the head of the table's first column
	Count    string   // what is counted
	Bars     []Bar
	From, To string // what stands below the ends of the picture; "" for nothing
	Rows     []Row
}

// Bar is a rectangle of it. One that is open holds what lies beyond it too.
type Bar struct {
	X, Y, W, H string
	Open       bool
	To         string // where it leads
	Label      string // what it is, where it leads somewhere
}

// Row is a row of the table.
type Row struct {
	Label string
	Count int64
	Share string // of all; "" where that says nothing
	To    string
	Taken bool // it leads back
}

// say writes a place in a picture.
func say(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }

// bar stands on the ground of a picture, from x on.
func bar(x, w, share float64) Bar {
	h := max(share*height, 0)
	if share > 0 {
		h = max(h, 1) // what is there is seen
	}
	return Bar{X: say(x), W: say(max(w, 0.5)), Y: say(height - h), H: say(h)}
}

// even lays out bars of equal width.
func even(counts []int64) []Bar {
	most := int64(1)
	for _, n := range counts {
		most = max(most, n)
	}
	step := float64(width) / float64(max(len(counts), 1))
	gap := min(1.5, step/4)
	var out []Bar
	for i, n := range counts {
		out = append(out, bar(float64(i)*step, step-gap, float64(n)/float64(most)))
	}
	return out
}

// share writes a part of a whole.
func share(r *words.Reader, part, whole int64) string {
	if whole <= 0 {
		return ""
	}
	return r.Share(float64(part) / float64(whole))
}
