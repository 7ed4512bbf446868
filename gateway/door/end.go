package door

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/stream/release"
)

// ended tears the connection down when a release did not end well.
func (d *Door) ended(c *gin.Context, dataset string, sink interface{ begun() bool }, err error) {
	if err == nil {
		return
	}
	if !sink.begun() {
		d.fail(c, err)
		return
	}
	if _, client := errors.AsType[*release.ClientError](err); !client && c.Request.Context().Err() == nil {
		d.Log.Info("a stream was cut", "dataset", dataset, "err", err)
	}
	cutOff(c)
	panic(http.ErrAbortHandler) // the one deliberate panic: net/http cuts the connection
}

// cutOff makes an answer die at once. Over HTTP/2 the connection has other
// answers: net/http resets this one alone when its time to write is over.
func cutOff(c *gin.Context) {
	if c.Request.ProtoMajor == 2 {
		_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Unix(1, 0))
		return
	}
	reset(c.Request.Context())
}
