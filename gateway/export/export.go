// Package export gives the site's catalogue to those who harvest it: portals, aggregators, other
// Guichets.
//
// In: requests without a body. Out: DCAT-AP, page by page, and a feed of what changes in it
// [DCAT-AP Feeds]. Always: it shows what everybody may know, whoever asks, and nothing that is
// hidden moves an answer; datasets that were harvested from elsewhere are their own
// catalogue's to give away.
package export

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/catalog"
	"guichet/connectors/dcatap/pages"
	"guichet/connectors/rdf"
	"guichet/policy"
	"guichet/schemas"
)

// Door gives the catalogue away.
type Door struct {
	Catalog *catalog.Catalog
	Public  string // the site's address for the world, without a slash at its end; "" where none was set
	Key     []byte // names places in the change sequence so that nobody reads how many there are
	Fail    func(c *gin.Context, err error)
}

// Bounds of a page.
const (
	most      = 100     // datasets
	enoughLen = 4 << 20 // bytes of descriptions, with which a page ends early
)

// Mount puts the catalogue and its feed at a group's addresses.
func (d *Door) Mount(g *gin.RouterGroup) {
	for _, method := range []string{http.MethodGet, http.MethodHead} { // who keeps a copy may ask for the tag alone
		g.Handle(method, "/catalogue", d.catalogue)
		g.Handle(method, "/catalogue/changes", d.changes)
	}
}

// at is the absolute address of a path of the API.
func (d *Door) at(path string, query url.Values) string {
	s := d.Public + "/api/v1" + path
	if len(query) > 0 {
		s += "?" + query.Encode()
	}
	return s
}

// catalogue gives a page of datasets in the order of their ids. The first one says where what
// changes after it is told.
func (d *Door) catalogue(c *gin.Context) {
	ctx, after := c.Request.Context(), c.Query("after")
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	} else {
		last, err := d.Catalog.LastPublicChange(ctx)
		place := ""
		if err == nil {
			place, err = d.place(ctx, last)
		}
		if err != nil {
			d.Fail(c, err)
			return
		}
		c.Writer.Header().Add("Link", fmt.Sprintf(`<%s>; rel="monitor"`, d.at("/catalogue/changes", url.Values{"after": {place}})))
	}
	datasets, err := d.Catalog.Public(ctx, schemas.DatasetID(after), most+1)
	page := pages.Catalogue{Public: d.Public, Address: d.at("/catalogue", nil), Page: d.at("/catalogue", query)}
	for i := range datasets {
		if i == most || page.Bytes() > enoughLen {
			page.Next = d.at("/catalogue", url.Values{"after": {string(datasets[i-1].ID)}})
			c.Writer.Header().Add("Link", fmt.Sprintf(`<%s>; rel="next"`, page.Next))
			break
		}
		if err == nil {
			err = page.Add(policy.Shown(schemas.Principal{}, datasets[i]))
		}
	}
	format := rdf.JSONLD
	if f, ok := rdf.FormatOf(c.GetHeader("Accept")); ok && (f == rdf.Turtle || f == rdf.RDFXML) {
		format = f
	}
	var b []byte
	if err == nil {
		b, err = page.Write(format)
	}
	d.answer(c, string(format), b, err)
}

// changes gives what changed after a place in the change sequence, or all that ever did. A page
// on which there is something names the next one, also where that has nothing yet.
func (d *Door) changes(c *gin.Context) {
	after, query := int64(-1), url.Values{}
	if token := c.Query("after"); token != "" {
		var err error
		after, err = d.known(c.Request.Context(), token)
		if err != nil {
			d.Fail(c, err)
			return
		}
		query.Set("after", token)
	}
	ctx := c.Request.Context()
	list, err := d.Catalog.PublicChanges(ctx, after, most)
	page := pages.Changes{Catalogue: pages.Catalogue{Public: d.Public, Address: d.at("/catalogue/changes", nil),
		Page: d.at("/catalogue/changes", query)}}
	for _, ch := range list {
		switch {
		case err != nil:
		case ch.Dataset == nil:
			page.Gone(ch.ID, ch.At)
		default:
			err = page.Changed(policy.Shown(schemas.Principal{}, *ch.Dataset), ch.At)
		}
		after = ch.Position
		if page.Bytes() > enoughLen {
			break
		}
	}
	var b []byte
	if err == nil && len(list) > 0 {
		var place string
		place, err = d.place(ctx, after)
		page.Next = d.at("/catalogue/changes", url.Values{"after": {place}})
	}
	if err == nil {
		b, err = page.Write()
	}
	d.answer(c, string(rdf.JSONLD), b, err)
}

// answer sends a page, unless it is the one that the caller has.
func (d *Door) answer(c *gin.Context, kind string, b []byte, err error) {
	if err != nil {
		c.Writer.Header().Del("Link")
		d.Fail(c, err)
		return
	}
	sum := sha256.Sum256(b)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Header("ETag", tag)
	c.Header("Cache-Control", "no-cache")
	if has(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return
	}
	c.Data(http.StatusOK, kind, b)
}

// has says whether an If-None-Match header names a tag, which weak comparison decides
// [RFC 9110 §13.1.2].
func has(said, tag string) bool {
	for one := range strings.SplitSeq(said, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}

// place names a position of the change sequence and what stands there: the same by the same name.
func (d *Door) place(ctx context.Context, position int64) (string, error) {
	mark, _, err := d.Catalog.PublicMark(ctx, position)
	return d.seal(position, mark), err
}

// known is the position of a name, if what stood there still does. Errors: Gone for what is none, as
// of a site whose key changed, or that was restored from before.
func (d *Door) known(ctx context.Context, token string) (int64, error) {
	position, said, ok := d.unseal(token)
	if ok {
		mark, known, err := d.Catalog.PublicMark(ctx, position)
		if err != nil || known && mark == said {
			return position, err
		}
	}
	return 0, &schemas.Error{Kind: schemas.Gone, Subject: "after", Message: "this names no place in the feed of this site, or none any more",
		Remedy: "read the catalogue anew: GET /api/v1/catalogue"}
}

// seal is one block of a cipher, from which nobody reads how much there was in between.
func (d *Door) seal(position int64, mark [8]byte) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(position))
	b = append(b, mark[:]...)
	d.block().Encrypt(b, b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (d *Door) unseal(token string) (position int64, mark [8]byte, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != aes.BlockSize {
		return 0, mark, false
	}
	d.block().Decrypt(b, b)
	copy(mark[:], b[8:])
	return int64(binary.BigEndian.Uint64(b)), mark, true
}

func (d *Door) block() cipher.Block {
	block, err := aes.NewCipher(d.key())
	if err != nil { // of a key of 32 bytes there is a cipher
		panic(err)
	}
	return block
}

func (d *Door) key() []byte {
	mac := hmac.New(sha256.New, d.Key)
	mac.Write([]byte("places in the change sequence"))
	return mac.Sum(nil)
}
