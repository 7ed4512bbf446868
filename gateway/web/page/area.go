package page

import (
	"fmt"
	"strconv"
)

// mapShown is an area on a map of the world: plate carrée, x of east and y of south in degrees.
type mapShown struct {
	West, South, East, North string
	View                     string // the part of the world that is shown
	Boxes                    []boxShown
}

// boxShown is a rectangle on it.
type boxShown struct{ X, Y, W, H string }

// area draws a box of west, south, east and north; nil for none. One that crosses the date line is two.
func area(box []float64) *mapShown {
	if len(box) != 4 {
		return nil
	}
	say := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	west, south, east, north := box[0], box[1], box[2], box[3]
	m := &mapShown{West: say(west), South: say(south), East: say(east), North: say(north)}
	rect := func(w, e float64) {
		m.Boxes = append(m.Boxes, boxShown{say(w), say(-north), say(max(e-w, 0.1)), say(max(north-south, 0.1))})
	}
	if west > east {
		rect(west, 180)
		rect(-180, east)
		m.View = "-180 -90 360 180"
		return m
	}
	rect(west, east)
	width := min(max((east-west)*2, (north-south)*4, 40), 360) // twice as wide as high
	x := min(max((west+east)/2-width/2, -180), 180-width)
	y := min(max(-(north+south)/2-width/4, -90), 90-width/2)
	m.View = fmt.Sprintf("%s %s %s %s", say(x), say(y), say(width), say(width/2))
	return m
}
