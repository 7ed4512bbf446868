package catalog

import (
	"github.com/maypok86/otter/v2"

	"guichet/schemas"
)

// mostTold bounds the datasets whose profiles and quality are remembered; each takes some kilobytes.
const mostTold = 4096

// revision is a dataset as it was stored: what is checked of it is always the same.
type revision struct {
	id schemas.DatasetID
	n  int64
}

// told is what the shapes say of one.
type told struct {
	profiles schemas.Profiled
	quality  schemas.Quality
	is       [2]bool // which of both there is
}

func newTold() *otter.Cache[revision, told] {
	return otter.Must(&otter.Options[revision, told]{MaximumSize: mostTold})
}

// TellStored is TellProfiles of a dataset as it was read from the database: checking it again and again would take longer
// than all else of an answer about it.
func (c *Catalog) TellStored(d *schemas.Dataset) {
	key := revision{d.ID, d.Revision}
	if c.told == nil || d.Withdrawn || d.Revision == 0 {
		c.TellProfiles(d)
		return
	}
	have, is := c.told.GetIfPresent(key)
	if !is {
		c.TellProfiles(d)
		if d.Profiles != nil {
			have.profiles, have.is[0] = *d.Profiles, true
		}
		if d.Quality != nil {
			have.quality, have.is[1] = *d.Quality, true
		}
		c.told.Set(key, have)
	}
	d.Profiles, d.Quality, d.Facts = nil, nil, nil
	if have.is[0] {
		d.Profiles = &have.profiles
	}
	if have.is[1] {
		d.Quality = &have.quality
	}
}
