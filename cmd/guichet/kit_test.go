package main

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"guichet/cmd/guichet/session"
	"guichet/connectors/client"
	"guichet/schemas"
)

// TestKit runs connectors/python/tests/kit.py in an environment that has the wheel of the kit
// and what it asks for, and nothing else; what needs other libraries in one that has them.
func TestKit(t *testing.T) {
	t.Parallel()
	installed, kit, others := installedKit(t), kitPython(t), os.Getenv("GUICHET_PYTHON")
	if others == "" {
		lacking(t, "not tested here: GUICHET_PYTHON names no interpreter")
	}
	g := newGateway(t, "")
	g.populate()
	const rows = 300_000 // several windows
	var shards [2][]byte
	for i := range shards {
		var text strings.Builder
		text.WriteString("n,word\n")
		for n := i * rows / 2; n < (i+1)*rows/2; n++ {
			fmt.Fprintf(&text, "%d,word %d\n", n, n%97)
		}
		shards[i] = []byte(text.String())
	}
	agreement := g.granted(g.publishedAs(wheat("Numbers"), shards[:]...))[0]
	token := written(t, t.TempDir(), "token", bearer(t, g, "trainer"))
	provider := written(t, t.TempDir(), "provider", bearer(t, g, "agronomy"))
	home, p := filepath.Join(t.TempDir(), "home"), g.rig.Persona("trainer")
	err := session.KeepIn(home, session.Session{Server: g.base, Issuer: p.Issuer, ClientID: p.ID}, p.Secret)
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Abs(filepath.Join(root, "gateway", "stream", "plan", "testdata", "order2.json"))
	if err != nil {
		t.Fatal(err)
	}
	jobKey := written(t, t.TempDir(), "job.key", jobKeyOf(t, g.as("trainer"), agreement))
	for _, c := range []struct {
		name, python, server string
		what                 []string
	}{
		{"signed in with a browser", kit, "", []string{"person"}},
		{"core", kit, g.base, []string{"whole", "stand_in", "resume", "refused", "left", "job", "ordered"}},
		{"over a network that breaks off", kit, "http://" + breaking(t, strings.TrimPrefix(g.base, "http://")), []string{"cut"}},
		{"other libraries", others, g.base, []string{"tools", "files", "signed_by_library"}},
		{"signed in", kit, "", []string{"session"}},
		{"an agreement that ends", others, g.base, []string{"files_ended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := home
			if c.what[0] == "person" {
				home = personHome(t, g, "trainer")
			}
			cmd := exec.Command(c.python, append([]string{filepath.Join(root, "connectors", "python", "tests", "kit.py")}, c.what...)...)
			cmd.Env = append(os.Environ(), "GUICHET_SERVER="+c.server, "GUICHET_TOKEN_FILE="+token, "AGREEMENT="+string(agreement),
				fmt.Sprint("ROWS=", rows), "JOB_KEY="+jobKey,
				"PROVIDER_TOKEN_FILE="+provider, "VECTORS="+vectors, "GUICHET_HOME="+home, "HF_HOME="+t.TempDir(), "HF_HUB_DISABLE_TELEMETRY=1")
			if c.python != kit {
				cmd.Env = append(cmd.Env, "PYTHONPATH="+installed)
			}
			out, err := cmd.CombinedOutput()
			for _, w := range c.what {
				if err == nil && !strings.Contains(string(out), "ok "+w) {
					err = fmt.Errorf("nothing is said of %s", w)
				}
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// personHome is a folder in which somebody signed in with a browser.
func personHome(t *testing.T, g *testGateway, who string) string {
	t.Helper()
	dir, is := t.TempDir(), g.rig.Issuers[0]
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "guichet"))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "guichet"), "--server", g.base, "login", "--issuer", is.Issuer, "--client-id", is.Device)
	cmd.Env = append(os.Environ(), "GUICHET_HOME="+filepath.Join(dir, "home"))
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		code, is := strings.CutPrefix(lines.Text(), "and enter the code ")
		if !is {
			continue
		}
		resp, err := http.PostForm(g.rig.Issuers[0].Issuer+"/device", url.Values{"user_code": {code}, "who": {who}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	err = cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "home")
}

// jobKeyOf registers a job key on an agreement and gives its file.
func jobKeyOf(t *testing.T, c *client.Client, agreement schemas.AgreementID) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	var l schemas.Lease
	if err == nil {
		err = c.Post(t.Context(), "/job-keys", schemas.JobKeyAsk{PublicKey: public, Items: []schemas.LeaseItem{{Agreement: agreement}}}, &l)
	}
	k := client.JobKey{Server: c.Address(), ID: l.ID, Agreements: []schemas.AgreementID{agreement}, Until: l.Until, Private: private}
	file, bad := k.File()
	err = errors.Join(err, bad)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// kitPython is the interpreter of the environment that has the kit.
func kitPython(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, ".cache", "kit", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// installedKit is the folder in which the kit lies, installed from its wheel.
func installedKit(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(kitPython(t), "-c", "import guichet, os; print(os.path.dirname(os.path.dirname(guichet.__file__)))").Output()
	if err != nil {
		lacking(t, "not tested here: the Python kit is not installed into .cache/kit; make setup does it")
	}
	return strings.TrimSpace(string(out))
}

// breaking gives the address of a proxy that breaks off answers: the first two after some
// million bytes each.
func breaking(t *testing.T, to string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var broken atomic.Int64
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			both := sync.OnceFunc(func() { _, _ = in.Close(), out.Close() })
			go func() { _, _ = io.Copy(out, in); both() }()
			go func() {
				defer both()
				n, err := io.CopyN(in, out, 2_500_000)
				if err == nil && n == 2_500_000 && broken.Add(1) > 2 {
					_, _ = io.Copy(in, out)
				}
			}()
		}
	}()
	return l.Addr().String()
}
