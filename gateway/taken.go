package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/connectors/fetch"
	"guichet/gateway/api"
	"guichet/policy"
	"guichet/schemas"
)

// from says which file on the web is taken in.
type from struct {
	URL    string `json:"url"`
	Name   string `json:"name,omitempty"`   // in the split; its own when left out
	SHA256 string `json:"sha256,omitempty"` // hex, that it must have
}

// Taken is a file of the web that was taken in, to be published with uploaded: true.
type Taken struct {
	URL    string `json:"url" doc:"where it came from, after redirects"`
	Name   string `json:"name" doc:"in the split"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256" doc:"hex"`
}

// maxUnsized bounds a file of which its host does not say how long it is, in bytes: it lies in a
// temporary file until it is there whole.
const maxUnsized = 1 << 30

// takeFile takes in a file of the web as a provider's upload: from public addresses, or from networks
// that the operator named for files.
func (s *Server) takeFile(c *gin.Context) {
	by, _ := c.Value(api.PrincipalKey).(schemas.Principal)
	err := policy.Needs(by, schemas.RoleProvider, "take in files")
	if err == nil {
		err = s.deps.Parties.MayAct(c.Request.Context(), by)
	}
	var in from
	if err == nil {
		in, err = asked(c.Request.Body)
	}
	if err == nil { // before anything is asked of a stranger
		_, err = s.deps.Catalog.Own(c.Request.Context(), by, schemas.DatasetID(c.Param("id")))
	}
	if err != nil {
		s.refuse(c, by, err)
		return
	}
	leave, ok := s.incoming(c, by)
	if !ok {
		return
	}
	defer leave()
	var out Taken
	err = s.deps.Files(c.Request.Context(), in.URL, func(f fetch.File) error {
		out = Taken{URL: f.URL, Name: cmp.Or(in.Name, f.Name)}
		return s.store(c, by, &in, f, &out)
	})
	if err != nil {
		s.refuse(c, by, err)
		return
	}
	c.JSON(http.StatusOK, out)
}

// asked reads what is asked for. Errors: Invalid.
func asked(body io.Reader) (in from, err error) {
	d := json.NewDecoder(io.LimitReader(body, 8<<10))
	d.DisallowUnknownFields()
	err = d.Decode(&in)
	if err != nil {
		return in, schemas.BadField("file", "", "the body is no JSON object with url, name and sha256: %v", err)
	}
	in.SHA256 = strings.ToLower(in.SHA256)
	if b, err := hex.DecodeString(in.SHA256); err != nil || len(b) != 0 && len(b) != sha256.Size {
		return in, schemas.BadField("file", "/sha256", "%.100q is no SHA-256 in hex", in.SHA256)
	}
	err = fetch.Check(in.URL)
	return in, err
}

// store stores a file that comes; one that is not what it should be is not kept.
func (s *Server) store(c *gin.Context, by schemas.Principal, in *from, f fetch.File, out *Taken) error {
	sum := sha256.New()
	body := io.TeeReader(f.Body, sum)
	if f.Size < 0 || in.SHA256 != "" { // its length or its sum is known once it is here
		spool, err := os.CreateTemp("", "guichet-file-*")
		if err != nil {
			return fmt.Errorf("make room for a file: %w", err)
		}
		defer func() { _ = errors.Join(spool.Close(), os.Remove(spool.Name())) }()
		f.Size, err = io.Copy(spool, io.LimitReader(body, maxUnsized+1))
		if err == nil {
			_, err = spool.Seek(0, io.SeekStart)
		}
		if err != nil {
			return schemas.Errorf(schemas.Unavailable, in.URL, "the file broke off after %d bytes: %w", f.Size, err)
		}
		if f.Size > maxUnsized {
			return schemas.Errorf(schemas.TooLarge, in.URL,
				"a file whose host does not say its length, or whose sum is to be checked, has at most %d bytes", int64(maxUnsized))
		}
		body = spool
	}
	if got := hex.EncodeToString(sum.Sum(nil)); in.SHA256 != "" && got != in.SHA256 {
		return schemas.Errorf(schemas.Invalid, in.URL, "the file is another than it should be: its SHA-256 is %s, not %s", got, in.SHA256)
	}
	counted := &length{Reader: body}
	err := s.deps.Publisher.Upload(c.Request.Context(), by, schemas.DatasetID(c.Param("id")), c.Param("table"), c.Param("split"), out.Name,
		counted, f.Size)
	out.Bytes, out.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return err
}

// length counts what is read.
type length struct {
	io.Reader
	n int64
}

func (l *length) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	l.n += int64(n)
	return n, err
}
