package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/record"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/policy/audit"
	"guichet/schemas"
)

// impostor signs in with an issuer that may speak for the university alone, as somebody
// else.
func (s *Story) impostor(ctx context.Context) error {
	c, err := s.As(ctx, "impostor")
	if err != nil {
		return err
	}
	err = c.Get(ctx, "/agreements", nil)
	if schemas.KindOf(err) != schemas.Denied {
		return fmt.Errorf("want a refusal, got %v", err)
	}
	s.say("   %s", firstReason(err))
	return nil
}

// verified recomputes the record as an officer, without believing the gateway, and
// counts what is in it.
func (s *Story) verified(ctx context.Context) error {
	c, err := s.As(ctx, "officer")
	if err != nil {
		return err
	}
	report, err := record.Verify(ctx, c, "", nil)
	if err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("the record has faults: %s", strings.Join(report.Faults, "; "))
	}
	s.say("   online: %s records, tree of %s recomputed, root %s", terminal.Count(report.Records), terminal.Count(report.Size), report.Root)
	path := filepath.Join(s.dir, "record.zip")
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	defer f.Close()
	n, err := c.Download(ctx, "/audit/export", f)
	if err != nil {
		return err
	}
	key, err := files.Text(filepath.Join(s.config.Data, "keys", "log.pub"))
	if err != nil {
		return err
	}
	offline, err := audit.VerifyBundle(f, n, key)
	if err != nil {
		return err
	}
	if !offline.OK() {
		return fmt.Errorf("the bundle has faults: %s", strings.Join(offline.Faults, "; "))
	}
	s.say("   offline, with the public key alone: %s records of a bundle of %s hold", terminal.Count(offline.Records), terminal.Size(n))
	kinds, err := s.kinds(ctx, c)
	if err != nil {
		return err
	}
	s.say("   %s", kinds)
	s.figure("record", fmt.Sprintf("%s entries, verified online and offline", terminal.Count(report.Size)))
	return nil
}

// kinds counts what the record holds.
func (s *Story) kinds(ctx context.Context, c *client.Client) (string, error) {
	n := map[string]int{}
	for r, err := range record.Records(ctx, c) {
		if err != nil {
			return "", err
		}
		n[r.Kind]++
	}
	for _, want := range []string{schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd, schemas.ChangeRevoke, schemas.ChangeRefusal,
		schemas.ChangeReview} {
		if n[want] == 0 {
			return "", fmt.Errorf("the record has no %s", want)
		}
	}
	return fmt.Sprintf("%s begun, %d ended, %s, %s, %s",
		terminal.Plural(n[schemas.ChangeReleaseBegin], "release", "releases"), n[schemas.ChangeReleaseEnd],
		terminal.Plural(n[schemas.ChangeRevoke], "revocation", "revocations"),
		terminal.Plural(n[schemas.ChangeRefusal], "refusal", "refusals"),
		terminal.Plural(n[schemas.ChangeReview], "review", "reviews")), nil
}

