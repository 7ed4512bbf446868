package serve

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"guichet/cmd/guichet/terminal"
	"guichet/gateway/auth"
	"guichet/policy/audit"
	"guichet/policy/party"
	"guichet/schemas"
)

// InitCmd is the verb init, which makes what a gateway never makes by itself: its keys.
type InitCmd struct {
	Data        string `required:"" help:"New folder for the gateway's state." type:"path" placeholder:"DIR"`
	Issuer      string `required:"" help:"OIDC issuer of the operator's organisation." placeholder:"URL"`
	Audience    string `help:"Audience of its tokens." default:"guichet"`
	Operator    string `required:"" help:"Subject (sub) of the first operator at this issuer." placeholder:"SUB"`
	Participant string `required:"" help:"Id of the operator's organisation: URL or did." placeholder:"URL"`
	Name        string `help:"Name of the organisation." default:"The operator"`
	Country     string `help:"ISO 3166-1 alpha-2 code of its country." default:"EU"`
	Origin      string `help:"Name of the record's log, for ever." default:"" placeholder:"NAME"`
	Database    string `help:"sqlite:FILE or postgres://…; SQLite in DIR when left out." placeholder:"URL"`
}

// Run makes the folder.
func (v InitCmd) Run(ctx context.Context, t *terminal.Terminal) error {
	vkey, err := v.Make(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(v.Data, "guichet.yaml")
	if t.JSON {
		return t.Print(map[string]string{"config": path, "log_key": vkey})
	}
	fmt.Fprintf(
		t.Out,
		"made %s\nthe record's public key, for whoever verifies it:\n  %s\nback up %s and the database; the keys in it cannot be made "+
			"again\nstart the gateway: guichet serve --config %s\n",
		path, vkey, v.Data, path,
	)
	return nil
}

// check says what is wrong with the words before anything is made of them.
func (v InitCmd) check() error {
	var faults []schemas.FieldError
	fault := func(flag, format string, args ...any) {
		faults = append(faults, schemas.FieldError{Pointer: flag, Message: fmt.Sprintf(format, args...)})
	}
	u, err := url.Parse(v.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		fault("--issuer", "%q is not an address; write it like https://login.example", v.Issuer)
	}
	if v.Audience == "" {
		fault("--audience", "tokens are for an audience: say which")
	}
	if strings.TrimSpace(v.Operator) == "" {
		fault("--operator", "say who the first operator is: the sub that the issuer's tokens name")
	}
	if !schemas.IsParticipantID(v.Participant) {
		fault("--participant", "%q is neither a URL nor a did", v.Participant)
	}
	if strings.TrimSpace(v.Name) == "" || len(v.Name) > 256 {
		fault("--name", "an organisation's name has 1 to 256 bytes")
	}
	if !schemas.IsCountryCode(v.Country) {
		fault("--country", "%q is not a country code: write two capital letters (ISO 3166-1 alpha-2), such as FR", v.Country)
	}
	switch len(faults) {
	case 0:
		return nil
	case 1:
		return &schemas.Error{Kind: schemas.Invalid, Subject: "init", Message: faults[0].Message, Fields: faults}
	}
	return &schemas.Error{Kind: schemas.Invalid, Subject: "init", Message: "no gateway can be made of this", Fields: faults}
}

// Make writes keys, settings and the first operator; it gives the log's public key.
// When it fails, nothing of it is left.
func (v InitCmd) Make(ctx context.Context) (vkey string, err error) {
	path := filepath.Join(v.Data, "guichet.yaml")
	for _, there := range []string{path, filepath.Join(v.Data, "keys")} {
		_, err = os.Stat(there)
		if err == nil {
			return "", &schemas.Error{
				Kind:    schemas.Conflict,
				Subject: there,
				Message: fmt.Sprintf("there is a gateway in %s already: %s", v.Data, filepath.Base(there)),
				Remedy:  "give another folder; init never overwrites keys",
			}
		}
	}
	err = v.check()
	if err != nil {
		return "", err
	}
	if v.Origin == "" {
		v.Origin = "guichet-" + string(schemas.NewRunID())[4:]
	}
	skey, vkey, err := audit.NewKey(v.Origin)
	if err != nil {
		return "", err
	}
	clear, err := clearing(v.Data)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, clear())
		}
	}()
	err = os.MkdirAll(filepath.Join(v.Data, "keys"), 0o700)
	if err != nil {
		return "", schemas.Errorf(schemas.Unavailable, v.Data, "the folder cannot be made: %w", err)
	}
	for name, s := range map[string]string{"log.key": skey, "log.pub": vkey, "lease.key": random(), "pseudonym.key": random()} {
		err := WriteNew(filepath.Join(v.Data, "keys", name), s+"\n")
		if err != nil {
			return "", err
		}
	}
	b, err := yaml.Marshal(
		map[string]any{
			"database": v.Database,
			"origin":   v.Origin,
			"issuers":  []map[string]any{{"iss": v.Issuer, "audiences": []string{v.Audience}, "own": true}},
		},
	)
	if err != nil {
		return "", fmt.Errorf("write the settings: %w", err)
	}
	err = WriteNew(path, "# Settings of a Guichet gateway; guichet config --explain prints them all.\n"+string(b))
	if err != nil {
		return "", err
	}
	// Last, since a database elsewhere keeps what is written.
	return vkey, v.operator(
		ctx,
		&Config{
			Data:     v.Data,
			Database: v.Database,
			Origin:   v.Origin,
			Issuers:  []auth.Issuer{{Issuer: v.Issuer, Audiences: []string{v.Audience}, Own: true}},
		},
	)
}

