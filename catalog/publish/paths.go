package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"guichet/catalog/publish/listing"
	"guichet/connectors/sandbox"
	"guichet/schemas"
)

// asked is a publication with what was found when its prefixes were listed.
type asked struct {
	schemas.Publication
	Left  []listing.Left       `json:"left_out,omitempty"`
	Roots map[string][]string  `json:"roots,omitempty"` // of a table by its name: columns stand in the folders below these
	Said  []schemas.FieldError `json:"said,omitempty"`
}

// root notes below which folder the columns of a split's paths begin: below the prefix
// that the publication names, or below the provider's own prefix where it names keys. What
// is added to a version has the columns of its table, also where they stand in the
// publication's prefix itself. key is an object of the split.
func (pub *Publisher) root(ctx context.Context, by schemas.Principal, p *asked, base *schemas.Version, table, prefix, key string) error {
	if p.Uploaded {
		return nil // uploaded files lie in no folders of their provider's
	}
	own, err := pub.Prefix(ctx, by.Participant, p.Store, p.Bucket, key)
	if err != nil {
		return err
	}
	root := own
	if len(prefix) > len(own) {
		root = prefix
		above, at := []string{}, len(own)
		for folder := range strings.SplitAfterSeq(prefix[len(own):], "/") {
			columns, err := sandbox.PathColumns(folder)
			if err != nil || len(columns) == 0 { // what is no column above is no fault
				at += len(folder)
				continue
			}
			if len(root) == len(prefix) && hasColumn(base, table, columns[0].Name) {
				root = prefix[:at]
			}
			at += len(folder)
			above = append(above, strings.TrimSuffix(folder, "/"))
		}
		if len(above) > 0 && root == prefix {
			p.Said = append(
				p.Said,
				schemas.FieldError{
					Pointer: prefix,
					Message: fmt.Sprintf(
						"columns of paths are those of the folders below this prefix; it has itself, as no column, %s: publish the folder above to have it",
						strings.Join(above, ", ")),
				},
			)
		}
	}
	if p.Roots == nil {
		p.Roots = map[string][]string{}
	}
	if !slices.Contains(p.Roots[table], root) {
		p.Roots[table] = append(p.Roots[table], root)
	}
	return nil
}

// hasColumn says whether a table of a version has a column.
func hasColumn(base *schemas.Version, table, name string) bool {
	if base == nil {
		return false
	}
	i := slices.IndexFunc(base.Data, func(t schemas.Table) bool { return t.Name == table })
	return i >= 0 && slices.ContainsFunc(base.Data[i].Columns, func(c schemas.TableColumn) bool { return c.Name == name })
}

// columnsIn reads the columns that stand in the path of an object of a table. Errors:
// Invalid.
func (p *asked) columnsIn(table, key string) ([]sandbox.PathColumn, error) {
	return sandbox.PathColumns(key[len(p.rootOf(table, key)):])
}

// rootOf is the folder below which an object's path is its table's own.
func (p *asked) rootOf(table, key string) (longest string) {
	for _, root := range p.Roots[table] {
		if strings.HasPrefix(key, root) && len(root) > len(longest) {
			longest = root
		}
	}
	return longest
}

// withoutPaths leaves the columns of paths out where the base's table has none of them: it
// was published when they were not read, and its rows have no value for them.
func (p *publication) withoutPaths(tr *tableReading) {
	if tr.t.Schema == nil || len(tr.paths) == 0 || len(tr.paths[0]) == 0 {
		return
	}
	for _, c := range tr.paths[0] {
		if slices.ContainsFunc(tr.t.Columns, func(have schemas.TableColumn) bool { return have.Name == c.Name }) {
			return
		}
	}
	p.version.Notes = append(
		p.version.Notes,
		schemas.FieldError{
			Pointer: tr.t.Name,
			Message: fmt.Sprintf(
				"columns of the paths are left out, as version %s has none of them: %s; publish a whole version to have them",
				p.ask.Base, namesOf(tr.paths[0])),
		},
	)
	for i := range tr.paths {
		tr.paths[i] = nil
	}
}

// checkPaths holds the paths of a table's objects against each other: either all have
// the same columns in them, or none has. Errors: Invalid.
func checkPaths(d *schemas.Dataset, p *asked, t *schemas.PublicationTable, at string) error {
	var first []sandbox.PathColumn
	var whose string
	for j := range t.Splits {
		for k, key := range t.Splits[j].Keys {
			columns, err := p.columnsIn(t.Name, key)
			where := fmt.Sprintf("%s/splits/%d/keys/%d", at, j, k)
			if e, ok := errors.AsType[*schemas.Error](err); ok {
				return schemas.BadField("publication", where, "%s: %s", asUploaded(d, key), e.Message)
			}
			if whose == "" {
				first, whose = columns, key
			}
			if !slices.EqualFunc(first, columns, func(a, b sandbox.PathColumn) bool { return a.Name == b.Name }) {
				return schemas.BadField("publication", where,
					"the path of %s has the columns %s, that of %s %s; the objects of a table have the same ones", asUploaded(d, key),
					namesOf(columns), asUploaded(d, whose), namesOf(first))
			}
		}
	}
	return nil
}

// namesOf names the columns of a path in a message.
func namesOf(columns []sandbox.PathColumn) string {
	if len(columns) == 0 {
		return "none"
	}
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].Name
	}
	return strings.Join(names, ", ")
}
