package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"
	"unicode/utf8"

	"guichet/catalog"
	"guichet/schemas"
)

// MaxUpload bounds one uploaded file: 50 GB. Larger data belongs into a store of the
// provider's own.
const MaxUpload = 50 << 30

// Upload takes a file of the provider's into the work bucket, to be published as
// part of a table's split. The same name again replaces it. size is the length that
// was announced. Errors: NotFound, Invalid, TooLarge, Unavailable.
func (pub *Publisher) Upload(
	ctx context.Context, by schemas.Principal, id schemas.DatasetID, table, split, name string, body io.Reader, size int64,
) error {
	d, err := pub.Catalog.Own(ctx, by, id)
	if err != nil {
		return err
	}
	switch {
	case d.Withdrawn:
		return catalog.WithdrawnError(id)
	case size == 0 || size < 0 && ended(body):
		return schemas.BadField("upload", "name", "the file %s is empty", name)
	case size < 0:
		return schemas.BadField("upload", "Content-Length", "say how long the file is")
	case size > MaxUpload:
		return schemas.Errorf(schemas.TooLarge, name, "a file has at most %d bytes; put larger ones into a store of your own", int64(MaxUpload))
	case !schemas.IsSlug(table):
		return schemas.BadField("upload", "table", "%q cannot name a table: a name has %s", table, schemas.SlugInWords)
	case !schemas.IsSlug(split):
		return schemas.BadField("upload", "split", "%q cannot name a split: a name has %s", split, schemas.SlugInWords)
	case name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\") || strings.HasPrefix(name, ".") ||
		strings.ContainsFunc(name, hidden):
		return schemas.BadField("upload", "name",
			"%q is not a file name: it has 1 to 200 bytes of UTF-8, no slash, no dot in front, and no character that cannot be seen",
			name)
	}
	store, bucket, err := pub.Work(ctx)
	if err != nil {
		return err
	}
	work, err := pub.Store(ctx, store)
	if err != nil {
		return err
	}
	key := uploadKey(&d, table, split, name)
	counted, err := pub.reserve(ctx, d.Provider, key, size)
	if err != nil {
		return err
	}
	sent := &counter{r: io.LimitReader(body, size)}
	_, err = work.Put(ctx, bucket, key, sent, size)
	counted(err == nil)
	var late net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(sent.err, &late) && late.Timeout():
		return schemas.Errorf(schemas.Invalid, name, "the upload stopped after %d of %d bytes: no more came in time", sent.n, size)
	case sent.n != size && sent.err != nil || errors.Is(err, context.Canceled):
		return schemas.Errorf(schemas.Invalid, name, "the upload broke off after %d of %d bytes", sent.n, size)
	}
	return err
}

// hidden says whether a character cannot be seen, or turns others around.
func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// ended says whether a body of unknown length holds nothing: clients that know of an
// empty file send it as one of unknown length.
func ended(body io.Reader) bool {
	n, err := io.ReadFull(body, make([]byte, 1))
	return n == 0 && errors.Is(err, io.EOF)
}

// asUploaded names an uploaded file in a text as its provider does, TABLE/SPLIT/NAME,
// not by where it lies in the work bucket.
func asUploaded(d *schemas.Dataset, text string) string {
	return strings.ReplaceAll(text, schemas.UploadPrefix(d.Provider)+string(d.ID)+"/", "")
}

// uploadKey is where an uploaded file lies in the work bucket.
func uploadKey(d *schemas.Dataset, table, split, name string) string {
	return fmt.Sprintf("%s%s/%s/%s/%s", schemas.UploadPrefix(d.Provider), d.ID, table, split, name)
}

// counter counts what was read and keeps how it ended.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

// Read is io.Reader's.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// uploaded points a publication of uploaded files at where they lie.
func (pub *Publisher) uploaded(ctx context.Context, d *schemas.Dataset, p *schemas.Publication) error {
	store, bucket, err := pub.Work(ctx)
	if err != nil {
		return err
	}
	p.Store, p.Bucket = store, bucket
	for i := range p.Tables {
		t := &p.Tables[i]
		for j := range t.Splits {
			s := &t.Splits[j]
			if s.Name == "" {
				s.Name = "all"
			}
			if len(s.Keys) == 0 {
				return schemas.BadField("publication", fmt.Sprintf("/tables/%d/splits/%d/keys", i, j), "name the uploaded files")
			}
			for k, name := range s.Keys {
				if strings.ContainsAny(name, "/\\") {
					return schemas.BadField("publication", fmt.Sprintf("/tables/%d/splits/%d/keys/%d", i, j, k), "%q is not a file name", name)
				}
				s.Keys[k] = uploadKey(d, t.Name, s.Name, name)
			}
		}
	}
	return nil
}
