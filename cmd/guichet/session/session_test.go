package session

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// TestSessions: what login keeps is found again, readable by its owner alone; none is a
// stranger's, and one that cannot be read says where it lies.
func TestSessions(t *testing.T) {
	home := filepath.Join(t.TempDir(), "new", "home")
	t.Setenv("GUICHET_HOME", home)
	s, err := kept()
	if err != nil || s != (Session{}) {
		t.Fatalf("before login: %+v, %v", s, err)
	}
	want := Session{Server: "https://guichet.example", Issuer: "https://login.example", ClientID: "me", Secret: "/secret"}
	path, err := want.Keep()
	if err != nil || path != filepath.Join(home, "session.json") {
		t.Fatalf("%s, %v", path, err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	s, err = kept()
	if err != nil || s != want {
		t.Errorf("%+v, %v", s, err)
	}
	err = os.WriteFile(path, []byte("{"), 0o600)
	if err == nil {
		_, err = kept()
	}
	if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), "the session in "+path+" cannot be read; sign in again") {
		t.Errorf("a session that is cut: %v", err)
	}
}

// TestWhoseToken: a token file goes before GUICHET_TOKEN, which goes before the session's
// issuer; a file that others may read is refused.
func TestWhoseToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, env, want string }{{file, "from-env", "from-file"}, {"", " from-env\n", "from-env"}, {"", "", ""}} {
		t.Setenv("GUICHET_TOKEN", c.env)
		source, err := Session{}.tokens(t.Context(), c.file)
		if err != nil || (source == nil) != (c.want == "") {
			t.Fatalf("%+v: %v", c, err)
		}
		if source == nil {
			continue
		}
		if got, err := source(t.Context()); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Session{}.tokens(t.Context(), file)
	e, _ := errors.AsType[*schemas.Error](err)
	if e == nil || !strings.Contains(e.Remedy, "chmod 600") {
		t.Errorf("a token that others may read: %v", err)
	}
}

// TestOpen: what the command line says goes before what the session keeps, and that before
// the gateway of this machine.
func TestOpen(t *testing.T) {
	t.Setenv("GUICHET_HOME", t.TempDir())
	t.Setenv("GUICHET_TOKEN", "")
	term := &terminal.Terminal{Err: &strings.Builder{}}
	ask := func(said Session) string {
		t.Helper()
		c, err := Open(t.Context(), term, said, "", "http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		return c.Get(t.Context(), "/me", nil).Error()
	}
	if got := ask(Session{}); !strings.Contains(got, "127.0.0.1:1") {
		t.Errorf("without anything: %s", got)
	}
	if _, err := (Session{Server: "http://127.0.0.2:1"}).Keep(); err != nil {
		t.Fatal(err)
	}
	if got := ask(Session{}); !strings.Contains(got, "127.0.0.2:1") {
		t.Errorf("with a session: %s", got)
	}
	if got := ask(Session{Server: "http://127.0.0.3:1"}); !strings.Contains(got, "127.0.0.3:1") {
		t.Errorf("with --server: %s", got)
	}
	_, err := Open(t.Context(), term, Session{Server: "no address"}, "", "")
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("no address: %v", err)
	}
}
