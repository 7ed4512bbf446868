package index

import (
	"time"

	"guichet/catalog/index/segment"
	"guichet/catalog/index/spread"
	"guichet/schemas"
)

// covered counts what the hits of a search cover, as far as that is asked for.
type covered struct {
	times  *spread.Times
	places *spread.Places
}

// newCovered counts what a query that was built asks for.
func newCovered(q *Query) *covered {
	c := &covered{}
	for _, name := range q.spread {
		if name == spread.Time {
			c.times = spread.NewTimes(time.Now().UTC().Year())
			continue
		}
		var look *spread.Box
		if m, err := boxOf(q.Box); err == nil {
			b := boxIn(m.From, m.To)
			look = &b
		}
		c.places = spread.NewPlaces(look)
	}
	return c
}

// boxIn is a box as it is counted.
func boxIn(from, to segment.Degrees) spread.Box {
	return spread.Box{West: float64(from.Lon), South: float64(from.Lat), East: float64(to.Lon), North: float64(to.Lat)}
}

// covers takes what each hit covers; nil where nobody asks.
func (c *covered) covers() segment.Covers {
	if c.times == nil && c.places == nil {
		return nil
	}
	return func(from, until []int32, west, east []segment.Degrees) {
		if c.times != nil {
			c.times.Hit()
			c.times.Add(from, until)
		}
		if c.places != nil {
			c.places.Hit()
			if len(west) > 0 { // a dataset has one area
				c.places.Add(boxIn(west[0], east[0]))
			}
		}
	}
}

// facets adds the counts to the others.
func (c *covered) facets(out map[string]schemas.Facet) {
	if c.times != nil {
		out[spread.Time] = c.times.Facet()
	}
	if c.places != nil {
		out[spread.Place] = c.places.Facet()
	}
}
