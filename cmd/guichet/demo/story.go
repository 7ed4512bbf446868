package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/serve"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Story is the product's main job, told step by step against the real doors. Each
// step fails when the answer is not the one that it should be. At a second start it
// finds what the first one left.
type Story struct {
	t         *terminal.Terminal
	rig       *LocalServices
	config    *serve.Config
	dir       string
	mib       int
	addresses serve.Addresses
	people    map[string]*client.Client
	datasets  map[string]schemas.Dataset // by slug
	step      int
	open      schemas.AgreementID // the agreement that stays, for the lines to copy
	big       schemas.AgreementID // the one on the largest dataset, revoked in the end
	run       schemas.RunID       // in whose name the job streams
	figures   [][2]string
}

// NewStory makes the story of a gateway at its addresses. Its files lie in dir; mib is the
// size of the data that it makes.
func NewStory(t *terminal.Terminal, local *LocalServices, c *serve.Config, dir string, mib int, a serve.Addresses) *Story {
	return &Story{
		t:         t,
		rig:       local,
		config:    c,
		dir:       dir,
		mib:       mib,
		addresses: a,
		people:    map[string]*client.Client{},
		datasets:  map[string]schemas.Dataset{},
	}
}

// tell runs every step, and stops at the first that does not do what it should.
func (s *Story) tell(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(ctx context.Context) error
	}{
		{"The operator registers organisations, factories and the store", s.Parties},
		{"Providers of four data spaces register and publish their datasets", s.Register},
		{"They send real files from a laptop: Parquet and CSV, converted at the counter", s.real},
		{"A trainer looks for data in all spaces at once", s.find},
		{"The operator names the catalogue of another portal; what it has is found too", s.harvested},
		{"They ask for the wrong thing, and the no is explained", s.refused},
		{"They ask properly and get a permit; one holder decides by hand", s.granted},
		{"Their job streams it: two ranks, windows of rows in the order of a seed, every row once", s.streams},
		{"Health data: only from the secure factory, persons pseudonymised", s.health},
		{"The provider withdraws while a stream runs; it dies", s.revoked},
		{"An issuer that speaks for others is turned away", s.impostor},
		{"The officer verifies the record of all this", s.verified},
	} {
		s.step++
		s.say("\n%d. %s", s.step, step.title)
		err := step.do(ctx)
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", s.step, step.title, err)
		}
	}
	return s.table()
}

// Dataset gives one that the story registered, by its slug.
func (s *Story) Dataset(slug string) schemas.Dataset { return s.datasets[slug] }

// say tells one line; with --json the story is silent.
func (s *Story) say(format string, args ...any) {
	if !s.t.JSON {
		fmt.Fprintf(s.t.Out, format+"\n", args...)
	}
}

// As gives the client of a persona.
func (s *Story) As(ctx context.Context, id string) (*client.Client, error) {
	if c := s.people[id]; c != nil {
		return c, nil
	}
	c, err := s.rig.Client(ctx, s.addresses.HTTP, id)
	if err == nil {
		s.people[id] = c
	}
	return c, err
}

// Once makes a noun, unless an earlier start of the demo made it.
func Once(err error) error {
	if schemas.KindOf(err) == schemas.Conflict {
		return nil
	}
	return err
}

