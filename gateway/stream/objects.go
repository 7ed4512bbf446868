package stream

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/policy"
	"guichet/policy/view"
	"guichet/schemas"
)

// Object finds one object that a grant covers, by its name; nil where the grant is for a table
// of rows. Errors: Invalid (table, split, columns), Denied, NotFound.
func (e *Engine) Object(ctx context.Context, g policy.Grant, name string) (*file.File, error) {
	if !g.Valid() {
		return nil, errors.New("open an object: the grant did not come from policy.Authorize")
	}
	w, a := g.Asked(), g.Agreement()
	v, err := e.version(ctx, a.Dataset, w.Version)
	if err != nil {
		return nil, err
	}
	t, s, err := plan.Pick(&v, w.Table, w.Split)
	if err != nil {
		return nil, err
	}
	if !t.Objects {
		return nil, nil
	}
	err = e.whole(ctx, g, &v, t)
	if err != nil {
		return nil, err
	}
	at := s.Find(name)
	if at < 0 {
		return nil, schemas.Errorf(schemas.NotFound, name, "there is no object %q in %s/%s", name, t.Name, s.Name)
	}
	err = e.mayRead(ctx, a.Provider, s.Shards[at:at+1])
	if err != nil {
		return nil, read.RedactLocation(t.Name+"/"+s.Name+"/"+name, err)
	}
	return file.LookObject(&v, t, s, at), nil
}

// whole says whether a grant covers a table of objects, which is given whole or not at all.
func (e *Engine) whole(ctx context.Context, g policy.Grant, v *schemas.Version, t *schemas.Table) error {
	a, w := g.Agreement(), g.Asked()
	if len(w.Columns) > 0 {
		return schemas.BadField("stream", "columns", "the table %s is of objects, which have no columns: leave columns out", t.Name)
	}
	err := e.covered(ctx, &a, v)
	if err == nil {
		err = view.Whole(t, &a)
	}
	return err
}

// objects gives the splits of a table of objects as a manifest has them.
func (e *Engine) objects(ctx context.Context, g policy.Grant, v *schemas.Version, t *schemas.Table, split string) ([]*plan.Source, error) {
	err := e.whole(ctx, g, v, t)
	if err != nil {
		return nil, err
	}
	var out []*plan.Source
	for i := range t.Splits {
		s := &t.Splits[i]
		if split != "" && split != s.Name {
			continue
		}
		err := e.mayRead(ctx, g.Agreement().Provider, s.Shards)
		if err != nil {
			return nil, read.RedactLocation(t.Name+"/"+s.Name, err)
		}
		out = append(out, plan.NewObjects(*v, t, s))
	}
	return out, nil
}

// noRows refuses to read objects as rows, and says where they are.
func noRows(a schemas.AgreementID, t *schemas.Table, s *schemas.Split) error {
	name := "NAME"
	if len(s.Shards) > 0 {
		name = s.Shards[0].Name
	}
	return &schemas.Error{
		Kind: schemas.Invalid, Subject: "stream", Fields: []schemas.FieldError{{Pointer: "table", Message: "a table of objects"}},
		Message: fmt.Sprintf("the table %s is of objects, files that are given as they are: it has no rows to stream", t.Name),
		Remedy: fmt.Sprintf("get them by their names, GET %s or over the S3 face; guichet files %s DIR fetches all, guichet mount shows them",
			ObjectPath(a, t.Name, s.Name, name), a),
	}
}

// ObjectPath is where an object is read over HTTP.
func ObjectPath(a schemas.AgreementID, table, split, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return fmt.Sprintf("/api/v1/agreements/%s/objects/%s/%s/%s", a, table, split, strings.Join(parts, "/"))
}
