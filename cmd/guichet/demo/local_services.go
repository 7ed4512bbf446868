package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/gateway/api/contacts"
	"guichet/gateway/auth"
	"guichet/schemas"
)

// LocalServices is what a production site brings itself, here from the second binary,
// guichet-local: an S3 server and two OIDC issuers, on loopback.
type LocalServices struct {
	S3 struct {
		Endpoint   string `json:"endpoint"`
		Region     string `json:"region"`
		AccessKey  string `json:"access_key"`
		SecretKey  string `json:"secret_key"`
		Bucket     string `json:"bucket"`
		WorkBucket string `json:"work_bucket"`
	} `json:"s3"`
	Issuers []struct {
		Issuer   string    `json:"issuer"`
		Audience string    `json:"audience"`
		Clients  []persona `json:"clients"`
		Web      string    `json:"web_client"`    // of the pages
		Device   string    `json:"device_client"` // of the command line
	} `json:"issuers"`
	binary string
	Stop   func() error
}

// persona is somebody of the demo, with a client at an issuer.
type persona struct {
	ID          string                `json:"id"`
	Secret      string                `json:"secret"`
	Participant schemas.ParticipantID `json:"participant"`
	Roles       []schemas.Role        `json:"roles"`
	Issuer      string
}

// findLocal finds guichet-local beside our own binary, then on PATH.
func findLocal() (string, error) {
	if p := os.Getenv("GUICHET_LOCAL"); p != "" {
		return p, nil
	}
	self, err := os.Executable()
	if err == nil {
		beside := filepath.Join(filepath.Dir(self), "guichet-local")
		_, err = os.Stat(beside)
		if err == nil {
			return beside, nil
		}
	}
	p, err := exec.LookPath("guichet-local")
	if err != nil {
		return "", &schemas.Error{
			Kind:    schemas.Invalid,
			Subject: "guichet-local",
			Message: "guichet-local, the demo's S3 server and issuers, is not there",
			Remedy:  "make build puts it beside guichet",
			Err:     err,
		}
	}
	return p, nil
}

// StartLocalServices starts guichet-local, which ends when we do.
func StartLocalServices(ctx context.Context, dir string) (*LocalServices, error) {
	binary, err := findLocal()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "--data", dir, "--json", "--with-parent")
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start guichet-local: %w", err)
	}
	hold, err := cmd.StdinPipe() // its end tells guichet-local that we are gone, whatever happened to us
	if err != nil {
		return nil, fmt.Errorf("start guichet-local: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "..", "guichet-local.log"))
	if err != nil {
		return nil, fmt.Errorf("start guichet-local: %w", err)
	}
	cmd.Stderr = log
	err = cmd.Start()
	if err != nil {
		return nil, fmt.Errorf("start guichet-local: %w", err)
	}
	r := &LocalServices{binary: binary, Stop: func() error {
		hold.Close()
		err := cmd.Wait()
		log.Close()
		return err
	}}
	ready := make(chan error, 1)
	go func() {
		in := bufio.NewReader(lines)
		line, err := in.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, r)
		}
		ready <- err
		_, _ = io.Copy(io.Discard, in) // it never blocks on a full pipe
	}()
	select {
	case err = <-ready:
	case <-time.After(30 * time.Second):
		err = fmt.Errorf("it did not say in 30 seconds that it is ready")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = r.Stop()
		return nil, fmt.Errorf("start guichet-local (its words are in %s): %w", log.Name(), err)
	}
	for i := range r.Issuers {
		for j := range r.Issuers[i].Clients {
			r.Issuers[i].Clients[j].Issuer = r.Issuers[i].Issuer
		}
	}
	return r, nil
}

// Persona finds one by its id.
func (r *LocalServices) Persona(id string) persona {
	for _, is := range r.Issuers {
		for _, c := range is.Clients {
			if c.ID == id {
				return c
			}
		}
	}
	return persona{}
}

// People are those who may sign in, a line for each: who, for whom, as what, at which issuer.
func (r *LocalServices) People() []string {
	var out []string
	for i := range r.Issuers {
		for _, p := range r.Issuers[i].Clients {
			of := string(p.Participant)
			if of == "" {
				of = "no organisation yet"
			}
			out = append(out, fmt.Sprintf("# %-10s %s%s, at %s", p.ID, of, terminal.InRoles(p.Roles), issuerNames()[i]))
		}
	}
	return out
}

