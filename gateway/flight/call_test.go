package flight

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A cut that comes when the handler has returned touches nothing: net/http's answer
// is gone by then.
func TestCutAfterTheEnd(t *testing.T) {
	late := make(chan *call, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := &call{control: http.NewResponseController(w)}
		c.cut(lastWord)
		var racing sync.WaitGroup
		racing.Go(func() { c.cut(lastWord); c.sent(1) })
		racing.Wait()
		_, n := c.finish()
		if n != 1 {
			t.Errorf("%d bytes are logged", n)
		}
		late <- c
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	(<-late).cut(lastWord) // before there was a guard, this took the process down
}
