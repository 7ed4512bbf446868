package doortest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/schemas"
)

// python is an interpreter that has pyarrow.
func python(t *testing.T) string {
	t.Helper()
	p := os.Getenv("GUICHET_PYTHON")
	if p == "" {
		Skip(t, "GUICHET_PYTHON names no interpreter with pyarrow")
	}
	return p
}

func equalToPyarrow(t *testing.T, r *Rig, _ []Door) {
	py := python(t)
	dir := t.TempDir()
	out, err := exec.Command(py, "testdata/make.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("make.py: %v\n%s", err, out)
	}
	id, lease := r.Ready(t, "pyarrow", Open(), filesIn(t, dir)...)
	out, err = exec.Command(py, "testdata/equal.py", r.HTTP, r.Flight, lease, string(id), dir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "equal 16106") {
		t.Fatalf("equal.py: %v\n%s", err, out)
	}
}

// foreign is a client that is not ours: it takes a first piece, says so, waits for
// the word to go on, and must fail when its stream was cut.
type foreign struct {
	name  string
	start func(t *testing.T, r *Rig, id schemas.AgreementID, lease string) (goOn func() error)
}

func foreigners(t *testing.T) []foreign {
	out := []foreign{{"a bare Go client", bareGo}}
	if p, err := exec.LookPath("curl"); err == nil {
		out = append(out, foreign{"curl", func(t *testing.T, r *Rig, id schemas.AgreementID, lease string) func() error {
			return curl(t, p, r, id, lease)
		}})
	} else if os.Getenv("CI") == "true" {
		t.Error("not tested here: there is no curl")
	}
	if p := os.Getenv("GUICHET_PYTHON"); p != "" {
		for _, kind := range []string{"http", "flight"} {
			out = append(out, foreign{"pyarrow over " + kind, func(t *testing.T, r *Rig, id schemas.AgreementID, lease string) func() error {
				return reader(t, p, kind, r, id, lease)
			}})
		}
	} else if os.Getenv("CI") == "true" {
		t.Error("not tested here: GUICHET_PYTHON names no interpreter with pyarrow")
	}
	return out
}

func bareGo(t *testing.T, r *Rig, id schemas.AgreementID, lease string) func() error {
	req, err := http.NewRequest("GET", r.HTTP+"/api/v1/agreements/"+string(id)+"/stream", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+lease)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return func() error { return errors.New(resp.Status) }
	}
	return func() error {
		defer resp.Body.Close()
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
}

// curl reads slowly by itself.
func curl(t *testing.T, path string, r *Rig, id schemas.AgreementID, lease string) func() error {
	cmd := exec.Command(path, "-fsS", "--limit-rate", "30M", "-o", filepath.Join(t.TempDir(), "out"), "-H", "Authorization: Bearer "+lease, r.HTTP+"/api/v1/agreements/"+string(id)+"/stream")
	must(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var err error
	Eventually(t, func() error { // until the stream is under way, or refused
		select {
		case err = <-done:
			done <- err
			return nil
		default:
		}
		all := r.Releases(t, id)
		if len(all) == 0 {
			return errors.New("no release has begun")
		}
		return nil
	})
	return func() error { return <-done }
}

func reader(t *testing.T, py, kind string, r *Rig, id schemas.AgreementID, lease string) func() error {
	address := r.HTTP
	if kind == "flight" {
		address = r.Flight
	}
	cmd := exec.Command(py, "testdata/reader.py", kind, address, lease, string(id))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	var words strings.Builder
	cmd.Stderr = &words
	must(t, cmd.Start())
	_, _ = bufio.NewReader(out).ReadString('\n') // "first", or the end
	return func() error {
		_, _ = io.WriteString(in, "\n") // it may have ended
		_, _ = io.Copy(io.Discard, out)
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, lastLine(words.String()))
		}
		return err
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// cutsSeen: whatever cuts a stream, and wherever, others' clients see an error.
func cutsSeen(t *testing.T, r *Rig, _ []Door) {
	d := r.Publish(t, "cuts", Open(), bulk(t)...)
	revoke := func(t *testing.T, id schemas.AgreementID) {
		must(t, r.As(t, "agronomy").Post(t.Context(), "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "by mistake"}, nil))
		last(t, r, id)
	}
	for _, c := range foreigners(t) {
		for name, cut := range map[string]func(t *testing.T, id schemas.AgreementID){
			"before the first batch": nil,
			"between batches":        func(*testing.T, schemas.AgreementID) { r.Store.Cut() },
			"inside a batch":         revoke, // while a write is blocked
			"not at all":             func(*testing.T, schemas.AgreementID) {},
		} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				defer r.Store.Restore()
				id := r.Agree(t, time.Time{}, d)[0].ID
				lease := r.Lease(t, id)
				if cut == nil {
					r.Store.Cut()
					cut = func(*testing.T, schemas.AgreementID) {}
				}
				goOn := c.start(t, r, id, lease)
				cut(t, id)
				err := goOn()
				if (err == nil) != (name == "not at all") {
					t.Errorf("it ended with %v", err)
				}
				t.Logf("%.300v", err)
			})
		}
	}
}

// rates logs how fast HTTP and Flight are, one after the other.
func rates(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "rates", Open(), bulk(t)...)
	for range 2 {
		for _, kind := range []string{"http", "flight"} {
			began := time.Now()
			n := drain(t, r, doors, kind, id, lease)
			t.Logf("%s: %d bytes, %.0f MB/s", kind, n, float64(n)/1e6/time.Since(began).Seconds())
		}
	}
}

func drain(t *testing.T, r *Rig, doors []Door, kind string, id schemas.AgreementID, lease string) (n int64) {
	t.Helper()
	if kind == "http" {
		req, err := http.NewRequest("GET", r.HTTP+"/api/v1/agreements/"+string(id)+"/stream", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+lease)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		n, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{resp.Body}, make([]byte, 1<<20))
		must(t, err)
		return n
	}
	ctx := withLease(t.Context(), lease)
	c := doors[2].(*flightDoor).c
	info, err := c.GetFlightInfo(ctx, descriptor(id, nil))
	must(t, err)
	st, err := c.DoGet(ctx, info.Endpoint[0].Ticket)
	must(t, err)
	for {
		m, err := st.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC's contract
			return n
		}
		must(t, err)
		n += int64(len(m.DataHeader) + len(m.DataBody))
	}
}
