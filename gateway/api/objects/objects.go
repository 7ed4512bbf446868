// Package objects is the API that says what lies in a provider's places: below the prefixes of stores that were granted
// to it, and among the files that it sent.
//
// In: a store, a bucket, a prefix; or a dataset of the provider's. Out: names, sizes, times and folders, page by page.
// Always: nothing is listed but what the provider may publish, and whoever may not learns not even that it is
// there; few ask stores at a time, each caller once. It must not read objects.
//
//	GET /stores/{id}/objects   one folder: what lies directly in it
//	GET /datasets/{id}/files   what was uploaded for a dataset, as TABLE/SPLIT/NAME
package objects

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"guichet/catalog/publish"
	"guichet/connectors/s3"
	"guichet/gateway/api"
	"guichet/policy"
	"guichet/policy/turn"
	"guichet/schemas"
)

// Object is what lies in a folder of a store.
type Object struct {
	Key      string    `json:"key" doc:"as a publication names it; that of a folder ends with a slash"`
	Folder   bool      `json:"folder,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	Fault    string    `json:"fault,omitempty" doc:"why it cannot be published under this name"`
}

// File is one that was uploaded.
type File struct {
	Table    string    `json:"table"`
	Split    string    `json:"split"`
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified,omitzero"`
}

// folder names a folder of a store.
type folder struct {
	api.Caller
	ID     schemas.StoreID `path:"id"`
	Bucket string          `query:"bucket" required:"true" maxLength:"255"`
	Prefix string          `query:"prefix" required:"true" maxLength:"1024" doc:"ends with a slash, and lies below one that was granted to you"`
	api.Paging
}

// filesOf names a dataset.
type filesOf struct {
	api.Caller
	ID schemas.DatasetID `path:"id"`
	api.Paging
}

// lister asks stores.
type lister struct {
	publisher *publish.Publisher
	turns     *turn.Turns
}

// atOnce is how many ask stores at a time.
const atOnce = 8

// Operations are those of objects.
func Operations(p *publish.Publisher) func(*api.Operations) {
	l := &lister{p, turn.New(atOnce)}
	return func(o *api.Operations) {
		api.Add(o, http.MethodGet, "/stores/{id}/objects", "list-objects", "datasets",
			"What lies directly in a folder of a store, below a prefix that was granted to you", l.objects)
		api.Add(o, http.MethodGet, "/datasets/{id}/files", "list-files", "datasets",
			"The files that were uploaded for a dataset, to be published with uploaded: true", l.files)
	}
}

// objects lists a folder. Errors: Denied for who is no provider, NotFound for what was not granted, those of stores.
func (l *lister) objects(ctx context.Context, in *folder) (*api.List[Object], error) {
	by := in.By()
	err := policy.Needs(by, schemas.RoleProvider, "look into stores")
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(in.Prefix, "/") {
		return nil, schemas.BadField("folder", "prefix", "the prefix %q does not end with /", in.Prefix)
	}
	granted, err := l.publisher.Prefix(ctx, by.Participant, in.ID, in.Bucket, in.Prefix)
	if err == nil && granted != "" { // such as one that a store could read as another
		err = l.publisher.MayName(ctx, by.Participant, in.ID, in.Bucket, in.Prefix+"x")
	}
	switch schemas.KindOf(err) {
	case schemas.NotFound, schemas.Denied:
		granted, err = "", nil
	}
	if err == nil && granted == "" {
		err = &schemas.Error{
			Kind: schemas.NotFound, Subject: string(in.ID), Message: "there is no such folder in a place that was granted to you",
			Remedy: "GET /stores lists your places; the operator grants others",
		}
	}
	if err != nil {
		return nil, err
	}
	store, err := l.publisher.Store(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, next, err := l.look(ctx, by, store, s3.Look{Bucket: in.Bucket, Prefix: in.Prefix}, in.Paging)
	if err != nil {
		return nil, err
	}
	out := make([]Object, 0, len(found))
	for _, e := range found {
		o := Object{Key: e.Key, Folder: e.Folder, Bytes: e.Size, Modified: e.Modified}
		name := e.Key
		if e.Folder {
			name += "x"
		}
		err := l.publisher.MayName(ctx, by.Participant, in.ID, in.Bucket, name)
		refused, is := errors.AsType[*schemas.Error](err)
		switch {
		case !utf8.ValidString(e.Key):
			o.Key, o.Fault = strings.ToValidUTF8(e.Key, "�"), "its name is not UTF-8: give the object another name"
		case is && refused.Kind == schemas.Denied:
			o.Fault = refused.Message
		case err != nil:
			return nil, err
		}
		out = append(out, o)
	}
	return api.ListOf(out, next), nil
}

// files lists what was uploaded. Errors: as for a dataset that is to be changed, those of the store.
func (l *lister) files(ctx context.Context, in *filesOf) (*api.List[File], error) {
	by := in.By()
	err := policy.Needs(by, schemas.RoleProvider, "list uploaded files")
	if err != nil {
		return nil, err
	}
	d, err := l.publisher.Catalog.Own(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	id, bucket, err := l.publisher.Work(ctx)
	if err != nil {
		return nil, err
	}
	store, err := l.publisher.Store(ctx, id)
	if err != nil {
		return nil, err
	}
	at := s3.Look{Bucket: bucket, Prefix: schemas.UploadPrefix(d.Provider) + string(d.ID) + "/", Deep: true}
	found, next, err := l.look(ctx, by, store, at, in.Paging)
	if err != nil {
		return nil, err
	}
	out := make([]File, 0, len(found))
	for _, e := range found {
		parts := strings.Split(strings.TrimPrefix(e.Key, at.Prefix), "/")
		if len(parts) != 3 { // nothing that was uploaded lies so
			continue
		}
		out = append(out, File{parts[0], parts[1], parts[2], e.Size, e.Modified})
	}
	return api.ListOf(out, next), nil
}

// look asks the store when it is the caller's turn. The cursor is the last key, coded. Errors: Invalid for a cursor that is none.
func (l *lister) look(ctx context.Context, by schemas.Principal, store *s3.Store, at s3.Look, page api.Paging) ([]s3.Entry, string, error) {
	after, err := base64.RawURLEncoding.DecodeString(page.Cursor)
	if err != nil || len(after) > 0 && !strings.HasPrefix(string(after), at.Prefix) {
		return nil, "", schemas.BadField("page", "cursor", "this is no cursor of this listing: take it from next")
	}
	done, err := l.turns.Take(ctx, by)
	if err != nil {
		return nil, "", err
	}
	defer done()
	at.After, at.Most = string(after), page.Limit
	found, more, err := store.Look(ctx, at)
	if err != nil || !more {
		return found, "", err
	}
	return found, base64.RawURLEncoding.EncodeToString([]byte(found[len(found)-1].Key)), nil
}
