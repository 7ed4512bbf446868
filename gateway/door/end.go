package door

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"guichet/gateway/stream/release"
)

// ended tears the connection down when a release did not end well.
func (d *Door) ended(c *gin.Context, dataset string, sink interface{ Begun() bool }, err error) {
	if err == nil {
		return
	}
	if !sink.Begun() {
		d.fail(c, err)
		return
	}
	Tear(c.Writer, c.Request, d.Log, dataset, err)
}

// Tear ends an answer that has begun and did not end well, so that every client sees it cut.
// It does not return.
func Tear(w http.ResponseWriter, r *http.Request, log *slog.Logger, dataset string, err error) {
	if _, client := errors.AsType[*release.ClientError](err); !client && r.Context().Err() == nil {
		log.Info("a stream was cut", "dataset", dataset, "err", err)
	}
	CutOff(w, r)
	panic(http.ErrAbortHandler) // the one deliberate panic: net/http cuts the connection
}

// CutOff makes an answer die at once. Over HTTP/2 the connection has other
// answers: net/http resets this one alone when its time to write is over.
func CutOff(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
		return
	}
	reset(r.Context())
}