// Parties registers who takes part: an operator, two providers with an issuer of their
// own and two without, a university, three factories, one store with a prefix for each
// provider. What is there from an earlier run stays.
func (s *Story) Parties(ctx context.Context) error {
	op, err := s.As(ctx, "operator")
	if err != nil {
		return err
	}
	type member = schemas.Member
	own, other := s.rig.Issuers[0].Issuer, s.rig.Issuers[1].Issuer
	trainer, provider := []schemas.Role{schemas.RoleTrainer}, []schemas.Role{schemas.RoleProvider}
	people := []schemas.Participant{
		{
			ID:      "https://crop-ai.example",
			Name:    "Crop AI",
			Country: "FR",
			Kind:    schemas.KindStartUp,
			Roles:   trainer,
			Members: []member{{Issuer: own, Subject: "trainer", Roles: trainer}},
		},
		{
			ID:      "https://university.example",
			Name:    "Example University",
			Country: "FI",
			Kind:    schemas.KindResearch,
			Roles:   trainer,
			Members: []member{{Issuer: other, Subject: "researcher", Roles: trainer}},
		},
		{
			ID:      "https://agronomy.example",
			Name:    "Example Agronomy",
			Country: "FR",
			Kind:    schemas.KindResearch,
			Roles:   provider,
			Members: []member{{Issuer: own, Subject: "agronomy", Roles: provider}},
		},
		{
			ID:      "https://hospital.example",
			Name:    "Example Hospital",
			Country: "LV",
			Kind:    schemas.KindPublicBody,
			Roles:   provider,
			Members: []member{{Issuer: own, Subject: "hospital", Roles: provider}},
		},
		{
			ID:      "https://grid.example",
			Name:    "Example Grid",
			Country: "LU",
			Kind:    schemas.KindLargeCompany,
			Roles:   provider,
			Members: []member{{Issuer: own, Subject: "grid", Roles: provider}},
		},
		{
			ID:      "https://transit.example",
			Name:    "Example Transit",
			Country: "NL",
			Kind:    schemas.KindPublicBody,
			Roles:   provider,
			Members: []member{{Issuer: own, Subject: "transit", Roles: provider}},
		},
	}
	for _, p := range people {
		err := Once(op.Post(ctx, "/participants", p, nil))
		if err != nil {
			return err
		}
	}
	err = s.officer(ctx, op)
	if err != nil {
		return err
	}
	for _, f := range []schemas.Factory{
		{ID: "leonardo", Name: "Leonardo", Country: "IT", Contact: "help@leonardo.example"},
		{ID: "lumi", Name: "LUMI", Country: "FI", Egress: []string{"127.0.0.2/32"}, Secure: true},
		{ID: "marenostrum5", Name: "MareNostrum 5", Country: "ES", Egress: []string{"127.0.0.3/32"}},
	} {
		err := Once(op.Post(ctx, "/factories", f, nil))
		if err != nil {
			return err
		}
	}
	store := schemas.Store{
		ID:            "local",
		Endpoint:      s.rig.S3.Endpoint,
		Region:        s.rig.S3.Region,
		CredentialRef: "local",
		WorkBucket:    s.rig.S3.WorkBucket,
	}
	for _, name := range []string{"agronomy", "hospital", "grid", "transit"} {
		store.Prefixes = append(store.Prefixes,
			schemas.Prefix{Participant: schemas.ParticipantID("https://" + name + ".example"), Bucket: s.rig.S3.Bucket, Prefix: name + "/"})
	}
	err = Once(op.Post(ctx, "/stores", store, nil))
	if err != nil {
		return err
	}
	s.say("   %d participants, 3 factories, 1 store with a prefix for each of 4 providers", len(people)+1)
	return nil
}

// officer makes the officer's client a member of the operator's organisation.
func (s *Story) officer(ctx context.Context, op *client.Client) error {
	all, err := client.All[schemas.Participant](ctx, op, "/participants")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p schemas.Participant) bool { return p.ID == s.rig.Persona("officer").Participant })
	if i < 0 {
		return errors.New("the operator's own organisation is not registered")
	}
	p := all[i]
	if slices.ContainsFunc(p.Members, func(m schemas.Member) bool { return m.Subject == "officer" }) {
		return nil
	}
	p.Members = append(p.Members,
		schemas.Member{Issuer: s.rig.Issuers[0].Issuer, Subject: "officer", Roles: []schemas.Role{schemas.RoleOfficer}})
	return op.Post(ctx, "/participants", p, nil, client.IfMatch(p.Revision))
}

