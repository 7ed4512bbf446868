package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/client"
	"guichet/schemas"
)

// A holder is told that a request waits, the asker that it was decided, each by a webhook
// that the gateway signed; a gateway that is killed before the receiver is back tells it
// after its next start.
func TestToldOfRequests(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	type call struct {
		ID, Type string
		Data     schemas.Notice
		held     bool
	}
	var key []byte
	g.get("trainer", "/notices/key", &key)
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(key)), "whpk_"))
	if err != nil || len(public) != ed25519.PublicKeySize {
		t.Fatalf("the key is %q, %v", key, err)
	}
	calls, away := make(chan call, 16), make(chan bool, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-away:
			w.WriteHeader(http.StatusBadGateway)
			away <- true
			return
		default:
		}
		body, _ := io.ReadAll(r.Body)
		var c call
		sig, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("webhook-signature"), "v1a,"))
		if err == nil {
			err = json.Unmarshal(body, &c)
		}
		c.ID = r.Header.Get("webhook-id")
		c.held = err == nil && ed25519.Verify(public, []byte(c.ID+"."+r.Header.Get("webhook-timestamp")+"."+string(body)), sig)
		calls <- c
	}))
	t.Cleanup(hook.Close)
	for _, id := range []string{"https://agronomy.example", "https://crop-ai.example"} {
		all, err := client.All[schemas.Participant](t.Context(), g.as("operator"), "/participants")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if string(p.ID) == id {
				revision := p.Revision
				p.Revision, p.Notify = 0, &schemas.Notify{URL: hook.URL}
				err := g.as("operator").Post(t.Context(), "/participants", p, nil, client.IfMatch(revision))
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	told := func(kind string, r schemas.Request) {
		t.Helper()
		select {
		case c := <-calls:
			if !c.held || c.Type != kind || c.Data.Request != r.ID || len(c.Data.Datasets) != 1 || c.Data.Datasets[0] != r.Items[0].Dataset {
				t.Errorf("told %+v, want %s of %s", c, kind, r.ID)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody was told: %s", kind)
		}
	}
	d := g.published("Asked for", csvRows(10, 0))
	if err := g.as("agronomy").Do(t.Context(), http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]any{"template": "ask-the-holder"}, nil); err != nil {
		t.Fatal(err)
	}
	var r schemas.Request
	g.post("trainer", "/requests", demo.Requested("crop-yield", d.ID), &r)
	told(schemas.NoticePending, r)
	var back schemas.Request
	g.post("trainer", "/requests", demo.Requested("crop-yield", d.ID), &back)
	told(schemas.NoticePending, back)
	g.post("trainer", "/requests/"+string(back.ID)+"/withdraw", nil, &back)
	told(schemas.NoticeWithdrawn, back)
	away <- true
	g.post("agronomy", "/requests/"+string(r.ID)+"/review", map[string]string{"decision": "grant", "reason": "a test"}, &r)
	g.kill()
	<-away
	g.start()
	told(schemas.NoticeDecided, r)
}
