package door

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"guichet/schemas"
)

// A misspelt or repeated key is refused: left out, it would give other rows than
// were asked for.
func TestAskNamesEveryKey(t *testing.T) {
	gin.SetMode(gin.TestMode)
	for query, words := range map[string]string{
		"":                               "",
		"world=8&rank=7&seed=3&epoch=1":  "",
		"table=t&split=s&columns=a,b":    "",
		"version=v1&run=run-x&even=drop": "",
		"wrold=8":                        `no key "wrold"`,
		"rank=0&rank=1&world=2":          "given twice",
		"world=8&rank=3;seed=1":          "malformed",
		"world=8&rank=%zz":               "malformed",
		"world=two":                      "whole number",
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest("GET", "/stream", nil)
		c.Request.URL.RawQuery = query
		_, err := asked(c)
		switch {
		case words == "" && err != nil:
			t.Errorf("%s: %v", query, err)
		case words != "" && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), words)):
			t.Errorf("%s: got %v, want %q", query, err, words)
		}
	}
}
