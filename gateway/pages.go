package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"guichet/gateway/web"
	"guichet/gateway/web/page"
)

// pages makes the site over the API that the router answers.
func (s *Server) pages(api http.Handler) *web.Site {
	c := page.Config{API: api, Public: s.deps.Public, Log: s.deps.Log, Proxied: func(r *http.Request) bool {
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		return err == nil && slices.ContainsFunc(s.deps.Behind, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })
	}}
	if s.deps.SignIn != nil && s.deps.SignIn.Offers() {
		c.Token = s.deps.SignIn.Token
	}
	site, err := web.New(c)
	if err != nil { // words and templates are part of the binary
		panic(err)
	}
	if s.deps.SignIn != nil {
		s.deps.SignIn.Render = site.SignIn
	}
	return site
}

// tell answers with the error before anything was asked of the API: people are shown a page.
func (s *Server) tell(c *gin.Context, err error) {
	if isBrowser(c.Request) && !strings.HasPrefix(c.Request.URL.Path, "/api/") {
		s.site.Fail(c, err)
		return
	}
	s.fail(c, err)
}
