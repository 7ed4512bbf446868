package gateway

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"guichet/schemas"
)

// maxID bounds a part of a path and a value of a query, in bytes. No id of ours is as
// long, and no database has to be asked for one that is.
const maxID = 2048

// texts refuses what no id or word of ours can be before anything is asked of the
// database, which may not know such texts: bytes that are not UTF-8, NUL, lengths
// beyond any name. A path with them leads nowhere. A key given twice is refused too, on
// every address: one of its values would count, and the other be dropped in silence.
func (s *Server) texts(c *gin.Context) {
	for _, p := range c.Params {
		if !schemas.IsText(p.Value, maxID) {
			s.tell(c, schemas.Errorf(schemas.NotFound, p.Key, "there is nothing at this address: its %s is not a name", p.Key))
			return
		}
	}
	if !schemas.IsText(c.GetHeader("Idempotency-Key"), maxID) {
		s.tell(c, schemas.BadField("request", "Idempotency-Key", "the key is not plain text"))
		return
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		s.tell(c, schemas.BadField("request", "query", "the query is malformed: %v", err))
		return
	}
	for name, values := range query {
		said := strings.ToValidUTF8(name[:min(len(name), 64)], "?")
		if len(values) > 1 { // of which one would count
			s.tell(c,
				schemas.BadField("request", said, "the key %q is given twice; alternatives of a filter are written in one, separated by commas", said))
			return
		}
		for _, v := range append(values, name) {
			if !schemas.IsText(v, 16*maxID) {
				s.tell(c, schemas.BadField("request", said, "the query holds what is not text: bytes that are not UTF-8, or NUL"))
				return
			}
		}
	}
}

// plainBody refuses a JSON body that holds what is no text.
func plainBody(body []byte) error {
	if !utf8.Valid(body) {
		return schemas.BadField("request", "", "the body is not UTF-8")
	}
	for rest := body; ; {
		i := bytes.Index(rest, []byte(`\u0000`))
		if i < 0 {
			return nil
		}
		slashes := 0
		for slashes < i && rest[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 { // an odd one before it makes it six letters
			return schemas.BadField("request", "", "the body holds the character NUL, which no text here has")
		}
		rest = rest[i+1:]
	}
}

// guarded is around every answer and call: headers that keep a browser from taking an
// answer for anything else, and an end to connections on which the length of a body
// was left to its chunks: what follows them is read by nobody.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("Referrer-Policy", "no-referrer")
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			head.Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