// clearing notes what lies in a folder, and gives what removes all that came after.
func clearing(dir string) (clear func() error, err error) {
	before, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return os.RemoveAll(dir) }, nil
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, dir, "the folder %s cannot be read: %w", dir, err)
	}
	return func() error {
		now, err := os.ReadDir(dir)
		for _, e := range now {
			if !slices.ContainsFunc(before, func(b fs.DirEntry) bool { return b.Name() == e.Name() }) {
				err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
		}
		return err
	}, nil
}

// random is a secret of 256 bits.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// WriteNew makes a file for its owner alone, and never writes over one: keys cannot be
// made again.
func WriteNew(path, s string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return schemas.Errorf(schemas.Conflict, path, "the file cannot be made: %w", err)
	}
	_, err = f.WriteString(s)
	if err == nil {
		err = f.Sync()
	}
	closed := f.Close()
	if err == nil {
		err = closed
	}
	if err != nil {
		return schemas.Errorf(schemas.Unavailable, path, "the file cannot be written: %w", err)
	}
	return nil
}

// operator starts the record and registers the first operator.
func (v InitCmd) operator(ctx context.Context, c *Config) error {
	db, record, _, err := openDatabase(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writer errgroup.Group
	writer.Go(func() error { return db.Run(writing) })
	defer func() { stop(); _ = writer.Wait() }() // its queue is empty by then
	err = record.Start(ctx)
	if err != nil {
		return err
	}
	parties, err := party.New(db)
	if err != nil {
		return err
	}
	roles := []schemas.Role{schemas.RoleOperator, schemas.RoleOfficer}
	by := schemas.Principal{Issuer: "guichet init", Subject: v.Operator, Participant: schemas.ParticipantID(v.Participant), Roles: roles}
	_, err = parties.PutParticipant(
		ctx,
		by,
		schemas.Participant{
			ID:      schemas.ParticipantID(v.Participant),
			Name:    v.Name,
			Country: v.Country,
			Kind:    schemas.KindPublicBody,
			Roles:   roles,
			Members: []schemas.Member{{Issuer: v.Issuer, Subject: v.Operator, Roles: []schemas.Role{schemas.RoleOperator}}},
		},
		0,
	)
	return err
}
