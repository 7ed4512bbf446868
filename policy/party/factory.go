package party

import (
	"context"
	"fmt"
	"net/netip"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/call"
	"guichet/schemas"
)

// PutFactory makes or changes a factory. Errors as PutParticipant.
func (r *Registry) PutFactory(ctx context.Context, by schemas.Principal, f schemas.Factory, ifRevision int64) (schemas.Factory, error) {
	err := policy.Needs(by, schemas.RoleOperator, "change factories")
	if err != nil {
		return f, err
	}
	if !schemas.IsSlug(string(f.ID)) {
		return f, schemas.BadField("factory", "/id", "%q cannot name a factory: a name has %s", f.ID, schemas.SlugInWords)
	}
	f.Name = schemas.Normal(f.Name)
	if !schemas.IsLine(f.Name) {
		return f, notOneLine("factory", "/name", f.Name)
	}
	err = r.country("factory", f.Country)
	if err != nil {
		return f, err
	}
	if f.Contact != "" && !schemas.IsContact(f.Contact) {
		return f, schemas.BadField("factory", "/contact", "%q is no address of mail or of the web", f.Contact)
	}
	for i, cidr := range f.Egress {
		_, err := netip.ParsePrefix(cidr)
		if err != nil {
			return f, schemas.BadField("factory", fmt.Sprintf("/egress/%d", i), "%q is not a network; write it like 192.0.2.0/24", cidr)
		}
	}
	f.Revision, err = put(ctx, r.db, by, "factory", string(f.ID), &f, nil, ifRevision, nil)
	return f, err
}

// Factory finds one. Errors: NotFound.
func (r *Registry) Factory(ctx context.Context, id schemas.FactoryID) (schemas.Factory, error) {
	f, revision, err := db.Get[schemas.Factory](ctx, r.db, "factory", string(id))
	f.Revision = revision
	return f, err
}

// HasFactory says whether a factory is registered, and HasParticipant an organisation.
func (r *Registry) HasFactory(ctx context.Context, id schemas.FactoryID) (bool, error) {
	return found(r.Factory(ctx, id))
}

// HasCall says whether there is a call under which projects run.
func (r *Registry) HasCall(ctx context.Context, id string) (bool, error) {
	_, _, err := db.Get[call.Call](ctx, r.db, "call", id)
	return found(id, err)
}

// Factories lists them.
func (r *Registry) Factories(ctx context.Context, after string, limit int) ([]schemas.Factory, string, error) {
	return list(ctx, r.db, "factory", "", nil, after, limit, func(f *schemas.Factory, revision int64) { f.Revision = revision })
}

// country refuses a country that is none: terms speak of places, and one who is nowhere
// is refused by all of them.
func (r *Registry) country(subject, code string) error {
	if r.places.Country(code) {
		return nil
	}
	return schemas.BadField(subject, "/country", "%q is not a country: write its ISO 3166-1 code, such as FR", code)
}
