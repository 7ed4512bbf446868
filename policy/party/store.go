package party

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"guichet/policy"
	"guichet/schemas"
)

// PutStore makes or changes a store and the prefixes in it. Errors as
// PutParticipant.
func (r *Registry) PutStore(ctx context.Context, by schemas.Principal, s schemas.Store, ifRevision int64) (schemas.Store, error) {
	err := policy.Needs(by, schemas.RoleOperator, "change stores")
	if err != nil {
		return s, err
	}
	if !schemas.IsSlug(string(s.ID)) {
		return s, schemas.BadField("store", "/id", "%q cannot name a store: a name has %s", s.ID, schemas.SlugInWords)
	}
	for at, endpoint := range map[string]string{"/endpoint": s.Endpoint, "/public_endpoint": s.PublicEndpoint} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" {
			if at == "/public_endpoint" && endpoint == "" {
				continue
			}
			return s, schemas.BadField("store", at, "%q is not an endpoint; write it like https://s3.example", endpoint)
		}
	}
	for i, p := range s.Prefixes {
		err := checkPrefix(s.Prefixes[:i], p)
		if err != nil {
			return s, schemas.BadField("store", fmt.Sprintf("/prefixes/%d", i), "%v", err)
		}
	}
	s.Revision, err = put(ctx, r.db, by, "store", string(s.ID), &s, nil, ifRevision, nil)
	return s, err
}

// checkPrefix holds a prefix against those before it: two organisations never share one,
// and none lies inside another's, or a key would have two owners.
func checkPrefix(before []schemas.Prefix, p schemas.Prefix) error {
	if p.Participant == "" || p.Bucket == "" {
		return fmt.Errorf("a prefix names a participant and a bucket")
	}
	if !strings.HasSuffix(p.Prefix, "/") {
		return fmt.Errorf("the prefix %q does not end with /, so it would reach into its neighbours", p.Prefix)
	}
	if !cleanKey(strings.TrimSuffix(p.Prefix, "/")) {
		return fmt.Errorf("the prefix %q is not in plain form", p.Prefix)
	}
	for _, o := range before {
		if o.Bucket == p.Bucket && o.Participant != p.Participant &&
			(strings.HasPrefix(o.Prefix, p.Prefix) || strings.HasPrefix(p.Prefix, o.Prefix)) {
			return fmt.Errorf("the prefix %s overlaps %s of another participant", p.Prefix, o.Prefix)
		}
	}
	return nil
}

// Store finds one, for reading alone: its prefixes are shared. Errors: NotFound.
func (r *Registry) Store(ctx context.Context, id schemas.StoreID) (schemas.Store, error) {
	s, revision, err := r.stores.Get(ctx, string(id))
	s.Revision = revision
	return s, err
}

// Stores lists them: all with every prefix for operators, with their own
// prefixes alone for providers.
func (r *Registry) Stores(ctx context.Context, by schemas.Principal, after string, limit int) ([]schemas.Store, string, error) {
	if !by.Has(schemas.RoleOperator) {
		err := policy.Needs(by, schemas.RoleProvider, "list stores")
		if err != nil {
			return nil, "", err
		}
	}
	set := func(s *schemas.Store, revision int64) { s.Revision = revision }
	if by.Has(schemas.RoleOperator) {
		return list(ctx, r.db, "store", "", nil, after, limit, set)
	}
	return picked(ctx, r.db, "store", "", nil, after, limit, set, func(s *schemas.Store) (string, bool) {
		s.CredentialRef = ""
		s.Prefixes = slices.DeleteFunc(slices.Clone(s.Prefixes), func(p schemas.Prefix) bool { return p.Participant != by.Participant })
		return string(s.ID), len(s.Prefixes) > 0
	})
}

// MayName says whether a dataset of provider may name an object: nil where it lies under
// a prefix of the provider's or is what the provider uploaded, or Denied saying why.
// Asked at publication and again at every open [decisions.md 1].
func (r *Registry) MayName(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) error {
	deny := func(text string) error {
		return schemas.Refuse(key, "store.prefix", "prefixes of stores", text, "ask the operator to grant the prefix")
	}
	s, err := r.Store(ctx, store)
	if schemas.KindOf(err) == schemas.NotFound {
		return deny(fmt.Sprintf("there is no store %q in which you have a prefix", store))
	}
	if err != nil {
		return err // no answer is no no: what is refused is recorded
	}
	if s.WorkBucket != "" && s.WorkBucket == bucket && strings.HasPrefix(key, schemas.UploadPrefix(provider)) && !strings.Contains(key, "..") {
		return nil // the provider's own upload
	}
	plain, err := url.PathUnescape(key)
	if err != nil {
		return rename(key, "has a percent sign that is not an escape")
	}
	if plain != key && !cleanKey(plain) || !cleanKey(key) {
		return rename(key, "has an empty, . or .. part, a backslash or a control character")
	}
	for _, p := range s.Prefixes {
		if p.Participant == provider && p.Bucket == bucket && strings.HasPrefix(key, p.Prefix) {
			return nil
		}
	}
	return deny(fmt.Sprintf("the key %q is under no prefix of yours in store %s, bucket %s", key, store, bucket))
}

// withWork lists the stores with a work bucket of the operator's.
func (r *Registry) withWork(ctx context.Context) ([]schemas.Store, error) {
	all, _, err := r.Stores(ctx, schemas.Principal{Subject: "gateway", Roles: []schemas.Role{schemas.RoleOperator}}, "", 1000)
	return slices.DeleteFunc(all, func(s schemas.Store) bool { return s.WorkBucket == "" }), err
}

// Work gives the store and the bucket where new files of the gateway go: those of the
// first store that has a work bucket. Errors: Unavailable where none has.
func (r *Registry) Work(ctx context.Context) (schemas.StoreID, string, error) {
	with, err := r.withWork(ctx)
	if err == nil && len(with) == 0 {
		err = &schemas.Error{
			Kind:    schemas.Unavailable,
			Subject: "store",
			Message: "no store has a work bucket, so nothing can be converted or filtered",
			Remedy:  "the operator gives one store a work_bucket",
		}
	}
	if err != nil {
		return "", "", err
	}
	return with[0].ID, with[0].WorkBucket, nil
}

// rename refuses a key that stores and proxies read in more than one way.
func rename(key, why string) error {
	text := fmt.Sprintf("the key %q %s, so it could be read as another one", key, why)
	return schemas.Refuse(key, "store.key", "names of objects", text, "give the object another name")
}

// Prefix is the provider's prefix under which an object lies: the longest, with its slash.
// It is empty where the object lies under none.
func (r *Registry) Prefix(ctx context.Context, provider schemas.ParticipantID, store schemas.StoreID, bucket, key string) (string, error) {
	s, err := r.Store(ctx, store)
	if err != nil {
		return "", err
	}
	longest := ""
	for _, p := range s.Prefixes {
		if p.Participant == provider && p.Bucket == bucket && strings.HasPrefix(key, p.Prefix) && len(p.Prefix) > len(longest) {
			longest = p.Prefix
		}
	}
	return longest, nil
}

// cleanKey says whether a key has no empty, "." or ".." part, no backslash and
// no control characters.
func cleanKey(key string) bool {
	if key == "" || len(key) > 1024 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' }) {
		return false
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