// readyLine is the ready line with tokens for every role.
func (s *Story) readyLine(ctx context.Context) (serve.Addresses, error) {
	a := s.addresses
	a.Issuer, a.S3, a.Tokens = s.rig.Issuers[0].Issuer, s.rig.S3.Endpoint, map[string]string{}
	for role, id := range map[string]string{"trainer": "trainer", "provider": "agronomy", "officer": "officer", "operator": "operator"} {
		p := s.rig.Persona(id)
		source, err := client.ClientCredentials(ctx, p.Issuer, p.ID, p.Secret)
		if err != nil {
			return a, err
		}
		a.Tokens[role], err = source(ctx)
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// invite prints lines to copy.
func (s *Story) invite(a serve.Addresses) {
	c, err := s.As(context.Background(), "trainer")
	if err != nil {
		return
	}
	l, err := c.Lease(context.Background(), "", s.open)
	if err != nil {
		return
	}
	m, err := s.Shown(context.Background(), c, s.open)
	if err != nil {
		return
	}
	homes, err := s.Homes(a.HTTP)
	if err != nil {
		return
	}
	s.say("%s", Copyable(a, homes, s.rig.People(), l.Token, string(s.open), m.Tables[0].Table, m.Tables[0].Split))
}

// home is where somebody of the demo is signed in.
type home struct{ dir, who, try string }

// Homes signs everybody of the demo in, each in a folder of its own: with the client's
// secret, so that the command line gets a new token whenever the last one ends.
func (s *Story) Homes(server string) ([]home, error) {
	var out []home
	for _, x := range []struct{ id, try string }{
		{"trainer", "guichet search wheat --project crop-yield-2027"}, {"agronomy", "guichet audit list --kind release.end"}, {"hospital",
			"guichet requests"},
		{"officer", "guichet audit verify"}, {"operator", "guichet participant list"},
	} {
		p := s.rig.Persona(x.id)
		h := home{dir: filepath.Join(s.dir, "people", x.id), who: string(p.Participant) + terminal.InRoles(p.Roles), try: x.try}
		err := session.KeepIn(h.dir, session.Session{Server: server, Issuer: p.Issuer, ClientID: p.ID}, p.Secret)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// Copyable is the lines to copy: none is indented, since a here-document ends at a line
// that is its word alone, and Python minds its margin.
func Copyable(a serve.Addresses, homes []home, people []string, lease, agreement, table, split string) string {
	python, need := interpreter()
	link := fmt.Sprintf("%s/api/v1/agreements/%s/stream?table=%s&split=%s&seed=42&world=2&rank=0", a.HTTP, agreement, table, split)
	return fmt.Sprintf(`
Guichet stays up at %[1]s (API description: %[1]s/api/v1/openapi.json). Ctrl-C ends it.
The lease in the next three lasts 15 minutes; the last lines get another one. With curl:

curl --fail-with-body -H "Authorization: Bearer %[2]s" -o rank0.arrows "%[3]s"

With pyarrow over HTTP, and over Flight%[4]s:

%[5]s - <<'EOF'
import pyarrow.ipc as ipc, urllib.request
r = urllib.request.Request("%[3]s", headers={"Authorization": "Bearer %[2]s"})
print(ipc.open_stream(urllib.request.urlopen(r)).read_all().schema)
EOF

%[5]s - <<'EOF'
import pyarrow.flight as flight
o = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer %[2]s")])
c = flight.connect("%[6]s")
i = c.get_flight_info(flight.FlightDescriptor.for_path("%[7]s", "table=%[8]s", "split=%[9]s", "seed=42", "world=2", "rank=0"), o)
print(c.do_get(i.endpoints[0].ticket, o).read_all().num_rows)
EOF

On the command line, each signed in for as long as the demo runs:

%[10]s

In a browser: %[1]s, signed in as one of these (no passwords in the demo):

%[11]s
`, a.HTTP, lease, link, need, python, a.Flight, agreement, table, split, tried(homes, agreement), strings.Join(people, "\n"))
}

// tried is a line to copy for each home, and how its owner gets a lease.
func tried(homes []home, agreement string) string {
	var b strings.Builder
	for _, h := range homes {
		fmt.Fprintf(&b, "GUICHET_HOME=%s bin/%s # %s\n", h.dir, h.try, h.who)
	}
	fmt.Fprintf(&b, "GUICHET_HOME=%s bin/guichet lease %s # a new lease for the lines above", homes[0].dir, agreement)
	return b.String()
}

// interpreter is a Python that has pyarrow, where one is known; else need says how to
// get it.
func interpreter() (python, need string) {
	python = os.Getenv("GUICHET_PYTHON") // make sets it
	if python == "" {
		python = filepath.Join(".cache", "venv", "bin", "python") // of make setup
	}
	_, err := os.Stat(python)
	if err != nil {
		return "python3", " (where it is missing: python3 -m pip install pyarrow)"
	}
	return python, ""
}
