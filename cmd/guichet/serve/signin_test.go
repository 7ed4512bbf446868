package serve

import (
	"strings"
	"testing"
	"time"
)

// How browsers sign in is read beside the file, and checked before the start.
func TestSignInSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "pages.secret", "s3cret")
	const head = "issuers:\n- iss: https://login.example\n  audiences: [guichet]\n  name: Ours\n  web: "
	for text, want := range map[string]string{
		"{client: pages}": "",
		"{client: pages, secret_file: pages.secret, scopes: [openid, offline_access], parameters: {audience: guichet}}": "",
		"{client: pages, secret_file: gone}":           "issuers.web.secret_file",
		"{secret_file: pages.secret}":                  "name the client",
		"{client: pages, parameters: {state: x}}":      "set by the gateway",
		"{client: pages}\nsession_idle: 1s":            "session_idle",
		"{client: pages}\nsession_life: 721h":          "session_life",
		"{client: pages}\nsession_idle: 13h":           "session_idle",
		"{client: pages}\nsession_idle: soon":          "session_idle",
		"{client: pages}\nsession_life: 30m":           "session_idle",
		"{client: pages, redirect: https://x.example}": "unknown field",
	} {
		c, err := ReadConfig(write(t, dir, "guichet.yaml", head+text+"\n"))
		if err == nil {
			err = c.check()
		}
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error()+pointer(err), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, err := ReadConfig(write(t, dir, "guichet.yaml", head+"{client: pages}\nsession_idle: 30m\n"))
	if err != nil {
		t.Fatal(err)
	}
	idle, life, err := c.sessions()
	if err != nil || idle != 30*time.Minute || life != 12*time.Hour {
		t.Errorf("%s, %s, %v", idle, life, err)
	}
	shown := ""
	for _, x := range c.inFile() {
		shown += x[1] + "\n"
	}
	if !strings.Contains(shown, "name Ours, browsers as pages") {
		t.Errorf("shown as %s", shown)
	}
}
