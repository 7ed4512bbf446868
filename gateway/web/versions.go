package web

import (
	"net/url"
	"slices"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// change is what a version has that the one before had not, and the other way round.
type change struct {
	Rows        int64    // more rows; fewer when below 0
	More, Fewer []string // columns, as TABLE.COLUMN, or whole tables
	Retyped     []string // columns of another type
	Since       schemas.VersionID
	Same        bool // the columns are the same, as far as the reader knows them
}

// Versions are immutable, so each comparison is of two manifests; only the newest are read, since each costs a call.

// compared is how many versions of a dataset are held against those before them.
const compared = 4

// changes holds the newest published versions against those before them, by their names.
func changes(v *page.Visit, body *datasetPage) (map[schemas.VersionID]change, error) {
	var published []schemas.VersionSummary
	for _, one := range body.Versions {
		if one.State == schemas.VersionPublished {
			published = append(published, one)
		}
	}
	slices.SortFunc(published, func(a, b schemas.VersionSummary) int { return b.Published.Compare(a.Published) })
	if len(published) < 2 {
		return nil, nil
	}
	published = published[:min(len(published), compared+1)]
	contents := make([]*content, len(published))
	for i, one := range published {
		if body.newest != nil && one.Version == body.Latest.Version { // read already
			contents[i] = body.newest
			continue
		}
		var c content
		err := v.API.Get(v.Ctx(), "/datasets/"+v.Param()+"/versions/"+url.PathEscape(string(one.Version)), &c)
		switch kind := schemas.KindOf(err); {
		case err == nil:
			contents[i] = &c
		case kind != schemas.Denied && kind != schemas.NotFound && kind != schemas.Gone:
			return nil, err
		}
	}
	out := map[schemas.VersionID]change{}
	for i := range len(published) - 1 {
		newer, older := published[i], published[i+1]
		c := change{Since: older.Version}
		if newer.Rows > 0 && older.Rows > 0 { // else they are hidden from the reader
			c.Rows = newer.Rows - older.Rows
		}
		if contents[i] != nil && contents[i+1] != nil {
			c.hold(contents[i], contents[i+1])
		}
		out[newer.Version] = c
	}
	return out, nil
}

// hold compares tables and columns.
func (c *change) hold(newer, older *content) {
	now, then := columnsOf(newer), columnsOf(older)
	for name, typ := range now {
		was, there := then[name]
		switch {
		case !there:
			c.More = append(c.More, name)
		case was != typ:
			c.Retyped = append(c.Retyped, name)
		}
	}
	for name := range then {
		if _, there := now[name]; !there {
			c.Fewer = append(c.Fewer, name)
		}
	}
	slices.Sort(c.More)
	slices.Sort(c.Fewer)
	slices.Sort(c.Retyped)
	c.Same = len(c.More)+len(c.Fewer)+len(c.Retyped) == 0
}

// columnsOf gives types by TABLE.COLUMN, and of each table by its name.
func columnsOf(c *content) map[string]string {
	out := map[string]string{}
	for _, t := range c.Data {
		out[t.Name] = ""
		for _, column := range t.Columns {
			out[t.Name+"."+column.Name] = column.Type
		}
	}
	return out
}