// Register makes data of four data spaces, registers each dataset as its provider and
// publishes its files from the store.
func (s *Story) Register(ctx context.Context) error {
	made := filepath.Join(s.dir, "made")
	began := time.Now()
	err := s.rig.MakeData(ctx, made, s.mib)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(made, "*", "*", "dataset.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("the data maker made nothing in %s: %w", made, err)
	}
	s.say("   the data maker wrote %d datasets in %s", len(files), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	var rows, bytes, shards int64
	for _, f := range files {
		d, v, err := s.Publish(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(filepath.Dir(f)), err)
		}
		s.datasets[filepath.Base(filepath.Dir(f))] = d
		rows, bytes, shards = rows+v.Rows, bytes+v.Bytes, shards+int64(v.Shards)
		s.say("   %-12s %-28s %9s rows %9s  %s", d.Space, filepath.Base(filepath.Dir(f)), terminal.Count(v.Rows),
			terminal.Size(v.Bytes), d.Offer.Template)
	}
	took := time.Since(began)
	s.say("   %d shards, every byte read once in a child process: %s rows, %s in %s", shards, terminal.Count(rows),
		terminal.Size(bytes), took.Round(time.Millisecond))
	s.figure("published", fmt.Sprintf("%d datasets, %d shards, %s rows, %s", len(files), shards, terminal.Count(rows), terminal.Size(bytes)))
	return nil
}

// Publish registers one made dataset with its terms and publishes its version.
func (s *Story) Publish(ctx context.Context, file string) (schemas.Dataset, schemas.VersionSummary, error) {
	var d, have schemas.Dataset
	var v schemas.VersionSummary
	var p schemas.Publication
	dir := filepath.Dir(file)
	err := files.ReadDocument(file, &d)
	if err == nil {
		err = files.ReadDocument(filepath.Join(dir, "publish.json"), &p)
	}
	if err != nil {
		return have, v, err
	}
	c, err := s.As(ctx, filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return have, v, err
	}
	have, err = Registered(ctx, c, d)
	if err != nil {
		return have, v, err
	}
	if have.Offer == nil {
		b, err := os.ReadFile(filepath.Join(dir, "offer.json"))
		if err == nil {
			err = c.Do(ctx, http.MethodPut, "/datasets/"+string(have.ID)+"/offer", json.RawMessage(b), &have)
		}
		if err != nil {
			return have, v, err
		}
	}
	if slices.Contains(tellsValues(), filepath.Base(dir)) {
		p.Distributions = []string{"*"}
	}
	path := "/datasets/" + string(have.ID)
	err = Once(c.Post(ctx, path+"/versions", p, nil))
	if err == nil {
		v, err = c.WaitPublished(ctx, have.ID, p.Version, nil)
	}
	if err == nil {
		err = c.Get(ctx, path, &have)
	}
	return have, v, err
}

// tellsValues are the made datasets whose providers consent that it is shown how values are distributed.
func tellsValues() []string {
	return []string{"winter-wheat-trials", "wind-and-solar-feed-in", "bicycle-counters"}
}

// Registered registers a dataset, or finds what an earlier start registered.
func Registered(ctx context.Context, c *client.Client, d schemas.Dataset) (schemas.Dataset, error) {
	var have schemas.Dataset
	err := c.Post(ctx, "/datasets", d, &have)
	if e, ok := errors.AsType[*schemas.Error](err); ok && e.Kind == schemas.Conflict {
		err = c.Get(ctx, "/datasets/"+e.Subject, &have)
	}
	return have, err
}

// figure keeps a line of the table at the end.
func (s *Story) figure(name, value string) { s.figures = append(s.figures, [2]string{name, value}) }

// searched searches once the index has caught up with what was registered.
func (s *Story) searched(ctx context.Context, c *client.Client, q string) (schemas.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		f, err := c.Search(ctx, q)
		if schemas.KindOf(err) != schemas.Busy && (err != nil || f.Total > 0) {
			return f, err
		}
		t := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-t.C:
		}
	}
}

// table ends the story.
func (s *Story) table() error {
	if s.t.JSON {
		return nil
	}
	fmt.Fprintln(s.t.Out)
	w := tabwriter.NewWriter(s.t.Out, 3, 0, 2, ' ', 0)
	for _, f := range s.figures {
		fmt.Fprintf(w, "   %s\t%s\n", f[0], f[1])
	}
	return w.Flush()
}
