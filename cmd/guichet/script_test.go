package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"guichet/cmd/guichet/demo"
	"guichet/connectors/client"
)

// TestStories runs the scripts of testdata/script: each calls the real program as
// people do, and begins by saying who wants what. Beside testscript's own commands:
//
//	world             a running gateway in gw/ with the demo's parties and a project
//	gateway WHAT      start, stop or kill the gateway of gw/
//	signin PERSONA    be this persona from here on
//	saysyes CODE WHO  enter a program's code at the issuer, as this persona (2: at the second issuer); another name says no
//	objects NAME N…   put a CSV file with N rows each; $NAME is its address for --from
//	status N COMMAND  run a command, which must end with this exit status
//	until RE COMMAND  run a command until its output matches
//	keep VAR RE       put the first group of RE in the last output into $VAR
//	isjson            the last output is one JSON document
//	tamper FILE       change a name in the values of a bundle, as its keeper could
//	takeport VAR      listen on a port till the end; $VAR is its address
func TestStories(t *testing.T) {
	r := theRig(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GUICHET_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			env.Setenv("ISSUER", r.Issuers[0].Issuer)
			env.Setenv("ISSUER2", r.Issuers[1].Issuer)
			env.Setenv("S3", r.S3.Endpoint)
			env.Setenv("REGION", r.S3.Region)
			env.Setenv("BUCKET", r.S3.Bucket)
			env.Setenv("WORKBUCKET", r.S3.WorkBucket)
			g := &testGateway{t: scriptT{t: env.T()}, rig: r, data: filepath.Join(env.WorkDir, "gw"), log: &logBuffer{}, people: map[string]*client.Client{}}
			env.Values[gatewayKey{}] = g
			env.Defer(func() {
				if g.cmd != nil {
					_ = g.cmd.Process.Kill() // the story is over
					_ = g.cmd.Wait()
				}
			})
			return secrets(r, env.WorkDir)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"world": scriptWorld, "gateway": scriptGateway, "signin": scriptSignin, "objects": scriptObjects, "status": scriptStatus,
			"until": scriptUntil, "keep": scriptKeep, "isjson": scriptJSON, "tamper": scriptTamper, "takeport": scriptTakePort, "portal": scriptPortal,
			"saysyes": scriptSaysYes,
		},
	})
}

type gatewayKey struct{}

// scriptT lets the gateway's helper fail a script.
type scriptT struct {
	testing.TB // nil: only what is below is called
	t          testscript.T
}

func (s scriptT) Helper()                           {}
func (s scriptT) Context() context.Context          { return context.Background() }
func (s scriptT) Fatal(args ...any)                 { s.t.Fatal(args...) }
func (s scriptT) Errorf(format string, args ...any) { s.t.Fatal(fmt.Sprintf(format, args...)) }
func (s scriptT) Fatalf(format string, args ...any) { s.t.Fatal(fmt.Sprintf(format, args...)) }

// secrets writes what each persona would have been sent by her issuer.
func secrets(r *demo.LocalServices, dir string) error {
	err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700)
	for _, is := range r.Issuers {
		for _, p := range is.Clients {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, "secrets", p.ID), []byte(p.Secret+"\n"), 0o600))
		}
	}
	return errors.Join(err,
		os.WriteFile(filepath.Join(dir, "secrets", "s3-access"), []byte(r.S3.AccessKey+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "secrets", "s3-secret"), []byte(r.S3.SecretKey+"\n"), 0o600))
}

func theGateway(ts *testscript.TestScript) *testGateway { return ts.Value(gatewayKey{}).(*testGateway) }

func scriptWorld(ts *testscript.TestScript, _ bool, _ []string) {
	g := theGateway(ts)
	g.initialise("")
	scriptGateway(ts, false, []string{"start"})
	g.populate()
}

func scriptGateway(ts *testscript.TestScript, _ bool, args []string) {
	g := theGateway(ts)
	switch args[0] {
	case "start":
		g.args = args[1:]
		g.start()
		ts.Setenv("GUICHET_SERVER", g.base)
	case "stop":
		g.stop()
	case "kill":
		g.kill()
	default:
		ts.Fatalf("gateway start, stop or kill")
	}
}

func scriptSignin(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("GUICHET_HOME", ts.MkAbs("home-"+args[0]))
	p := theGateway(ts).rig.Persona(args[0])
	ts.Check(ts.Exec("guichet", "login", "--issuer", p.Issuer, "--client-id", p.ID, "--client-secret-file", ts.MkAbs("secrets/"+args[0])))
}

func scriptSaysYes(ts *testscript.TestScript, _ bool, args []string) {
	form := url.Values{"user_code": {args[0]}, "who": {args[1]}}
	resp, err := http.PostForm(theGateway(ts).rig.Issuers[len(args)-2].Issuer+"/device", form)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("the issuer answered %s", resp.Status)
	}
}

func scriptObjects(ts *testscript.TestScript, _ bool, args []string) {
	g := theGateway(ts)
	var shards [][]byte
	from := 0
	for _, s := range args[1:] {
		n, err := strconv.Atoi(s)
		ts.Check(err)
		shards = append(shards, csvRows(n, from))
		from += n
	}
	ts.Setenv(args[0], "s3://local/"+g.rig.S3.Bucket+"/"+g.put(strings.ToLower(args[0]), shards...))
}

func scriptStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

func scriptUntil(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile("(?s)" + args[0])
	ts.Check(err)
	late := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		if re.MatchString(ts.ReadFile("stdout") + ts.ReadFile("stderr")) {
			return
		}
		select {
		case <-late:
			ts.Fatalf("in 30 s no output matched %q; the last: %v\n%s%s", args[0], err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		case <-tick.C:
		}
	}
}

func scriptKeep(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no match of %q in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

func scriptJSON(ts *testscript.TestScript, _ bool, _ []string) {
	var v any
	err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v)
	if err != nil {
		ts.Fatalf("the output is not one JSON document: %v\n%s", err, ts.ReadFile("stdout"))
	}
}

func scriptTamper(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	in, err := zip.OpenReader(path)
	ts.Check(err)
	defer in.Close()
	var changed bytes.Buffer
	out := zip.NewWriter(&changed)
	for _, f := range in.File {
		r, err := f.Open()
		ts.Check(err)
		b, err := io.ReadAll(r)
		ts.Check(err)
		w, err := out.Create(f.Name)
		ts.Check(err)
		_, err = w.Write(bytes.ReplaceAll(b, []byte("https://crop-ai.example"), []byte("https://grid.example")))
		ts.Check(err)
	}
	ts.Check(out.Close())
	ts.Check(os.WriteFile(path, changed.Bytes(), 0o600))
}

// scriptPortal serves a folder of the story as another catalogue would; its address goes into a
// variable: portal DIR NAME.
func scriptPortal(ts *testscript.TestScript, _ bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(s.Close)
	ts.Setenv(args[1], s.URL)
}

func scriptTakePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}
