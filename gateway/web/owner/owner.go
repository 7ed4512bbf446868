// Package owner is what the pages of a provider about a dataset of hers have in common.
//
// In: a visit. Out: the dataset that the address names, where it is hers; the places of stores that were granted to
// her; and which errors lead back to a form. Always: asked of the API as the visitor. It must not show pages.
package owner

import (
	"cmp"
	"net/http"
	"slices"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// Fault is what is wrong with a field of a form: "" where it is about none.
type Fault struct{ Field, Message, Pointer string }

// Faults are those of one form.
type Faults []Fault

// Wrong is what is wrong with a field; "" for nothing.
func (f Faults) Wrong(field string) string {
	i := slices.IndexFunc(f, func(x Fault) bool { return x.Field == field })
	if i < 0 {
		return ""
	}
	return f[i].Message
}

// Place is a prefix of a store that the operator granted.
type Place struct {
	Store  schemas.StoreID
	Bucket string
	Prefix string
}

// String is the place as the command line writes it.
func (p Place) String() string { return "s3://" + string(p.Store) + "/" + p.Bucket + "/" + p.Prefix }

// Places are those of the visitor's organisation.
func Places(v *page.Visit) ([]Place, error) {
	stores, err := client.All[schemas.Store](v.Ctx(), v.API, "/stores?limit=100")
	var out []Place
	for _, st := range stores {
		for _, p := range st.Prefixes {
			if p.Participant == v.Me.Participant {
				out = append(out, Place{st.ID, p.Bucket, p.Prefix})
			}
		}
	}
	return out, err
}

// Dataset reads one of the provider's own, as it is now. Errors: NotFound, also for one of others.
func Dataset(v *page.Visit) (d schemas.Dataset, err error) {
	err = v.API.Get(v.Ctx(), "/datasets/"+v.Param(), &d)
	if err == nil && d.Provider != v.Me.Participant {
		err = schemas.Errorf(schemas.NotFound, v.ID, "%s", v.Reader.T("provide.notyours", "Dataset", v.ID))
	}
	return d, err
}

// Name is a dataset's title for the head of a page.
func Name(v *page.Visit, d *schemas.Dataset) string {
	return page.Cut(80, cmp.Or(page.In(d.Title, v.Reader.Tag).Words, string(d.ID)))
}

// Asked is an error that leads back to the form, with its status; nil for any other.
func Asked(err error) (*schemas.Error, int) {
	e, is := err.(*schemas.Error) //nolint:errorlint // the client's, which wraps none
	if !is {
		return nil, 0
	}
	switch e.Kind {
	case schemas.Invalid, schemas.TooLarge:
		return e, http.StatusUnprocessableEntity
	case schemas.Precondition:
		return e, http.StatusPreconditionFailed
	case schemas.Conflict:
		return e, http.StatusConflict
	case schemas.Denied:
		return e, http.StatusForbidden
	case schemas.Busy, schemas.Unavailable:
		return e, http.StatusServiceUnavailable
	}
	return nil, 0
}
