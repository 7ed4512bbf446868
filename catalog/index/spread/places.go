package spread

import (
	"math"
	"strconv"
	"strings"

	"guichet/schemas"
)

// The most cells of a map, from west to east and from south to north.
const (
	mostWide = 24
	mostHigh = 14
)

// wide is from which width on, in degrees, an area says nothing of where the map should look.
const wide = 60

// widths are those that cells may have, in degrees.
func widths() []int { return []int{1, 2, 5, 10, 20} }

// Box is an area in degrees; one whose west is east of its east crosses the date line.
type Box struct{ West, South, East, North float64 }

// area is a box in whole degrees, counted from the west and the south: those that it lies in, with
// both ends. Two bytes each: there are millions.
type area struct{ west, south, east, north int16 }

// Places counts cells. Not safe for concurrent use.
type Places struct {
	hits  int
	areas []area
	look  *Box // what the map is to show; nil: where the hits are
}

// NewPlaces counts nothing yet; look is the area that a search is narrowed to, nil for none.
func NewPlaces(look *Box) *Places { return &Places{look: look} }

// Hit counts a hit that says nothing of its place.
func (p *Places) Hit() { p.hits++ }

// Add counts the area that a hit covers.
func (p *Places) Add(b Box) {
	if b.West == 180 && b.East < 180 { // the same meridian
		b.West = -180
	}
	a := area{int16(cell(b.West+180, 360)), int16(cell(b.South+90, 180)), int16(last(b.East+180, 360)), int16(last(b.North+90, 180))}
	a.north = max(a.north, a.south)
	switch {
	case b.West <= b.East:
		a.east = max(a.east, a.west)
	case a.west <= a.east: // across the date line, and all around
		a.west, a.east = 0, 359
	}
	p.areas = append(p.areas, a)
}

// cell is the degree that a place lies in, and last the one that an area ends in.
func cell(at float64, all int) int { return min(max(int(math.Floor(at)), 0), all-1) }
func last(at float64, all int) int { return min(max(int(math.Ceil(at))-1, 0), all-1) }

// grid counts cells of a width, with one more row and column: what begins in a cell is added there,
// and taken away behind its end.
type grid struct {
	width, columns, rows int
	changes              []int32
}

func newGrid(width int) *grid {
	columns, rows := 360/width, 180/width
	return &grid{width, columns, rows, make([]int32, (columns+1)*(rows+1))}
}

func (g *grid) add(west, east, south, north int) {
	c, row := g.changes, g.columns+1
	c[south*row+west]++
	c[south*row+east+1]--
	c[(north+1)*row+west]--
	c[(north+1)*row+east+1]++
}

// count counts areas.
func (g *grid) count(areas []area) {
	w := g.width
	for _, a := range areas {
		west, south, east, north := int(a.west)/w, int(a.south)/w, int(a.east)/w, int(a.north)/w
		switch {
		case a.west <= a.east:
			g.add(west, east, south, north)
		case west <= east: // both ends lie in one cell
			g.add(0, g.columns-1, south, north)
		default:
			g.add(west, g.columns-1, south, north)
			g.add(0, east, south, north)
		}
	}
}

// Facet gives the cells that hits touch, from north to south and west to east, of the area in which the
// bulk of them lies: as small as a map has room for. Values are boxes as the filter takes them; the
// remainder says nothing of its place.
func (p *Places) Facet() schemas.Facet {
	f := schemas.Facet{Values: []schemas.FacetValue{}, Remainder: p.hits - len(p.areas)}
	if len(p.areas) == 0 {
		return f
	}
	look := p.where()
	var g *grid
	var west, south, east, north int
	for _, w := range widths() {
		west, east = cell(look.West+180, 360)/w, last(look.East+180, 360)/w
		south, north = cell(look.South+90, 180)/w, last(look.North+90, 180)/w
		g = newGrid(w)
		if east-west < mostWide && north-south < mostHigh {
			break
		}
	}
	g.count(p.areas)
	counts := g.counts()
	for y := north; y >= south; y-- {
		for x := west; x <= east; x++ {
			if n := counts[y*g.columns+x]; n > 0 {
				f.Values = append(f.Values, schemas.FacetValue{Value: box(x, y, g.width), Count: int(n)})
			}
		}
	}
	return f
}

// box writes a cell as the filter takes it.
func box(x, y, width int) string {
	var out []string
	for _, n := range []int{x*width - 180, y*width - 90, (x+1)*width - 180, (y+1)*width - 90} {
		out = append(out, strconv.Itoa(n))
	}
	return strings.Join(out, ",")
}

// counts are those of all cells, from the south-west on.
func (g *grid) counts() []int32 {
	out, above := make([]int32, g.columns*g.rows), make([]int32, g.columns)
	for y := range g.rows {
		n := int32(0)
		for x := range g.columns {
			above[x] += g.changes[y*(g.columns+1)+x]
			n += above[x]
			out[y*g.columns+x] = n
		}
	}
	return out
}

// where is what the map shows.
func (p *Places) where() Box {
	world := Box{-180, -90, 180, 90}
	if p.look != nil {
		if p.look.West >= p.look.East {
			return Box{-180, p.look.South, 180, p.look.North}
		}
		return *p.look
	}
	wests, easts, souths, norths, all := make([]int32, 360), make([]int32, 360), make([]int32, 180), make([]int32, 180), int32(0)
	for _, a := range p.areas {
		if a.west <= a.east && a.east-a.west < wide && a.north-a.south < wide {
			wests[a.west]++
			easts[a.east]++
			souths[a.south]++
			norths[a.north]++
			all++
		}
	}
	if all == 0 {
		return world
	}
	few := int32(float64(all) * outside)
	west, _ := bounds(wests, few)
	_, east := bounds(easts, few)
	south, _ := bounds(souths, few)
	_, north := bounds(norths, few)
	const around = 5.0 // degrees to see where it is
	return Box{
		max(float64(west)-180-around, -180), max(float64(south)-90-around, -90),
		min(float64(east+1)-180+around, 180), min(float64(north+1)-90+around, 90),
	}
}

// bounds are the first and the last of what is counted, but for a few at either end.
func bounds(of []int32, few int32) (first, last int) {
	last = len(of) - 1
	for n := of[first]; n <= few; n += of[first] {
		first++
	}
	for n := of[last]; n <= few; n += of[last] {
		last--
	}
	return first, last
}
