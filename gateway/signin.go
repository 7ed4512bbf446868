package gateway

import (
	"math"
	"strconv"

	"github.com/gin-gonic/gin"

	"guichet/gateway/door"
	"guichet/schemas"
)

// mountSignIn opens the sign-in of browsers.
func (s *Server) mountSignIn(r *gin.RouterGroup) {
	if s.deps.SignIn == nil {
		return
	}
	h := gin.WrapH(s.deps.SignIn.Handler())
	r.GET("/signin", h)
	r.POST("/signin", s.signInPace, h)
	r.GET("/signin/answer", s.signInPace, h)
	r.POST("/signout", s.signInPace, h)
}

// signInPace bounds what strangers have us write and ask of issuers, by their address.
func (s *Server) signInPace(c *gin.Context) {
	wait := s.rates.take("sign-ins\x00"+door.Shown(door.Address(c.Request, s.deps.Behind)), s.limits.Writes)
	if wait == 0 {
		return
	}
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	s.tell(c, schemas.Errorf(schemas.Busy, "signin", "too many sign-ins come from your address; go on in a moment"))
}
