package listing

import (
	"fmt"
	"path"
	"slices"

	"guichet/connectors/media"
	"guichet/schemas"
)

// Apart is the tables of a publication, each of rows or of objects.
type Apart struct {
	Tables []schemas.PublicationTable
	From   map[string]string    // tables of objects that were made: of which table's files
	Notes  []schemas.FieldError // what was decided
}

// Separate makes a table of their own of the files that are objects by their names, where
// nothing is said of a table: rows and objects are never of one table. hasRows says whether a
// table had rows before. Errors: Invalid.
func Separate(tables []schemas.PublicationTable, hasRows func(table string) bool) (Apart, error) {
	out := Apart{From: map[string]string{}}
	for i, t := range tables {
		rows, objects := parted(&t)
		n := count(objects.Splits)
		if t.Objects || n == 0 {
			out.Tables = append(out.Tables, t)
			continue
		}
		note := func(format string, args ...any) {
			out.Notes = append(out.Notes, schemas.FieldError{Pointer: t.Name, Message: fmt.Sprintf(format, args...)})
		}
		first := path.Base(objects.Splits[0].Keys[0])
		if len(rows.Splits) == 0 && !hasRows(t.Name) {
			note("all of its files are objects by their names, such as %s: they are given as they are, whole or not at all", first)
			t.Objects = true
			out.Tables = append(out.Tables, t)
			continue
		}
		if !schemas.IsSlug(objects.Name) || slices.ContainsFunc(tables, func(o schemas.PublicationTable) bool { return o.Name == objects.Name }) {
			return out, schemas.BadField("publication", fmt.Sprintf("/tables/%d", i), "the table %s has files with rows and files that are "+
				"objects by their names, such as %s: name a table for each, the latter with objects: true", t.Name, first)
		}
		note("%d of its files are objects by their names, such as %s: they are the table %s, given as they are, whole or not at all",
			n, first, objects.Name)
		out.From[objects.Name] = t.Name
		if len(rows.Splits) > 0 {
			out.Tables = append(out.Tables, rows)
		}
		out.Tables = append(out.Tables, objects)
	}
	return out, nil
}

// parted gives a table's files with rows, and those that are objects by their names, each with
// the splits that have any.
func parted(t *schemas.PublicationTable) (rows, objects schemas.PublicationTable) {
	rows, objects = schemas.PublicationTable{Name: t.Name}, schemas.PublicationTable{Name: t.Name + "-files", Objects: true}
	for _, s := range t.Splits {
		is, not := schemas.PublicationSplit{Name: s.Name}, schemas.PublicationSplit{Name: s.Name}
		for _, key := range s.Keys {
			if media.IsNamed(key) {
				is.Keys = append(is.Keys, key)
			} else {
				not.Keys = append(not.Keys, key)
			}
		}
		if len(is.Keys) > 0 {
			objects.Splits = append(objects.Splits, is)
		}
		if len(not.Keys) > 0 {
			rows.Splits = append(rows.Splits, not)
		}
	}
	return rows, objects
}

// count counts the keys of splits.
func count(splits []schemas.PublicationSplit) (n int) {
	for _, s := range splits {
		n += len(s.Keys)
	}
	return n
}
