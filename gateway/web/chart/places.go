package chart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"guichet/gateway/web/words"
	"guichet/schemas"
)

// Map shades the cells of a map: plate carrée, x of east and y of south in degrees.
type Map struct {
	Picture
	View  string // the part of the world that is shown
	Cells []Cell
	Heads []string  // of the table, from west to east
	Lines []MapLine // from north to south
}

// Cell is one that is shaded, from 1, the least, to 5.
type Cell struct {
	Bar
	Shade int
}

// MapLine is a line of the table: the cells of some latitudes, nil where there is nothing.
type MapLine struct {
	Head  string
	Cells []*Row
}

// shades is how many there are.
const shades = 5

// Places shows how many hits cover each cell, of the facet of a search; nil where none says a place.
func Places(r *words.Reader, f schemas.Facet, narrow Narrow) *Map {
	m := &Map{Picture: Picture{Title: r.T("places.title"), Of: r.T("places.area"), Count: r.T("times.datasets")}}
	var at [][4]int
	least, most := 0, 0
	for _, v := range f.Values {
		box, ok := corners(v.Value)
		if !ok {
			continue
		}
		at = append(at, box)
		row := Row{Count: int64(v.Count), Label: r.T("places.cell", "South", latitude(r, box[1]), "North", latitude(r, box[3]),
			"West", longitude(r, box[0]), "East", longitude(r, box[2]))}
		row.To, row.Taken = narrow(map[string]string{"box": v.Value})
		m.Rows = append(m.Rows, row)
		if n := len(m.Rows) - 1; row.Count > m.Rows[most].Count {
			most = n
		} else if row.Count < m.Rows[least].Count {
			least = n
		}
	}
	if len(at) == 0 {
		return nil
	}
	spread := m.Rows[most].Count - m.Rows[least].Count
	for i, box := range at {
		shade := shades
		if spread > 0 {
			shade = 1 + int((m.Rows[i].Count-m.Rows[least].Count)*(shades-1)/spread)
		}
		m.Cells = append(m.Cells, Cell{Shade: shade, Bar: Bar{X: strconv.Itoa(box[0]), Y: strconv.Itoa(-box[3]),
			W: strconv.Itoa(box[2] - box[0]), H: strconv.Itoa(box[3] - box[1]), To: m.Rows[i].To, Label: m.Rows[i].Label}})
	}
	m.frame(at)
	m.table(r, at)
	m.Sentence = r.T("places.most", "Area", m.Rows[most].Label, "Datasets", r.T("datasets", "Count", m.Rows[most].Count))
	if f.Remainder > 0 {
		m.Notes = append(m.Notes, r.T("places.unsaid", "Count", f.Remainder))
	}
	return m
}

// frame shows what all cells lie in, twice as wide as high or less.
func (m *Map) frame(at [][4]int) {
	all := at[0]
	for _, b := range at {
		all = [4]int{min(all[0], b[0]), min(all[1], b[1]), max(all[2], b[2]), max(all[3], b[3])}
	}
	m.View = fmt.Sprintf("%d %d %d %d", all[0], -all[3], all[2]-all[0], all[3]-all[1])
}

// table lays the cells out as a map does.
func (m *Map) table(r *words.Reader, at [][4]int) {
	var wests, norths []int
	for _, b := range at {
		if !slices.Contains(wests, b[0]) {
			wests = append(wests, b[0])
		}
		if !slices.Contains(norths, b[3]) {
			norths = append(norths, b[3])
		}
	}
	slices.Sort(wests)
	slices.Sort(norths)
	slices.Reverse(norths)
	width := at[0][2] - at[0][0]
	for _, w := range wests {
		m.Heads = append(m.Heads, r.T("dist.to", "From", longitude(r, w), "Until", longitude(r, w+width)))
	}
	for _, n := range norths {
		line := MapLine{Head: r.T("dist.to", "From", latitude(r, n-width), "Until", latitude(r, n)), Cells: make([]*Row, len(wests))}
		for i, b := range at {
			if b[3] == n {
				line.Cells[slices.Index(wests, b[0])] = &m.Rows[i]
			}
		}
		m.Lines = append(m.Lines, line)
	}
}

// corners reads a box of whole degrees: west, south, east, north.
func corners(s string) (box [4]int, ok bool) {
	parts := strings.Split(s, ",")
	if len(parts) != len(box) {
		return box, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return box, false
		}
		box[i] = n
	}
	return box, box[0] < box[2] && box[1] < box[3]
}

func latitude(r *words.Reader, n int) string {
	switch {
	case n > 0:
		return r.T("places.north", "Degrees", n)
	case n < 0:
		return r.T("places.south", "Degrees", -n)
	}
	return "0°"
}

func longitude(r *words.Reader, n int) string {
	switch {
	case n > 0:
		return r.T("places.east", "Degrees", n)
	case n < 0:
		return r.T("places.west", "Degrees", -n)
	}
	return "0°"
}
