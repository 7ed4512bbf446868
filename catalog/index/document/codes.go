package document

import (
	"slices"
	"strings"

	"guichet/schemas"
)

// formats are the formats that filters find a dataset by: those of its links, and arrow
// where a version can be streamed.
func formats(d *schemas.Dataset) []string {
	var out []string
	objects := 0
	for i := range d.Tables {
		if !d.Tables[i].Objects {
			continue
		}
		objects++
		for _, media := range d.Tables[i].Media {
			if !slices.Contains(out, media) {
				out = append(out, media)
			}
		}
	}
	if d.Latest != nil && (objects < d.Latest.Tables) {
		out = append(out, "arrow")
	}
	for _, l := range d.Links {
		f := strings.ToLower(l.Format)
		if f != "" && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// seenBy lists who may see a restricted dataset.
func seenBy(d *schemas.Dataset) []string {
	out := []string{"p:" + string(d.Provider)}
	if d.AccessBody != "" {
		out = append(out, "p:"+string(d.AccessBody))
	}
	switch d.Visibility {
	case schemas.VisibleToSignedIn:
		out = append(out, "signed-in")
	case schemas.VisibleToListed:
		for _, p := range d.VisibleTo {
			out = append(out, "p:"+string(p))
		}
	}
	return out
}
