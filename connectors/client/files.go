package client

import (
	"context"
	"io"
	"strconv"

	"guichet/schemas"
)

// FilesOf says which files of an agreement are meant.
type FilesOf struct {
	Agreement schemas.AgreementID
	Run       schemas.RunID
	Version   schemas.VersionID // the newest that it covers when empty
	Table     string            // the only one; all when empty
	Columns   string            // separated by commas; all when empty
	Copy      schemas.LeaseID   // the staged copy that is filled with them
}

// Files are an agreement's data as files at a gateway, read under leases that are renewed by
// themselves. Safe for concurrent use.
type Files struct {
	client *Client
	of     FilesOf
}

// Files gives the files of an agreement; nothing is asked yet.
func (c *Client) Files(of FilesOf) *Files {
	ask := schemas.LeaseAsk{Run: of.Run, Items: []schemas.LeaseItem{{Agreement: of.Agreement}}}
	if of.Copy != "" {
		ask = schemas.LeaseAsk{Copy: of.Copy}
	}
	return &Files{c.As(c.renewing(ask)), of}
}

// Manifest says which files there are. Errors: of the gateway.
func (f *Files) Manifest(ctx context.Context) (schemas.Manifest, error) {
	var m schemas.Manifest
	query := Query("version", string(f.of.Version), "table", f.of.Table, "columns", f.of.Columns, "run", string(f.of.Run))
	return m, f.client.Get(ctx, "/agreements/"+string(f.of.Agreement)+"/manifest"+query, &m)
}

// Stat is Client.Stat.
func (f *Files) Stat(ctx context.Context, is *File) error {
	is.Columns = f.of.Columns
	return f.client.Stat(ctx, f.of.Agreement, is)
}

// Range is Client.Range.
func (f *Files) Range(ctx context.Context, is *File, from, n int64) (io.ReadCloser, error) {
	return f.client.Range(ctx, f.of.Agreement, is, from, n)
}

// Standing asks the gateway whether the agreement stands. Errors: what it refuses.
func (f *Files) Standing(ctx context.Context) error {
	return f.client.Get(ctx, "/agreements/"+string(f.of.Agreement)+"/manifest"+Query("version", string(f.of.Version)), nil)
}

// InManifest lists the files of a manifest: its shards, whose size is not known yet (-1), and its
// objects.
func InManifest(m *schemas.Manifest) (out []File) {
	for i := range m.Tables {
		t := &m.Tables[i]
		for n := range t.Shards {
			out = append(out, File{Table: t.Table, Split: t.Split, Name: strconv.Itoa(n) + ".arrow", Version: m.Version, Size: -1})
		}
		for n := range t.Objects {
			out = append(out, ObjectOf(m, t, &t.Objects[n]))
		}
	}
	return out
}