// issuerNames are what people know the demo's issuers by.
func issuerNames() []string { return []string{"Example AI Factory", "Example University"} }

// Config makes the settings of the demo's gateway: the first issuer is the
// operator's own, the second one speaks for the university alone.
func (r *LocalServices) Config(ctx context.Context, data string) (*serve.Config, error) {
	path := filepath.Join(data, "guichet.yaml")
	_, err := os.Stat(path)
	if os.IsNotExist(err) {
		op := r.Persona("operator")
		_, err = serve.InitCmd{
			Data:        data,
			Issuer:      op.Issuer,
			Audience:    r.Issuers[0].Audience,
			Operator:    op.ID,
			Participant: string(op.Participant),
			Name:        "Example AI Factory",
			Country:     "LU",
			Origin:      "guichet-demo",
		}.Make(ctx)
		if err == nil {
			err = r.Extend(path, data)
		}
	}
	if err != nil {
		return nil, err
	}
	return serve.ReadConfig(path)
}

// Extend adds the second issuer, the sign-in of browsers at both, and the store's keys to the settings.
func (r *LocalServices) Extend(path, data string) error {
	c, err := serve.ReadConfig(path)
	if err != nil {
		return err
	}
	c.Issuers = append(c.Issuers, auth.Issuer{Issuer: r.Issuers[1].Issuer, Audiences: []string{r.Issuers[1].Audience},
		Participants: []schemas.ParticipantID{"https://university.example"}, Roles: []schemas.Role{schemas.RoleTrainer}})
	for i, name := range issuerNames() {
		c.Issuers[i].Device = r.Issuers[i].Device
		c.Issuers[i].Name, c.Issuers[i].Web = name, &auth.Web{Client: r.Issuers[i].Web, Scopes: []string{"openid", "offline_access"}}
	}
	for name, s := range map[string]string{"s3-access": r.S3.AccessKey, "s3-secret": r.S3.SecretKey} {
		err := serve.WriteNew(filepath.Join(data, "keys", name), s+"\n")
		if err != nil {
			return err
		}
	}
	b, err := yaml.Marshal(map[string]any{"origin": c.Origin, "issuers": c.Issuers, "contacts": contacts.Helpers{
		Site: "help@guichet.example", Spaces: map[schemas.SpaceID]string{"health": "https://health.example/access"}},
		"credentials": map[string]serve.Credential{"local": {AccessKeyFile: "keys/s3-access", SecretKeyFile: "keys/s3-secret"}}})
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	err = os.WriteFile(path, b, 0o600)
	if err != nil {
		return schemas.Errorf(schemas.Unavailable, path, "the settings cannot be written: %w", err)
	}
	return nil
}

// MakeData runs the data maker and loads what it made into the S3 server.
func (r *LocalServices) MakeData(ctx context.Context, dir string, mib int) error {
	for _, args := range [][]string{
		{"make", "--out", dir, "--mib", fmt.Sprint(mib)},
		{"load", "--from", dir, "--endpoint", r.S3.Endpoint, "--access-key", r.S3.AccessKey, "--secret-key", r.S3.SecretKey, "--bucket",
			r.S3.Bucket},
	} {
		out, err := exec.CommandContext(ctx, r.binary, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("guichet-local %s: %w: %s", args[0], err, out)
		}
	}
	return nil
}

// Client signs a persona in.
func (r *LocalServices) Client(ctx context.Context, base, id string) (*client.Client, error) {
	p := r.Persona(id)
	source, err := client.ClientCredentials(ctx, p.Issuer, p.ID, p.Secret)
	if err != nil {
		return nil, err
	}
	return client.New(base, source)
}

// quiet is the demo's log: warnings and worse, into a file.
func quiet(path string) (*slog.Logger, io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, schemas.Errorf(schemas.Unavailable, path, "the log cannot be written: %w", err)
	}
	return slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{Level: slog.LevelInfo})), f, nil
}

// from makes connections leave by an address of this machine: a job at a factory.
func from(address string) *http.Transport {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Transport{DialContext: d.DialContext, ReadBufferSize: 256 << 10}
}

// Narrow makes connections that take little in advance: a slow reader's stream is
// then really under way, not waiting in the kernel's buffers.
func Narrow() *http.Transport {
	d := &net.Dialer{}
	return &http.Transport{ReadBufferSize: 4 << 10, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if t, ok := c.(*net.TCPConn); ok && err == nil {
			err = t.SetReadBuffer(64 << 10)
		}
		return c, err
	}}
}
